"""HTTP/2 connections to the service, on the CRT: few, shared, and given up when one of their streams hangs.

A connection holds a bounded number of streams: our setting, or less where the peer's SETTINGS say so. One lost
connection ends all its sessions, one connection a call costs a TLS start each: so a few. The CRT's Python door has no
way to reset one stream; it ends by END_STREAM, or with its connection. A stream that did not end in time therefore
**condemns** its connection: nothing new opens there, and it closes when its last live stream has left.

The CRT calls back on threads of its own; every such call comes in through the mailbox. Its futures are never handed
to asyncio: cancelling one raises an error on the CRT's thread later.
"""

import asyncio
import ssl
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awscrt.exceptions import AwsCrtError
from awscrt.http import Http2ClientConnection, Http2Setting, Http2SettingID
from awscrt.io import (
    ClientBootstrap,
    ClientTlsContext,
    DefaultHostResolver,
    EventLoopGroup,
    SocketOptions,
    TlsContextOptions,
)

from app.call.events import Failure
from app.engines.engine import EngineError
from app.engines.nova_sonic.crt_thread import keep_thread_state, send_at_once
from app.engines.nova_sonic.errors import of_connection
from app.engines.nova_sonic.mailbox import Mailbox

WINDOW = 1 << 20  # bytes a stream may send us ahead: speech comes faster than real time
SETTINGS_MS = 500  # a peer's SETTINGS are its first frame; one that keeps us waiting is taken without
SYSTEM_TRUST = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    ca_file: str = ""  # PEM, trusted besides the system's store
    streams_per_connection: int = 10
    connect_ms: int = 3_000
    threads: int = 1


CRT_ERRORS = (AwsCrtError, RuntimeError)  # the second where a call of ours is refused at once


def crt_name(error: BaseException) -> str:
    """`AWS_ERROR_HTTP_CONNECTION_CLOSED`, from either kind."""
    return getattr(error, "name", "") or str(error).partition("(")[2].partition(")")[0] or type(error).__name__


def system_trust() -> bytes:
    """The system's own certificates as PEM: giving the CRT a store of our own replaces the one it would take."""
    for place in (ssl.get_default_verify_paths().cafile, *SYSTEM_TRUST):
        if place and Path(place).is_file():
            return Path(place).read_bytes()
    return b""


def tls_context(ca_file: str) -> ClientTlsContext:
    """Reads files and parses some 140 certificates: not for the event loop."""
    options = TlsContextOptions()
    if ca_file:
        options.override_default_trust_store(system_trust() + b"\n" + Path(ca_file).read_bytes())
    return ClientTlsContext(options)


class Crt:
    """The CRT's threads and our trust, for all connections of an engine."""

    def __init__(self, options: ConnectionOptions, tls: ClientTlsContext) -> None:
        self._group = EventLoopGroup(options.threads)
        self._bootstrap = ClientBootstrap(self._group, DefaultHostResolver(self._group))
        self._tls = tls
        self._socket = SocketOptions()
        self._socket.connect_timeout_ms = options.connect_ms

    @classmethod
    async def make(cls, options: ConnectionOptions) -> "Crt":
        try:
            return cls(options, await asyncio.to_thread(tls_context, options.ca_file))
        except (OSError, *CRT_ERRORS) as error:
            raise EngineError(Failure.MISCONFIGURED, f"AWS_CA_BUNDLE is of no use ({type(error).__name__})") from None

    def connect(self, host: str, port: int, on_settings: Any) -> "Future[Any]":
        tls = self._tls.new_connection_options()
        tls.set_server_name(host)
        tls.set_alpn_list(["h2"])
        settings = [
            Http2Setting(Http2SettingID.ENABLE_PUSH, 0),
            Http2Setting(Http2SettingID.INITIAL_WINDOW_SIZE, WINDOW),
        ]
        connecting: Future[Any] = Http2ClientConnection.new(
            host_name=host,
            port=port,
            bootstrap=self._bootstrap,
            socket_options=self._socket,
            tls_connection_options=tls,
            initial_settings=settings,
            on_remote_settings_changed=on_settings,
        )
        return connecting


class Connection:
    """One connection and its tenants: whoever has a stream on it, or is waiting to open one."""

    def __init__(self, room: int, mailbox: Mailbox) -> None:
        loop = asyncio.get_running_loop()
        self.native: Any = None
        self.tenants: set[Hashable] = set()
        self.room = room
        self.condemned = False
        self.since = loop.time()
        self.gone: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._mailbox = mailbox
        self._opened: asyncio.Future[str] = loop.create_future()  # the name of an error, or ""
        self._patience: asyncio.TimerHandle | None = None

    def start(self, crt: Crt, host: str, port: int) -> None:
        def on_settings(settings: list[Http2Setting]) -> None:
            keep_thread_state()
            self._mailbox.post(self._on_settings, settings)

        connecting = crt.connect(host, port, on_settings)
        connecting.add_done_callback(lambda future: self._mailbox.post(self._on_connect, future))

    def takes(self, patience_ms: int) -> bool:
        """Has it room for one more? One that has been connecting for too long is not waited for."""
        fresh = self.native is not None or self._loop.time() - self.since < patience_ms / 1000
        return fresh and not self.condemned and len(self.tenants) < self.room

    async def opened(self) -> None:
        """Until it can carry streams. Raises EngineError. Cancelling the wait leaves it connecting."""
        await asyncio.wait({self._opened})
        if name := self._opened.result():
            verdict = of_connection(name)
            raise EngineError(verdict.failure, verdict.detail)

    def leave(self, tenant: Hashable) -> None:
        self.tenants.discard(tenant)
        if self.condemned and not self.tenants:
            self.close()

    def condemn(self) -> None:
        self.condemned = True
        if not self.tenants:
            self.close()

    def close(self) -> None:
        self.condemned = True
        if self.native is not None:
            self.native.close()

    def _on_connect(self, connecting: "Future[Any]") -> None:
        error = connecting.exception()
        if error is not None:
            self._end(crt_name(error))
            return
        self.native = connecting.result()
        self._loop.run_in_executor(None, send_at_once, self.native.port)
        self.native.shutdown_future.add_done_callback(lambda _: self._mailbox.post(self._end, "CONNECTION_CLOSED"))
        self._patience = self._loop.call_later(SETTINGS_MS / 1000, self._open)
        if self.condemned:
            self.native.close()

    def _on_settings(self, settings: list[Http2Setting]) -> None:
        for setting in settings:
            if setting.id == Http2SettingID.MAX_CONCURRENT_STREAMS:
                self.room = max(1, min(self.room, setting.value))
        self._open()

    def _open(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if self.native is not None and not self._opened.done():
            self._opened.set_result("")

    def _end(self, name: str) -> None:
        self.condemned = True
        if self._patience is not None:
            self._patience.cancel()
        if not self._opened.done():
            self._opened.set_result(name)
        if not self.gone.done():
            self.gone.set_result(None)


class ConnectionPool:
    """Connections by host and port. A tenant is whatever object the caller likes to stand for its stream."""

    def __init__(self, crt: Crt, options: ConnectionOptions, mailbox: Mailbox) -> None:
        self._crt = crt
        self._options = options
        self._mailbox = mailbox
        self._connections: dict[tuple[str, int], list[Connection]] = {}
        self.condemned = 0

    async def lease(self, host: str, port: int, tenant: Hashable) -> Connection:
        """A connection with a place for `tenant`, who must leave it again. Raises EngineError."""
        while True:
            connection = self._with_room(host, port)
            connection.tenants.add(tenant)
            try:
                await connection.opened()
            except BaseException:
                connection.leave(tenant)
                raise
            if len(connection.tenants) <= connection.room and not connection.condemned:
                return connection
            connection.leave(tenant)  # the peer takes fewer than our setting: elsewhere

    def _with_room(self, host: str, port: int) -> Connection:
        """The fullest one that takes another: so that empty ones may go, and writes meet on few connections."""
        known = self._connections.setdefault((host, port), [])
        known[:] = [connection for connection in known if not connection.gone.done()]
        able = [connection for connection in known if connection.takes(self._options.connect_ms)]
        if able:
            return max(able, key=lambda connection: len(connection.tenants))
        connection = Connection(self._options.streams_per_connection, self._mailbox)
        connection.start(self._crt, host, port)
        known.append(connection)
        return connection

    def give_up(self, connection: Connection, tenant: Hashable) -> None:
        """`tenant`'s stream hangs: the connection dies with its last live one."""
        if not connection.condemned:
            self.condemned += 1
        connection.condemned = True
        connection.leave(tenant)

    def live(self) -> list[Connection]:
        return [c for known in self._connections.values() for c in known if not c.gone.done()]

    async def close(self) -> None:
        """Close all and wait a moment for them to be gone."""
        leaving = self.live()
        for connection in leaving:
            connection.close()
        if leaving:
            await asyncio.wait([connection.gone for connection in leaving], timeout=2)
        self._connections.clear()
