"""The socket of a Media Stream: a WebSocket client without tasks, its callbacks called as the bytes arrive.

The protocol is `websockets`' own Sans-I/O client. Sending never waits: what the server does not read piles up in the
transport, and `backlog` tells how much, because Twilio throws audio away then (31930) instead of waiting.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Self, cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, PayloadTooBig, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import OPEN
from websockets.uri import parse_uri

USER_AGENT = "Twilio.TmeWs/1.0"
BROKEN = (ProtocolError, PayloadTooBig, UnicodeDecodeError)  # the server broke the protocol, and we ended it
DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
SEND_BUFFER = 32 * 1024
CLOSE_SECONDS = 2.0  # how long the server may take to answer our close


class HandshakeFailed(Exception):
    """The server answered the upgrade with something else than 101; `status` is 0 when it was no HTTP at all."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}" if status else reason)
        self.status = status


class Wire(asyncio.Protocol):
    """One connection. `on_text` gets every message, `on_gone` is called once, with the close code (1006: none came)."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._protocol = ClientProtocol(parse_uri(url), max_size=2**24)
        self._headers = headers
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.on_text: Callable[[str | bytes], None] = lambda text: None
        self.on_gone: Callable[[int], None] = lambda code: None
        self._parts: list[bytes] = []
        self.closed_by_us = False

    @classmethod
    async def open(cls, url: str, address: str, headers: Mapping[str, str], trust: ssl.SSLContext | None) -> Self:
        """Connect to `address` (scheme and place of a URL) and upgrade to `url`.

        Raises OSError when the connection fails (ssl.SSLError where TLS does) and `HandshakeFailed` when the upgrade
        does. Time limits are the caller's affair: cancel it, and nothing stays open.
        """
        place = urlsplit(address)
        port = place.port or (443 if place.scheme == "wss" else 80)
        tls = trust if place.scheme == "wss" else None
        loop = asyncio.get_running_loop()
        name = urlsplit(url).hostname if tls else None
        transport, wire = await loop.create_connection(
            lambda: cls(url, headers), place.hostname or "", port, ssl=tls, server_hostname=name
        )
        try:
            await wire._opened
        except BaseException:
            transport.abort()
            raise
        return wire

    @property
    def backlog(self) -> int:
        """Bytes written that the server has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def send(self, text: str) -> None:
        """Send one text message; without effect once the connection is going away."""
        if self._protocol.state is OPEN:
            self._protocol.send_text(text.encode())
            self._flush()

    async def close(self) -> None:
        """Close in order, and hard when the server does not answer within two seconds."""
        self.closed_by_us = True
        if self._protocol.state is OPEN:
            self._protocol.send_close(1000)
            self._flush()
        try:
            await asyncio.wait_for(asyncio.shield(self.gone), CLOSE_SECONDS)
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Drop the connection without a word, as a lost network does."""
        self.closed_by_us = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast: uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        # The kernel's own buffer would hide for minutes that the server does not read.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        request = self._protocol.connect()
        request.headers["User-Agent"] = USER_AGENT
        for name, value in self._headers.items():
            if name == "Host":
                del request.headers["Host"]
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._after_receiving()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._after_receiving()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(HandshakeFailed(0, "the connection ended during the upgrade"))
        if not self.gone.done():
            self.gone.set_result(self._close_code())
            self.on_gone(self.gone.result())

    def _close_code(self) -> int:
        if isinstance(self._protocol.parser_exc, BROKEN):
            return 1002
        # The protocol's own close_code waits for the end of the stream, which a transport closed by us never tells.
        close = self._protocol.close_rcvd
        return 1006 if close is None else int(close.code)

    def _after_receiving(self) -> None:
        self._flush()
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._upgraded(event)
            elif isinstance(event, Frame) and (event.opcode in DATA):
                self._take(event)
        if self._protocol.close_expected() and self._transport is not None:
            self._transport.close()

    def _upgraded(self, response: Response) -> None:
        failure = self._protocol.handshake_exc
        if self._opened.done():
            return
        if failure is None:
            self._opened.set_result(None)
        elif isinstance(failure, InvalidStatus):
            self._opened.set_exception(HandshakeFailed(response.status_code, response.reason_phrase))
        else:
            assert isinstance(failure, InvalidHandshake)
            self._opened.set_exception(HandshakeFailed(response.status_code, str(failure)))

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self.on_text(bytes(frame.data))
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            text, self._parts = b"".join(self._parts), []
            self.on_text(text.decode(errors="replace"))

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._transport is None or self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
