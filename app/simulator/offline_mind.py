"""A mind that really listens and really speaks, with nothing but this machine.

What it hears goes through the endpointer to a recogniser process; a turn's words go to the understanding, which knows
the caller's business only from the brief; what is decided is spoken sentence by sentence. One task reads the turns in
order, one task at a time speaks. When the caller begins to speak, what is being prepared is given up; a turn whose
words arrive while the caller is speaking again is joined to the next.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import structlog

from app.engines.offline.endpoint import Began, Endpointer, Mark, PhraseEnded, TurnEnded, Voice
from app.engines.offline.recognise import Recogniser, Recognisers
from app.engines.offline.speak import CannotSpeak, Speaker
from app.engines.offline.understand import Intention, Reply, State, Understanding, Use, transcript
from app.simulator.mind import Brief, Heard, Say, Sentence, SpeechBegan, SpeechStopped, Thought, UseTool

log = structlog.get_logger()

type Phrases = list[asyncio.Future[str]]


class OfflineMinds:
    """A factory with a warm spare: `start` loads a recogniser ahead of every call, `close` ends every process."""

    def __init__(self) -> None:
        self._recognisers = Recognisers()
        self._speaker = Speaker()

    async def start(self) -> None:
        await self._recognisers.start()

    def __call__(self) -> "OfflineMind":
        return OfflineMind(self._recognisers, self._speaker)

    async def close(self) -> None:
        await self._recognisers.close()


class OfflineMind:
    """One session's `app.simulator.mind.Mind`. By itself it loads its recogniser when it opens, in half a second that
    the caller's first utterance hides."""

    def __init__(self, recognisers: Recognisers | None = None, speaker: Speaker | None = None) -> None:
        self._recognisers = recognisers or Recognisers()
        self._speaker = speaker or Speaker()
        self._thoughts: asyncio.Queue[Thought | None] = asyncio.Queue()
        self._turns: asyncio.Queue[Phrases] = asyncio.Queue()
        self._phrases: Phrases = []  # of the turn that is being heard
        self._unanswered = ""  # heard while the caller already spoke again
        self._state = State()
        self._open_tools: dict[str, str] = {}
        self._listening: asyncio.Task[None] | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._recogniser: Recogniser | None = None
        self._closed = False

    async def open(self, brief: Brief) -> None:
        """Learn the brief and take a recogniser."""
        self._brief = brief
        self._understanding = await asyncio.to_thread(Understanding, brief.system_prompt, brief.tools)
        self._state = self._understanding.recall(brief.history)
        self._endpointer = Endpointer(brief.input_rate, brief.endpointing_ms)
        if self._closed:
            return
        self._recogniser = self._recognisers.take()
        self._recogniser.begin(brief.input_rate, self._understanding.vocabulary)
        self._listening = asyncio.create_task(self._listen())

    def hear(self, pcm: bytes) -> None:
        if self._recogniser is None:
            return
        for mark in self._endpointer.push(pcm):
            self._notice(mark, self._recogniser)

    def read(self, text: str) -> None:
        self._give_up()
        intention, self._state = self._understanding.follow(text, self._state)
        self._act(intention)

    def take_result(self, tool_use_id: str, content: object) -> None:
        """Told at once; only remembered while the caller speaks, who may then ask again."""
        name = self._open_tools.pop(tool_use_id, "")
        reply, self._state = self._understanding.tell(name, content, self._state)
        if reply is not None and not self._endpointer.in_turn:
            self._act(reply)

    async def thoughts(self) -> AsyncIterator[Thought]:
        while (thought := await self._thoughts.get()) is not None:
            yield thought

    async def close(self) -> None:
        self._closed = True
        self._give_up()
        tasks = [task for task in (self._listening, self._speaking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._recogniser is not None:
            recogniser, self._recogniser = self._recogniser, None
            await self._recognisers.give_back(recogniser)
        self._thoughts.put_nowait(None)

    def _notice(self, mark: Mark, recogniser: Recogniser) -> None:
        match mark:
            case Began(offset_ms):
                self._give_up()
                self._think(SpeechBegan(offset_ms))
            case Voice(pcm):
                recogniser.hear(pcm)
            case PhraseEnded():
                self._phrases.append(recogniser.phrase_ended())
            case TurnEnded(offset_ms, detected_ms):
                self._think(SpeechStopped(offset_ms, detected_ms))
                self._turns.put_nowait(self._phrases)
                self._phrases = []

    async def _listen(self) -> None:
        while True:
            phrases = await self._turns.get()
            texts = [await text for text in phrases]
            if words := transcript(" ".join(filter(None, texts))):
                self._think(Heard(words))
                self._answer(words)

    def _answer(self, words: str) -> None:
        self._unanswered = f"{self._unanswered} {words}".strip()
        if self._endpointer.in_turn:
            return
        said, self._unanswered = self._unanswered, ""
        intention, self._state = self._understanding.answer(said, self._state)
        self._act(intention)

    def _act(self, intention: Intention) -> None:
        match intention:
            case Use(tool, arguments):
                self._use(tool, arguments)
            case Reply(sentences):
                self._speaking = asyncio.create_task(self._say(sentences, self._speaking))

    def _use(self, tool: str, arguments: Mapping[str, object]) -> None:
        ident = str(uuid4())
        self._open_tools[ident] = tool
        self._think(UseTool(ident, tool, arguments))

    async def _say(self, sentences: tuple[str, ...], before: asyncio.Task[None] | None) -> None:
        """Speak each sentence as soon as its audio is made, after a reply that is still being made."""
        if before is not None:
            await asyncio.wait([before])
        for at, text in enumerate(sentences, 1):
            try:
                pcm = await self._speaker.say(text, self._brief.voice, self._brief.output_rate)
            except CannotSpeak as reason:
                log.error("the offline voice cannot speak", reason=str(reason))
                pcm = b""
            self._think(Say((Sentence(text, pcm),), last=at == len(sentences)))

    def _give_up(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            self._speaking = None

    def _think(self, thought: Thought) -> None:
        if not self._closed:
            self._thoughts.put_nowait(thought)
