"""uvicorn around our web, with the stopping in our hands: left alone it closes every line at the first signal."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Generator
from typing import Self

import structlog
import uvicorn
from starlette.types import ASGIApp

from app.bridge.registry import Registry
from app.web.app import uvicorn_options

log = structlog.get_logger()


class QuietServer(uvicorn.Server):
    """uvicorn that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Doors:
    """`async with Doors(web, host, port) as doors:` serves while inside. Port 0 takes a free one: see `port`."""

    def __init__(self, web: ASGIApp, host: str, port: int) -> None:
        self._socket = socket.create_server((host, port), backlog=512)
        self.port: int = self._socket.getsockname()[1]
        self._server = QuietServer(uvicorn.Config(web, **uvicorn_options()))
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="doors")
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise RuntimeError("the server did not start")
            await asyncio.sleep(0.005)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving


async def until_told(registry: Registry, drain_s: float) -> None:
    """Wait for SIGTERM or SIGINT, then let live calls finish for `drain_s` at the most; a second signal ends
    that at once."""
    told, at_once = asyncio.Event(), asyncio.Event()

    def tell() -> None:
        (at_once if told.is_set() else told).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    await told.wait()
    registry.draining = True
    log.info("= draining", calls=registry.live_count(), seconds=drain_s)
    until = loop.time() + drain_s
    while not registry.at_rest() and not at_once.is_set() and loop.time() < until:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(at_once.wait(), 0.2)
