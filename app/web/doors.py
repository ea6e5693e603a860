"""uvicorn around our web, with the stopping in our hands: left alone it closes every line at the first signal."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Generator
from typing import Self

import structlog
import uvicorn
from starlette.types import ASGIApp

from app.bridge.desk import FrontDesk
from app.web.app import uvicorn_options

MOVE_S = 20.0  # for a call to come to the end of a turn
LAST_MOVES_S = 2.0
LOOK_S = 0.1

log = structlog.get_logger()


def listen(host: str, port: int) -> socket.socket:
    """Raises OSError where the port is not to be had."""
    return socket.create_server((host, port), backlog=512)


class QuietServer(uvicorn.Server):
    """uvicorn that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Doors:
    """`async with Doors(web, listen(host, port)) as doors:` serves while inside. Port 0 takes a free one: `port`."""

    def __init__(self, web: ASGIApp, listening: socket.socket) -> None:
        self._socket = listening
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


async def until_told(desk: FrontDesk, drain_s: float) -> None:
    """Wait for SIGTERM or SIGINT, then for the end of our calls; a second signal ends the waiting.

    From the first signal on we are not ready, new calls are refused, and what follows a stream is still answered. Live
    calls finish within `drain_s`; those that last longer are moved to other processes at the end of a turn, and after
    `MOVE_S` from where they stand. uvicorn is told to stop only after that, for it would close every line."""
    told, at_once = asyncio.Event(), asyncio.Event()

    def tell() -> None:
        (at_once if told.is_set() else told).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    await told.wait()
    registry = desk.registry
    registry.draining = True
    log.info("= draining", calls=registry.live_count(), seconds=drain_s)
    await _until(registry.at_rest, at_once, drain_s)
    desk.move_calls()
    await _until(registry.at_rest, at_once, MOVE_S)
    desk.move_calls(at_once=True)
    await _until(lambda: not registry.live_calls(), asyncio.Event(), LAST_MOVES_S)


async def _until(good: Callable[[], bool], at_once: asyncio.Event, seconds: float) -> None:
    until = asyncio.get_running_loop().time() + seconds
    while not good() and not at_once.is_set() and asyncio.get_running_loop().time() < until:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(at_once.wait(), LOOK_S)
