"""A telephone call that does what Twilio does when its stream ends: it asks what follows, and goes on there."""

import asyncio
import time
from dataclasses import dataclass

from app.simulator.load.generator import CALLED, caller_of
from app.simulator.load.talker import Talker
from app.simulator.load.telephone import Telephone
from app.simulator.load.webhook import NoAnswer, StreamPlace, names_of, ring
from app.simulator.twilio.stream import StreamNames
from app.simulator.twilio.ticker import Ticker

FAREWELL_S = 5.0


@dataclass(slots=True)
class Gap:
    """A stream ended under the call: when, when the next one began, and when something was heard on it (monotonic ns,
    0: never)."""

    lost: int
    stream: int = 0
    voice: int = 0
    why: str = ""  # as the telephone saw it


class LastingCall:
    """`live` is its life; `leave` ends it. `trouble` says why it was lost, where it was."""

    def __init__(self, number: int, voice_url: str, talker: Talker, clock: Ticker) -> None:
        self.number = number
        self.talker = talker
        self.gaps: list[Gap] = []
        self.trouble = ""
        self._voice_url = voice_url
        self._clock = clock
        self._streams = 0
        self._phone: Telephone | None = None
        self._leaving = asyncio.Event()

    @property
    def call_sid(self) -> str:
        return names_of(self.number).call_sid

    @property
    def up(self) -> bool:
        """Is a stream open, and has something been heard on it?"""
        return self._phone is not None and not self._phone.closed.done() and bool(self._phone.first_heard)

    def listened(self) -> None:
        """Note what was heard until now."""
        if self.gaps and self._phone is not None and self.gaps[-1].stream == self._phone.started:
            self.gaps[-1].voice = self._phone.first_heard

    @property
    def refused(self) -> bool:
        """It never had a stream."""
        return bool(self.trouble) and not self._streams

    def leave(self) -> None:
        self._leaving.set()

    async def live(self) -> None:
        try:
            place = await ring(self._voice_url, caller_of(self.number), CALLED, names_of(self.number))
            while await self._stream(place):
                place = await ring(place.next_url, caller_of(self.number), CALLED, names_of(self.number))
                self.talker.resume(time.monotonic_ns())
        except (NoAnswer, OSError) as error:
            self.trouble = str(error) or repr(error)

    async def _stream(self, place: StreamPlace) -> bool:
        """Live on one stream; True where it ended under us."""
        phone = self._phone = await self._connect(place)
        leave_clock = self._clock.join(lambda _: phone.beat(time.monotonic_ns()))
        leaving = asyncio.create_task(self._told_to_leave())
        try:
            await phone.opened
            if self.gaps:
                self.gaps[-1].stream = phone.started
            await asyncio.wait({phone.closed, leaving}, return_when=asyncio.FIRST_COMPLETED)
            self.listened()
            if not phone.closed.done():
                self.talker.leave(time.monotonic_ns())
                await asyncio.wait([phone.closed], timeout=FAREWELL_S)
                return False
            self.gaps.append(Gap(time.monotonic_ns(), why=phone.trouble))
            return not self._leaving.is_set()
        finally:
            leaving.cancel()
            leave_clock()

    async def _told_to_leave(self) -> None:
        await self._leaving.wait()

    async def _connect(self, place: StreamPlace) -> Telephone:
        self._streams += 1
        names = names_of(self.number)
        own = StreamNames(names.account_sid, names.call_sid, f"MZ{self._streams:04x}{self.number:028x}")
        host, _, port = place.url.partition("://")[2].partition("/")[0].partition(":")
        make = lambda: Telephone(place.url, self.talker, own, place.parameters)  # noqa: E731
        _, phone = await asyncio.get_running_loop().create_connection(make, host, int(port or 80))
        return phone
