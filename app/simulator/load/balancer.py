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

CHECK_S = 0.2
CHUNK = 65_536

_CONFIG = """
global
  maxconn 4000
defaults
  mode http
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  timeout check 3s
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response
frontend calls
  bind 127.0.0.1:{port}
  default_backend servers
backend servers
  balance roundrobin
  option httpchk GET /readyz
  default-server check inter {inter}ms fall 2 rise 1
{servers}
"""


@asynccontextmanager
async def balancer(port: int, servers: Sequence[int], folder: Path) -> AsyncIterator[str]:
    """While inside, `port` leads to those of `servers` (ports) that are ready. Gives what balances, for a report."""
    program = shutil.which("haproxy") or shutil.which("/usr/sbin/haproxy")
    if program is None:
        async with _RoundRobin(servers).serving(port):
            yield "round robin over TCP (HAProxy is not installed)"
        return
    lines = "\n".join(f"  server s{number} 127.0.0.1:{server}" for number, server in enumerate(servers))
    config = folder / "haproxy.cfg"
    config.write_text(_CONFIG.format(port=port, servers=lines, inter=round(CHECK_S * 1000)))
    with (folder / "haproxy.log").open("wb") as said:
        process = await asyncio.create_subprocess_exec(program, "-db", "-f", str(config), stdout=said, stderr=said)
    try:
        yield "HAProxy"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


class _RoundRobin:
    def __init__(self, servers: Sequence[int]) -> None:
        self._servers = servers
        self._ready: list[int] = []
        self._turn = count()

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        checking = asyncio.create_task(self._check())
        server = await asyncio.start_server(self._carry, "127.0.0.1", port)
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
        await asyncio.wait(
            [asyncio.create_task(_pour(reader, there[1])), asyncio.create_task(_pour(there[0], writer))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for end in (writer, there[1]):
            end.close()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self._servers:
            ready = self._ready or [*self._servers]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", ready[next(self._turn) % len(ready)])
        return None


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
