"""Callers who talk on, whatever happens to the servers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count, pairwise
from typing import Any

from app.simulator.load.lasting import Gap, LastingCall
from app.simulator.load.speech import speech
from app.simulator.load.talker import Habits, Talker
from app.simulator.twilio.ticker import Ticker

BACK_S = 20.0
LOOK_S = 0.1
RING_AGAIN_S, PATIENCE_S = 2.0, 60.0


type Kept = Callable[[str], Awaitable[dict[str, Any] | None]]  # a call's snapshot, by its CallSid


class Crowd:
    """So many calls at once. Who is told that all lines are busy rings again, as people do: what happens to calls can
    only be seen on calls."""

    def __init__(self, voice_url: str, kept: Kept, habits: Habits, first: int, size: int) -> None:
        self.calls: list[LastingCall] = []
        self.turned_away = 0  # times that somebody was
        self._voice_url = voice_url
        self._kept = kept
        self._habits = habits
        self._size = size
        self._numbers = count(first)
        self._clock = Ticker(slots=10)
        self._words = speech(habits.talk_ms)
        self._lives: list[asyncio.Task[None]] = []

    def _ring(self) -> None:
        number = next(self._numbers)
        call = LastingCall(number, self._voice_url, Talker(self._words, self._habits, number), self._clock)
        self.calls.append(call)
        self._lives.append(asyncio.create_task(call.live()))

    async def arrive(self, ramp_s: float) -> None:
        for _ in range(self._size):
            self._ring()
            await asyncio.sleep(ramp_s / self._size)
        until = time.monotonic() + PATIENCE_S
        while (busy := [call for call in self.calls if call.refused]) and time.monotonic() < until:
            self.turned_away += len(busy)
            await asyncio.sleep(RING_AGAIN_S)
            for call in busy:
                self.calls.remove(call)
                self._ring()
            await self.are_up()

    async def are_up(self) -> None:
        """Until every call not lost has heard something on its stream, or has had its time."""
        until = time.monotonic() + BACK_S
        while not all(call.up or call.trouble for call in self.calls):
            if time.monotonic() > until:
                return
            await asyncio.sleep(LOOK_S)

    async def acknowledged(self) -> dict[str, int]:
        """By call, the turns whose snapshot the store has."""
        kept = {call.call_sid: await self._kept(call.call_sid) for call in self.calls}
        return {call_sid: _turns(snapshot) for call_sid, snapshot in kept.items()}

    def gaps(self, after: int) -> list[Gap]:
        for call in self.calls:
            call.listened()
        return [gap for call in self.calls for gap in call.gaps if gap.lost >= after]

    def lost(self) -> list[str]:
        return [f"{call.number}: {call.trouble}" for call in self.calls if call.trouble]

    async def leave(self) -> None:
        for call in self.calls:
            call.leave()
        await asyncio.wait(self._lives, timeout=BACK_S)


def _turns(snapshot: dict[str, Any] | None) -> int:
    """Answered turns that a snapshot remembers: answers it can repeat, not a number somebody wrote."""
    if snapshot is None:
        return 0
    roles = [line["role"] for line in snapshot["history"]]
    return sum(1 for pair in pairwise(roles) if pair == ("user", "assistant"))
