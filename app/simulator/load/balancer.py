"""A load balancer without sticky sessions: the real HAProxy where it is installed, else a round robin of our own that
knows no more than TCP and asks /readyz."""

import asyncio
import contextlib
import http.client
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

CHECK_S = 0.2
STARTS_WITHIN_S = 5.0
SILENT_S = 1.5  # what was sent to a server and is not acknowledged for so long: its host is gone
CHUNK = 65_536

# What a host is told to use (deploy/haproxy/haproxy.cfg), down to the addresses, which are ours.
EXAMPLE = Path(__file__).parents[3] / "deploy" / "haproxy" / "haproxy.cfg"
ADDRESSES = "# --- your addresses"

_OURS = """
frontend calls
  bind {at}
  default_backend servers
backend servers
  default-server inter {inter}ms
{servers}
"""


type Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Place(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@asynccontextmanager
async def balancer(at: Place, servers: Sequence[Place], folder: Path) -> AsyncIterator[str]:
    """While inside, `at` leads to those of `servers` that are ready. Gives what balances, for a report."""
    program = shutil.which("haproxy") or shutil.which("/usr/sbin/haproxy")
    if program is None:
        async with _RoundRobin(servers).serving(at):
            yield "round robin over TCP (HAProxy is not installed)"
        return
    silent = f"tcp-ut {round(SILENT_S * 1000)}ms"  # HAProxy 2.6 does not take it from `default-server`
    lines = "\n".join(f"  server s{number} {server} {silent}" for number, server in enumerate(servers))
    config = folder / "haproxy.cfg"
    policy, _, _ = EXAMPLE.read_text().partition(ADDRESSES)
    config.write_text(policy + _OURS.format(at=at, servers=lines, inter=round(CHECK_S * 1000)))
    with (folder / "haproxy.log").open("wb") as said:
        process = await asyncio.create_subprocess_exec(program, "-db", "-f", str(config), stdout=said, stderr=said)
    try:
        await _until_taken(at)
        yield "HAProxy"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _until_taken(at: Place) -> None:
    """Somebody listens there. Raises TimeoutError."""
    async with asyncio.timeout(STARTS_WITHIN_S):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(*at)
                writer.close()
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def relay(at: Place, path: str) -> AsyncIterator[None]:
    """While inside, `at` leads to the socket at `path` of this machine's file system."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join((reader, writer), await asyncio.open_unix_connection(path))

    server = await asyncio.start_server(carry, *at)
    try:
        yield
    finally:
        server.close()


class _RoundRobin:
    def __init__(self, servers: Sequence[Place]) -> None:
        self._servers = servers
        self._ready: list[Place] = []
        self._turn = count()

    @asynccontextmanager
    async def serving(self, at: Place) -> AsyncIterator[None]:
        checking = asyncio.create_task(self._check())
        server = await asyncio.start_server(self._carry, *at)
        try:
            yield
        finally:
            checking.cancel()
            server.close()

    async def _check(self) -> None:
        while True:
            answers = await asyncio.gather(*(asyncio.to_thread(_is_ready, server) for server in self._servers))
            self._ready = [server for server, ready in zip(self._servers, answers, strict=True) if ready]
            await asyncio.sleep(CHECK_S)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await self._reach()
        if there is None:
            writer.close()
            return
        await _join((reader, writer), there)

    async def _reach(self) -> Line | None:
        for _ in self._servers:
            ready = self._ready or [*self._servers]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(*ready[next(self._turn) % len(ready)])
        return None


async def _join(one: Line, other: Line) -> None:
    """Until either ends."""
    pouring = [asyncio.create_task(_pour(one[0], other[1])), asyncio.create_task(_pour(other[0], one[1]))]
    await asyncio.wait(pouring, return_when=asyncio.FIRST_COMPLETED)
    for _, writer in (one, other):
        writer.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()


def _is_ready(server: Place) -> bool:
    connection = http.client.HTTPConnection(*server, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
