"""A mind without understanding: it hears by energy, and says what its script has for an utterance or a text.

For tests and load. An answer waits its thinking time, counted from the caller's last sound; when the caller goes on
before that, the answer is given up.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from itertools import count
from uuid import uuid4

from app.simulator.endpointer import Endpointer
from app.simulator.mind import Brief, Heard, Mind, Say, Sentence, SpeechBegan, SpeechStopped, Thought, UseTool
from app.simulator.script import Line, Script, Turn


class ScriptedMind:
    """One session's mind. `seed` makes its thinking times repeatable."""

    def __init__(self, script: Script, seed: int = 1) -> None:
        self._script = script
        self._chance = random.Random(f"{script.seed}/{seed}")
        self._thoughts: asyncio.Queue[Thought | None] = asyncio.Queue()
        self._utterances = 0
        self._rate = 24_000
        self._endpointer: Endpointer | None = None
        self._pending: asyncio.TimerHandle | None = None
        self._asked: dict[str, Turn] = {}  # tools in use, by id

    async def open(self, brief: Brief) -> None:
        listening = self._script.listening
        pause_ms = brief.endpointing_ms if listening.pause_ms is None else listening.pause_ms
        self._endpointer = Endpointer(brief.input_rate, listening.threshold_dbfs, listening.onset_ms, pause_ms)
        self._rate = brief.output_rate
        await asyncio.to_thread(self._prepare)

    def _prepare(self) -> None:
        for line in self._script.lines():
            line.pcm(self._rate)

    def hear(self, pcm: bytes) -> None:
        assert self._endpointer is not None, "hear before open"
        for event in self._endpointer.hear(pcm):
            self._thoughts.put_nowait(event)
            if isinstance(event, SpeechBegan):
                self._give_up_answer()
            else:
                self._answer_utterance(event)

    def read(self, text: str) -> None:
        self._give_up_answer()
        self._answer(self._script.answer_to(text), 0)

    def take_result(self, tool_use_id: str, content: object) -> None:
        turn = self._asked.pop(tool_use_id, None)
        if turn is not None:
            facts = content if isinstance(content, Mapping) else {"result": content}
            self._later(0, self._say(turn, facts))

    async def thoughts(self) -> AsyncIterator[Thought]:
        while (thought := await self._thoughts.get()) is not None:
            yield thought

    async def close(self) -> None:
        self._give_up_answer()
        self._thoughts.put_nowait(None)

    def _answer_utterance(self, stopped: SpeechStopped) -> None:
        self._utterances += 1
        turn = self._script.turn(self._utterances, self._chance)
        text = turn.heard if turn is not None and turn.heard is not None else self._script.otherwise.heard
        text = text if text is not None else f"utterance {self._utterances}"
        self._thoughts.put_nowait(Heard(text))
        self._answer(turn or self._script.answer_to(text), stopped.detected_ms - stopped.offset_ms)

    def _answer(self, turn: Turn, waited_ms: int) -> None:
        if turn.use_tool is None:
            self._later(waited_ms, self._say(turn, {}))
            return
        use = UseTool(str(uuid4()), turn.use_tool.name, turn.use_tool.arguments)
        self._asked[use.tool_use_id] = turn
        self._later(waited_ms, use)

    def _later(self, waited_ms: int, thought: Thought) -> None:
        self._give_up_answer()
        delay_ms = max(0, self._script.thinking.draw_ms(self._chance) - waited_ms)
        loop = asyncio.get_running_loop()
        self._pending = loop.call_later(delay_ms / 1000, self._thoughts.put_nowait, thought)

    def _give_up_answer(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None

    def _say(self, turn: Turn, facts: Mapping[str, object]) -> Say:
        return Say(tuple(Sentence(_filled(line, facts), line.pcm(self._rate)) for line in turn.say), last=True)


def _filled(line: Line, facts: Mapping[str, object]) -> str:
    text = line.text
    for name, value in facts.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


class ScriptedMinds:
    """Makes a mind for each session, each with a seed of its own."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._numbers = count(1)

    def __call__(self) -> Mind:
        return ScriptedMind(self._script, next(self._numbers))
