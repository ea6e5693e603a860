"""uvicorn's WebSocket, fitted to a telephone line: it tells of a slow reader early and hands texts over at once.

A conversation is a trickle that never stops: 50 small messages a second in, about 11 KB a second out. uvicorn's own
socket is made for other things, and its protocol class is a setting (`ws`), so this is where it is changed:

- Out: a write waits as soon as `UNSENT_BYTES` are left in this process (uvicorn: 64 KB), and the kernel may hold
  `KERNEL_BYTES` more (Linux left alone: megabytes). Measured over loopback with a telephone that stops reading, its own
  buffer and our outbox included: 5 to 10 s of speech until a stall is told, against 250 to 350 s.
- In: for each message uvicorn steps through a general parser, stops and restarts reading and wakes a task. Here bytes
  are cut at frame borders; an application that asks for it (`scope["extensions"]["offhook.texts"](take)`) gets the one
  shape that carries audio, a whole masked text frame of 126 bytes to 64 KiB, straight from the socket's read. All other
  frames go to uvicorn's machine, which thus always stands at a border and keeps all its checks.
- A peer that has vanished is given up by the kernel after `GIVE_UP_MS`, so that no dead socket is kept for long.
- Each frame, of whatever kind, is paid for out of the connection's budget (`app.web.budget`). Whoever exceeds it is
  told so (1008) and not read any more, as is who sends a message that is too large (1009): closing at once would reset
  the connection and lose the reason.

Under any other server the same application works through plain ASGI, only dearer.
"""

import socket
from asyncio import BaseTransport, Transport
from collections.abc import Callable
from typing import cast

import structlog
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.speedups import apply_mask

from app.web.budget import Budget

UNSENT_BYTES = 4_096
KERNEL_BYTES = 16_384  # Linux doubles it for its own bookkeeping
GIVE_UP_MS = 20_000
LINGER_S = 1.0  # for a peer that floods us to read why it was closed
POLICY = 1008
EXTENSION = "offhook.texts"

_WHOLE_TEXT, _MASKED_16_BIT = 0x81, 0xFE  # RFC 6455, 5.2: FIN and text; mask and a length of two bytes

log = structlog.get_logger()

type TakeText = Callable[[str | None], None]


def frame_size(data: bytes, at: int) -> int:
    """Bytes of the frame that begins at `at`, header included; 0 while its length cannot be read (RFC 6455, 5.2)."""
    if len(data) < at + 2:
        return 0
    short = data[at + 1] & 0x7F
    width = {126: 2, 127: 8}.get(short, 0)
    if len(data) < at + 2 + width:
        return 0
    length = int.from_bytes(data[at + 2 : at + 2 + width]) if width else short
    return 2 + width + (4 if data[at + 1] & 0x80 else 0) + length


class LineProtocol(WebSocketsSansIOProtocol):
    _take: TakeText | None = None
    _rest = b""  # the beginning of a frame
    _deaf = False  # nothing more is read

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._budget = Budget(self._now_ms())
        cast(Transport, transport).set_write_buffer_limits(high=UNSENT_BYTES)
        wire = transport.get_extra_info("socket")
        if wire is not None and wire.family in {socket.AF_INET, socket.AF_INET6}:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GIVE_UP_MS)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # absent where the handshake was refused
            cast(dict[str, object], self.scope["extensions"])[EXTENSION] = self._hand_over

    def _hand_over(self, take: TakeText) -> None:
        """From now on texts go to `take` (None for a binary message), those that wait first. `receive` gives only the
        disconnect."""
        waiting = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        for message in waiting:
            if message["type"] == "websocket.receive":
                take(message.get("text"))
            else:
                self.queue.put_nowait(message)
        self._take = take
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if not self.handshake_initiated:
            super().data_received(data)
            return
        if self._rest:
            data = self._rest + data
        at, now_ms = 0, self._now_ms()
        while size := frame_size(data, at):
            if size > self.config.ws_max_size + 14:  # the machine says so to the peer, and closes
                super().data_received(data[at : at + 14])
                return
            if at + size > len(data):
                break
            if too_much := self._budget.spend(size, now_ms):
                self.conn.fail(POLICY, f"too many {too_much}")
                self.handle_parser_exception()
                return
            self._pass_on(data[at : at + size])
            if self._deaf:
                return
            at += size
        self._rest = data[at:]

    def handle_parser_exception(self) -> None:
        """The connection has failed, and `conn` holds what the peer is to be told."""
        self._deaf, self._rest, self.frames = True, b"", []
        told = self.conn.close_sent
        assert told is not None
        if self._take is None:  # else whoever takes the texts knows whose they were
            log.warning("socket closed for what it sent", code=told.code, why=told.reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": told.code, "reason": told.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.read_paused = False  # so that nobody takes it up again
        self.transport.pause_reading()
        self.loop.call_later(LINGER_S, self.transport.close)

    def handle_ping(self) -> None:
        """Answered, unless the peer does not read: answers would pile up here for as long as it goes on asking."""
        pong = b"".join(self.conn.data_to_send())
        if self.transport.get_write_buffer_size() <= UNSENT_BYTES:
            self.transport.write(pong)

    def _now_ms(self) -> int:
        return int(self.loop.time() * 1000)

    def _pass_on(self, frame: bytes) -> None:
        if self._take is None or self.close_sent or frame[0] != _WHOLE_TEXT or frame[1] != _MASKED_16_BIT:
            super().data_received(frame)
        else:
            self._deliver(apply_mask(frame[8:], frame[4:8]))

    def send_receive_event_to_app(self) -> None:
        """uvicorn's machine has a whole message, of whatever shape."""
        if self._take is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data, self.frames = b"".join(self.frames), []
        if self.curr_msg_data_type == "text":
            self._deliver(data)
        else:
            self._take(None)

    def _deliver(self, data: bytes) -> None:
        assert self._take is not None
        try:
            self._take(data.decode())
        except UnicodeDecodeError:
            self._take(None)
