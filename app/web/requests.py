"""uvicorn's HTTP, with an end to everything: to how long a request may take to arrive, how long its head may be, and
how many may come before the first is answered. Left alone it waits for ever, keeps any number of headers, and queues
every request of a pipeline."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_WITHIN_S = 10.0  # Twilio itself gives up after 15 s
LARGEST_HEAD = 32_768  # a webhook by GET carries some 6 KB of fields in its address
MOST_WAITING = 4  # requests behind the one that is answered; Twilio sends none


class TooMuch(Exception):
    """More than a request may be; the parser makes it a 400 and the connection is closed."""


class RequestProtocol(HttpToolsProtocol):
    """A connection before its upgrade, or one that only asks."""

    _head = 0  # bytes of a head that is not whole yet
    _impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._impatience is None:
            self._expect()
        self._head += len(data)
        super().data_received(data)
        if self._head > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The request's head is too long.")

    def handle_websocket_upgrade(self) -> None:
        self._arrived()
        super().handle_websocket_upgrade()

    def on_headers_complete(self) -> None:
        self._head = 0
        if len(self.pipeline) >= MOST_WAITING:
            raise TooMuch("too many requests at once")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._arrived()
        super().on_message_complete()

    def _expect(self) -> None:
        self._impatience = self.loop.call_later(REQUEST_WITHIN_S, self._give_up)

    def _arrived(self) -> None:
        self._head = 0
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _give_up(self) -> None:
        """The request did not arrive in time. What the application waits for will not come."""
        self.transport.abort()
