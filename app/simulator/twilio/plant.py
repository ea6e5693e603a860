"""What all calls of a process share: the clock, the HTTP client, the voice of <Say>, who can be reached, the times
things take, and the rooms where calls meet."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import audioop
import httpx

from app.simulator.callscript import Say, Script
from app.simulator.lines import OfflineVoice, Utterance, Voice, prepare
from app.simulator.twilio.ticker import Ticker
from app.simulator.twilio.webhook import Limits, Route, new_client

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call
    from app.simulator.twilio.conference import Conference
    from app.simulator.twilio.queues import Queue, Task


@dataclass(frozen=True, slots=True)
class DialOutcome:
    """Who can be reached at a number or address, or serves a queue, and what they do when they are called."""

    status: str = "completed"  # they answer; or busy, no-answer, failed, canceled; for <Enqueue> also a QueueResult
    ring_ms: int = 1000
    talk_ms: int | None = 2000  # once joined with somebody, they hang up after so long; None: they stay
    presses: str = "1"  # keys they press whenever TwiML asks for keys; "" for none
    hum_hz: int = 0  # a tone they sing while they are joined, to be found again by whoever should hear them
    script: Script | None = None  # instead of `talk_ms` and `presses`: what they do, from the moment they answer
    answered_by: str = "human"  # or machine, fax, unknown: what machine detection makes of them
    greeting_ms: int = 3000  # of a machine: it talks so long before its beep
    beeps: bool = True  # some machines do not


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
    persons_voice: Voice | None = None  # of those who are called; None: the scripted callers' own
    route: Route = field(default_factory=Route)
    timing: Timing = field(default_factory=Timing)
    outcomes: Mapping[str, DialOutcome] = field(default_factory=dict)
    default_outcome: DialOutcome = field(default_factory=DialOutcome)
    own_numbers: set[str] = field(default_factory=set)
    api_url: str = "https://api.twilio.com"  # where recordings are said to be
    rng: random.Random = field(default_factory=random.Random)
    calls: "dict[str, Call]" = field(default_factory=dict)  # every call and leg there was, by sid
    conferences: "list[Conference]" = field(default_factory=list)
    queues: "dict[str, Queue]" = field(default_factory=dict)  # by name
    tasks: "list[Task]" = field(default_factory=list)  # of TaskRouter
    _spoken: dict[str, bytes] = field(default_factory=dict)

    def outcome(self, target: str) -> DialOutcome:
        return self.outcomes.get(target, self.default_outcome)

    def called(self, number: str) -> "list[Call]":
        """Every call and leg there was to this number, oldest first: what they heard is in their handsets."""
        return [call for call in self.calls.values() if call.party.called == number]

    async def speech(self, text: str) -> bytes:
        """<Say>: mu-law. Spoken off the loop, each text once."""
        if text not in self._spoken:
            pcm = await asyncio.to_thread(self.voice.speak, text)
            self._spoken[text] = audioop.lin2ulaw(pcm, 2)
        return self._spoken[text]

    async def clips(self, script: Script | None) -> Mapping[Say, Utterance]:
        """A script's lines as sound, made off the loop. Raises `ScriptError`."""
        return await asyncio.to_thread(prepare, script, self.persons_voice) if script is not None else {}

    async def aclose(self) -> None:
        await self.client.aclose()
