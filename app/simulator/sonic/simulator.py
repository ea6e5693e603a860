"""The door: a local Nova Sonic that listens, in this process or (through the CLI) in one of its own.

async with SonicSimulator(mind=lambda: ScriptedMind(script)) as sonic:
    ...  # endpoint sonic.endpoint, trust sonic.ca_file; afterwards sonic.sessions tells what was heard and said
"""

import asyncio
import socket
import ssl
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from app.simulator.faults import Fault, FaultPlan
from app.simulator.mind import MindFactory
from app.simulator.sonic.certificate import make_certificates, server_context, write_ca
from app.simulator.sonic.connection import Connection
from app.simulator.sonic.house import House
from app.simulator.sonic.journal import Journal, Keeping, SessionRecord
from app.simulator.sonic.limits import Limits
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.signing import Key

STOP_S = 2.0


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


_HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::")


class SonicSimulator:
    """Open it as an async context. With no `keys` any access key is good; signatures are checked in form only."""

    def __init__(
        self,
        mind: MindFactory,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ca_file: Path | None = None,
        keys: Sequence[Key] = (),
        limits: Limits | None = None,
        manner: Manner | None = None,
        faults: Sequence[Fault] = (),
        seed: int = 1,
        verify_every: int = 1,
        keeping: Keeping | None = None,
    ) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._address = (host, port)
        self._ca_file = ca_file
        self.faults = FaultPlan(faults, seed)
        self._journal = Journal(keeping or Keeping())
        self._house = House(
            limits=limits or Limits(),
            manner=manner or Manner(),
            mind=mind,
            faults=self.faults,
            journal=self._journal,
            keys=tuple(keys),
            wall_ms=_wall_ms,
            verify_every=verify_every,
        )
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None, "not listening"
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def endpoint(self) -> str:
        """For `endpoint_uri` or AWS_ENDPOINT_URL_BEDROCK_RUNTIME."""
        host = self._address[0]
        return f"https://{'localhost' if host in _HERE else host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """PEM of the authority that signed this simulator's certificate."""
        assert self._ca_file is not None, "not listening"
        return self._ca_file

    @property
    def sessions(self) -> list[SessionRecord]:
        """Every session since the start, in the order of their requests. Refused requests are no sessions."""
        return self._journal.sessions

    @property
    def connections(self) -> int:
        """TCP connections open now."""
        return len(self._connections)

    @property
    def open_streams(self) -> int:
        """Streams that count towards the limit of their access key now."""
        return self._house.open_streams.total()

    async def __aenter__(self) -> Self:
        tls = await asyncio.to_thread(self._prepare)
        loop = asyncio.get_running_loop()
        listening = socket.create_server(self._address, backlog=512)
        self._server = await loop.create_server(self._connect, sock=listening, ssl=tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.stop()
        await self._until_quiet()
        await self._journal.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _prepare(self) -> ssl.SSLContext:
        if self._ca_file is None:
            self._folder = tempfile.TemporaryDirectory(prefix="offhook-sonic-")
            self._ca_file = Path(self._folder.name) / "ca.pem"
        certificates = make_certificates(self._address[0])
        write_ca(self._ca_file, certificates)
        self._journal.open()
        return server_context(certificates)

    def _connect(self) -> Connection:
        return Connection(self._house, self._connections)

    async def _until_quiet(self) -> None:
        """Wait for connections to close, then end what still thinks."""
        closed = [connection.closed for connection in self._connections]
        if closed:
            await asyncio.wait(closed, timeout=STOP_S)
        for connection in list(self._connections):
            connection.drop()
        for task in self._house.tasks:
            task.cancel()
        await asyncio.gather(*self._house.tasks, return_exceptions=True)
