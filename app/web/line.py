"""uvicorn's WebSocket, fitted to a telephone line: it tells of a slow reader early and hands texts over at once.

A conversation is a trickle that never stops: 50 small messages a second in, about 11 KB a second out. uvicorn's own
socket is made for other things, and its protocol class is a setting (`ws`), so this is where it is changed:

- Out: a write waits as soon as `UNSENT_BYTES` are left in this process (uvicorn: 64 KB, six seconds of speech), and the
  kernel may hold `KERNEL_BYTES` more. So `await send` tells within about a second of speech that nobody is reading.
- In: for each message uvicorn stops and restarts reading and wakes a task. An application that asks for it
  (`scope["extensions"]["offhook.texts"](take)`) is called with each text straight from the socket's read instead.
- A peer that has vanished is given up by the kernel after `GIVE_UP_MS`, so that no dead socket is kept for long.

Under any other server the same application works through plain ASGI, only dearer.
"""

import socket
from asyncio import BaseTransport, Transport
from collections.abc import Callable
from typing import cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

UNSENT_BYTES = 4_096
KERNEL_BYTES = 16_384  # Linux doubles it for its own bookkeeping
GIVE_UP_MS = 20_000
EXTENSION = "offhook.texts"

type TakeText = Callable[[str | None], None]


class LineProtocol(WebSocketsSansIOProtocol):
    _take: TakeText | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        cast(Transport, transport).set_write_buffer_limits(high=UNSENT_BYTES)
        wire = transport.get_extra_info("socket")
        if wire is not None:
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

    def send_receive_event_to_app(self) -> None:
        if self._take is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        try:
            text = data.decode() if self.curr_msg_data_type == "text" else None
        except UnicodeDecodeError:
            text = None
        self._take(text)
