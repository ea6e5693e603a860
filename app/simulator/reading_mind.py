"""A mind that reads aloud what it is sent, and can be told to do it badly: for tests of whoever checks a reading.

`ReadingMinds("other-words", "pause")` spoils the first reading in one way and the second in another; all after that
are read well. The faults are what a speech model does: it answers instead of reading, stops early, loses its thread,
never ends its turn, or breaks off.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Literal

from app.simulator.mind import Brief, Mind, Say, Sentence, SpeechBegan, Thought
from app.simulator.prepared_audio import babble
from app.simulator.prepared_audio import speaking_time as usual_time

type ReadingFault = Literal["other-words", "more-words", "short", "slow", "pause", "no-end", "interrupted", "silence"]

PAUSE_S = 0.9
UNHURRIED = 1.25  # times the usual


def speaking_time(text: str) -> float:
    return UNHURRIED * usual_time(text)


class ReadingMind:
    """One session's `Mind`. It hears nothing; `fault` is asked for at each reading."""

    def __init__(self, fault: Callable[[], ReadingFault | None] = lambda: None) -> None:
        self._fault = fault
        self._rate = 24_000
        self._thoughts: asyncio.Queue[Thought | None] = asyncio.Queue()

    async def open(self, brief: Brief) -> None:
        self._rate = brief.output_rate

    def hear(self, pcm: bytes) -> None:
        pass

    def read(self, text: str) -> None:
        fault = self._fault()
        for thought in self._reading(text, fault):
            self._thoughts.put_nowait(thought)

    def _reading(self, text: str, fault: ReadingFault | None) -> list[Thought]:
        match fault:
            case "other-words":
                return [self._say("Certainly!")]
            case "more-words":
                return [Say((self._sentence(text), self._sentence("Anything else?")), last=True)]
            case "short":
                return [Say((Sentence(text, self._sound(speaking_time(text) / 4)),), last=True)]
            case "slow":
                return [Say((Sentence(text, self._sound(speaking_time(text) * 4)),), last=True)]
            case "pause":
                half = self._sound(speaking_time(text) / 2)
                silence = bytes(round(PAUSE_S * self._rate) * 2)
                return [Say((Sentence(text, half + silence + half),), last=True)]
            case "no-end":
                return [Say((self._sentence(text),), last=False)]
            case "interrupted":
                return [Say((self._sentence(text),), last=True), SpeechBegan(0)]
            case "silence":
                return []
            case None:
                return [self._say(text)]

    def _say(self, text: str) -> Say:
        return Say((self._sentence(text),), last=True)

    def _sentence(self, text: str) -> Sentence:
        return Sentence(text, self._sound(speaking_time(text)))

    def _sound(self, seconds: float) -> bytes:
        return babble(round(seconds, 3), self._rate)

    def take_result(self, tool_use_id: str, content: object) -> None:
        pass

    async def thoughts(self) -> AsyncIterator[Thought]:
        while (thought := await self._thoughts.get()) is not None:
            yield thought

    async def close(self) -> None:
        self._thoughts.put_nowait(None)


class ReadingMinds:
    """A factory; the faults are shared by its minds and used up in the order in which they read."""

    def __init__(self, *faults: ReadingFault | None) -> None:
        self._faults = deque(faults)

    def __call__(self) -> Mind:
        return ReadingMind(lambda: self._faults.popleft() if self._faults else None)
