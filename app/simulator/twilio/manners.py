"""What somebody who is called does without a script: greets as a machine, presses keys, hums, hangs up in the end."""

import asyncio
from typing import TYPE_CHECKING

from app.audio.g711 import encode
from app.audio.tones import sine
from app.simulator.twilio.tones import beep

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

PRESSES_AFTER_MS = 300  # each key, when asked for some
GREETING_HZ = 330


class Manners:
    def __init__(self, call: "Call") -> None:
        self._call = call
        self._goodbye: asyncio.Task[None] | None = None

    def greet(self) -> None:
        """A machine that has answered speaks its greeting and beeps; a person waits to be spoken to."""
        person = self._call.person
        if person.answered_by == "machine" and person.script is None:
            greeting = encode(sine(GREETING_HZ, person.greeting_ms, -24.0).tobytes())
            self._call.handset.utter(greeting + beep() if person.beeps else greeting)

    def asked_for_keys(self) -> None:
        """TwiML asks for keys: who was told to presses theirs, soon."""
        if self._call.person.presses:
            self._call.background(self._press(self._call.person.presses))

    def joined(self) -> None:
        """Others can be heard now."""
        person = self._call.person
        self._call.handset.hum(person.hum_hz)
        if person.talk_ms is not None and self._goodbye is None:
            self._goodbye = self._call.background(self._talk(person.talk_ms))

    def parted(self) -> None:
        self._call.handset.hum(0)
        if self._goodbye is not None:
            self._goodbye.cancel()
            self._goodbye = None

    async def _press(self, digits: str) -> None:
        for digit in digits:
            await self._call.sleep(PRESSES_AFTER_MS)
            self._call.handset.press(digit)

    async def _talk(self, ms: int) -> None:
        await self._call.sleep(ms)
        self._goodbye = None
        self._call.end("completed", "hung up")
