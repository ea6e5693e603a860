"""A mind for the laboratory: it has two answers of words that can be told apart, and knows where it was in them.

Like the real model it has nothing but its session: what was said before it learns from the history alone, and asked in
writing to go on it goes on behind the last word that the history says was heard.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from app.simulator.endpointer import Endpointer
from app.simulator.lab.words import ANSWER, PARDON, SECOND, spoken
from app.simulator.mind import Brief, Heard, Mind, Say, Sentence, SpeechBegan, SpeechStopped, Thought, UseTool

ANSWERS = (ANSWER, SECOND)
TOOL, ORDER = "find_order", "4712"
HALF = 6  # words in a sentence
AFTER_TOOL_MS = 300  # a model thinks so long once a tool has answered


@dataclass(frozen=True, slots=True)
class Habits:
    """Times in ms. With `tool` the first question is answered only when a tool has answered."""

    think_ms: int = 700
    pause_ms: int = 400
    tool: bool = False
    cycle: bool = False  # begin again with the first answer when both were given


class Answering:
    """One session's mind."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._thoughts: asyncio.Queue[Thought | None] = asyncio.Queue()
        self._ear: Endpointer | None = None
        self._rate = 24_000
        self._answer = -1  # the one last begun
        self._said = 0  # words of it that were heard, as far as this session can know
        self._pending: asyncio.TimerHandle | None = None
        self._tools: set[str] = set()

    async def open(self, brief: Brief) -> None:
        self._ear = Endpointer(brief.input_rate, pause_ms=self._habits.pause_ms)
        self._rate = brief.output_rate
        for role, text in brief.history:
            if role == "ASSISTANT":
                self._remember(text)

    def _remember(self, text: str) -> None:
        for word in text.replace("…", " ").replace(".", " ").lower().split():
            for number, answer in enumerate(ANSWERS):
                if word in answer:
                    self._answer, self._said = number, answer.index(word) + 1

    def hear(self, pcm: bytes) -> None:
        assert self._ear is not None, "hear before open"
        for event in self._ear.hear(pcm):
            self._thoughts.put_nowait(event)
            if isinstance(event, SpeechBegan):
                self._give_up()
            else:
                self._thoughts.put_nowait(Heard(f"question {self._next() + 1}"))
                self._take_up(event)

    def _next(self) -> int:
        following = self._answer + 1
        return following % len(ANSWERS) if self._habits.cycle else min(following, len(ANSWERS))

    def _take_up(self, stopped: SpeechStopped) -> None:
        waited = stopped.detected_ms - stopped.offset_ms
        if self._habits.tool and self._next() == 0:
            self._later(waited, self._use_tool())
        else:
            self._later(waited, self._begin())

    def read(self, text: str) -> None:
        self._give_up()
        if "go on" in text and 0 <= self._answer < len(ANSWERS):
            self._later(0, self._say(ANSWERS[self._answer][self._said :]))
        elif "has answered now" in text and self._answer < 0:
            self._later(0, self._begin())
        elif "broken off" in text and self._answer < 0:
            self._later(0, self._use_tool())
        else:
            self._later(0, self._say(PARDON))

    def take_result(self, tool_use_id: str, content: object) -> None:
        if tool_use_id in self._tools:
            self._later(self._habits.think_ms - AFTER_TOOL_MS, self._begin())

    async def thoughts(self) -> AsyncIterator[Thought]:
        while (thought := await self._thoughts.get()) is not None:
            yield thought

    async def close(self) -> None:
        self._give_up()
        self._thoughts.put_nowait(None)

    def _use_tool(self) -> UseTool:
        use = UseTool(str(uuid4()), TOOL, {"number": ORDER})
        self._tools.add(use.tool_use_id)
        return use

    def _begin(self) -> Say:
        return self._say(ANSWERS[self._next()] if self._next() < len(ANSWERS) else PARDON)

    def _say(self, words: Sequence[str]) -> Say:
        parts = [words[at : at + HALF] for at in range(0, len(words), HALF)] or [PARDON]
        return Say(tuple(Sentence(" ".join(part) + ".", spoken(part, self._rate)) for part in parts), last=True)

    def _later(self, waited_ms: int, thought: Thought) -> None:
        self._give_up()

        def now() -> None:
            if isinstance(thought, Say):
                for sentence in thought.sentences:
                    self._remember(sentence.text)
            self._thoughts.put_nowait(thought)

        delay_ms = max(0, self._habits.think_ms - waited_ms)
        self._pending = asyncio.get_running_loop().call_later(delay_ms / 1000, now)

    def _give_up(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None


class AnsweringMinds:
    """Makes a mind for each session."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits

    def __call__(self) -> Mind:
        return Answering(self._habits)
