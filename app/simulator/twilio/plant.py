"""What all calls of a process share: the clock, the HTTP client, the voice of <Say>, the times things take."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import audioop
import httpx

from app.simulator.lines import OfflineVoice, Voice
from app.simulator.twilio.ticker import Ticker
from app.simulator.twilio.webhook import Limits, Route, new_client


@dataclass(frozen=True, slots=True)
class DialOutcome:
    """What becomes of a number that is dialled, a conference that is joined, a queue that is waited in."""

    status: str = "completed"  # or busy, no-answer, failed, canceled; for <Enqueue>: a QueueResult
    ring_ms: int = 1000
    talk_ms: int = 2000
    presses: str = "1"  # keys the person who answers presses when asked by a whisper


@dataclass(frozen=True, slots=True)
class Timing:
    limits: Limits = field(default_factory=Limits)
    stream_connect_ms: int = 10_000
    most_ms: int = 14_400_000  # a call's time limit


@dataclass(slots=True)
class Plant:
    """`aclose` it when the last call is over."""

    ticker: Ticker = field(default_factory=Ticker)
    client: httpx.AsyncClient = field(default_factory=new_client)
    voice: Voice = field(default_factory=lambda: OfflineVoice("slt"))  # of <Say>
    route: Route = field(default_factory=Route)
    timing: Timing = field(default_factory=Timing)
    outcomes: Mapping[str, DialOutcome] = field(default_factory=dict)
    default_outcome: DialOutcome = field(default_factory=DialOutcome)
    own_numbers: set[str] = field(default_factory=set)
    rng: random.Random = field(default_factory=random.Random)
    _spoken: dict[str, bytes] = field(default_factory=dict)

    def outcome(self, target: str) -> DialOutcome:
        return self.outcomes.get(target, self.default_outcome)

    async def speech(self, text: str) -> bytes:
        """<Say>: mu-law. Spoken off the loop, each text once."""
        if text not in self._spoken:
            pcm = await asyncio.to_thread(self.voice.speak, text)
            self._spoken[text] = audioop.lin2ulaw(pcm, 2)
        return self._spoken[text]

    async def aclose(self) -> None:
        await self.client.aclose()
