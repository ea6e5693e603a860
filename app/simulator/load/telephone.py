"""One light telephone: a raw socket that speaks Media Streams, for a `Talker`.

No task and no queue. The generator's clock calls `beat`, the socket calls `data_received`; both are stamped as near to
the socket as Python can.
"""

import asyncio
import time
from array import array
from typing import cast
from urllib.parse import urlsplit

from app.simulator.load.figures import MS
from app.simulator.load.frames import CLOSE, PING, PONG, TEXT, Deframer, FrameError, frame, upgrade
from app.simulator.load.speech import FRAME_MS
from app.simulator.load.talker import Talker
from app.simulator.twilio.playbuffer import PlayBuffer
from app.simulator.twilio.stream import CONNECTED, InvalidMessage, StreamCore, StreamNames, parse

PERIOD = FRAME_MS * MS
CLOSE_S = 2.0


class Telephone(asyncio.Protocol):
    """`sent` holds when each frame of the line was written, ns."""

    def __init__(self, url: str, talker: Talker, names: StreamNames, parameters: dict[str, str]) -> None:
        self._url = url
        self._core = StreamCore(names, PlayBuffer(), parameters)
        self._sid = names.stream_sid
        self._deframer = Deframer()
        self._head: bytearray | None = bytearray()  # of the answer to the upgrade, until it is whole
        self._transport: asyncio.Transport | None = None
        self._left = False
        self._origin = 0  # the first beat
        self.talker = talker
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started = 0
        self.first_heard = 0
        self.sent = array("Q")
        self.trouble = ""  # how the line ended, where it should not have

    # --- the clock ------------------------------------------------------------------------------------------------

    def beat(self, now: int) -> None:
        """Write the frames that are due by `now`, and echo the marks reached."""
        if not self.started or self._left:
            return
        talker = self.talker
        for name in talker.playback.reached(now):
            self._write(self._core.mark(name))
        if key := talker.presses(now):
            self._write(self._core.dtmf(key))
            talker.key.pressed = time.monotonic_ns()
        self._origin = self._origin or now
        # Half a period of grace: beats come on a grid of their own, a little early or late against this one.
        while self._origin + len(self.sent) * PERIOD <= now + PERIOD // 2:
            payload = talker.frame(now)
            self._write(self._core.media(payload, len(self.sent) * FRAME_MS))
            self.sent.append(time.monotonic_ns())
            if talker.gone:
                self._hang_up()
                return

    def _write(self, text: str) -> None:
        if self._transport is not None:
            self._transport.write(frame(text.encode()))

    def _hang_up(self) -> None:
        self._left = True
        self._write(self._core.stopped())
        if self._transport is not None:
            self._transport.write(frame((1000).to_bytes(2), CLOSE))
            asyncio.get_running_loop().call_later(CLOSE_S, self._transport.abort)

    # --- the socket -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from asyncio's
        place = urlsplit(self._url)
        self._transport.write(upgrade(place.netloc, place.path or "/"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._left:
            self._fail("the server ended the line")
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if self._head is not None:
            self._head += data
            head, end, data = bytes(self._head).partition(b"\r\n\r\n")
            if not end:
                return
            self._head = None
            self._upgraded(head)
        try:
            for opcode, payload in self._deframer.feed(data):
                self._take(opcode, payload, now)
        except (FrameError, InvalidMessage) as error:
            self._fail(str(error))

    def _upgraded(self, head: bytes) -> None:
        if b" 101 " not in head.partition(b"\r\n")[0]:
            self._fail(f"the upgrade was answered with {head[:40]!r}")
            return
        self._write(CONNECTED)
        self._write(self._core.started())
        self.started = time.monotonic_ns()
        if not self.opened.done():
            self.opened.set_result(None)

    def _take(self, opcode: int, payload: bytes, now: int) -> None:
        if opcode == TEXT:
            self.hear(payload, now)
        elif opcode == PING and self._transport is not None:
            self._transport.write(frame(payload, PONG))
        elif opcode == CLOSE and not self._left:
            self._fail(f"the server closed the line ({int.from_bytes(payload[:2])})")

    def hear(self, text: bytes, now: int) -> None:
        """One message of the server. Raises `InvalidMessage`: its fault."""
        message = parse(text.decode(), self._sid)
        match message["event"]:
            case "media":
                self.first_heard = self.first_heard or now
                encoded = message["media"]["payload"]
                self.talker.media(len(encoded) // 4 * 3 - encoded[-2:].count("="), now)
            case "mark":
                self.talker.playback.mark(message["mark"]["name"], now)
            case _:
                for name in self.talker.clear(now):
                    self._write(self._core.mark(name))

    def _fail(self, why: str) -> None:
        self.trouble = self.trouble or why
        self._left = True
        if not self.opened.done():
            self.opened.set_result(None)
        if self._transport is not None:
            self._transport.abort()


class EchoTelephone(Telephone):
    """The same telephone against a bare echo: what comes back is what was sent, and only its time counts."""

    def __init__(self, url: str, talker: Talker, names: StreamNames, parameters: dict[str, str]) -> None:
        super().__init__(url, talker, names, parameters)
        self.returned = array("Q")
        self._greetings = 2  # `connected` and `start` come back first

    def hear(self, text: bytes, now: int) -> None:
        if self._greetings:
            self._greetings -= 1
        else:
            self.returned.append(now)
