"""Hears the words of a menu where no model serves a call: an `Engine` whose sessions say nothing.

A session takes the caller's audio and reports `WordSpoken` for each utterance: one of its few words, or "" where that
is not sure. It is never needed: keys do all that words do. So the process of a session that dies is not started again,
and a spare one is up before the first call wants it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from app.call.events import Failure, SessionEvent, SessionFailed, WordSpoken
from app.call.history import Line
from app.engines.engine import Session, SessionKey, SessionSpec
from app.engines.offline.endpoint import Endpointer, PhraseEnded, Voice
from app.engines.offline.recognise import Recogniser, Recognisers

PROGRAM = "app.engines.offline.grammar"
PAUSE_MS = 400  # after a word: nobody pauses within one


class ListenerSession:
    """One caller's. See `app.engines.engine.Session`; a listener is told nothing in writing."""

    def __init__(self, spec: SessionSpec, recogniser: Recogniser, opened_ms: int) -> None:
        self.key: SessionKey = spec.key
        self.opened_ms = opened_ms
        self.ends_ms: int | None = None
        self.dead: Failure | None = None
        self.recogniser = recogniser
        self._endpointer = Endpointer(spec.input_rate, PAUSE_MS)
        self._utterances: asyncio.Queue[asyncio.Future[str] | None] = asyncio.Queue()
        self._ordinal = 0

    def begin(self, ordinal: int, history: Sequence[Line]) -> None:
        self._ordinal = ordinal

    async def events(self) -> AsyncIterator[SessionEvent]:
        while (utterance := await self._utterances.get()) is not None:
            word = await utterance
            if self.recogniser.lost:
                self.dead = Failure.LOST
                yield SessionFailed(self._ordinal, Failure.LOST, "the recogniser has ended")
                return
            yield WordSpoken(self._ordinal, word)

    def send_audio(self, pcm: bytes) -> None:
        for mark in self._endpointer.push(pcm):
            match mark:
                case Voice(audio):
                    self.recogniser.hear(audio)
                case PhraseEnded():
                    self._utterances.put_nowait(self.recogniser.phrase_ended())

    def send_text(self, text: str) -> None: ...

    def send_note(self, text: str) -> None: ...

    def answer_tool(self, run: str, result: str) -> None: ...

    async def close(self) -> None:
        self._utterances.put_nowait(None)


class MenuListener:
    """One for each process. `clock` gives monotonic ms."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._recognisers = Recognisers(PROGRAM)
        self._errands: set[asyncio.Task[None]] = set()

    def prepare(self) -> None:
        """Have a process ready before one is needed; returns at once."""
        self._run(self._recognisers.start())

    async def open(self, spec: SessionSpec) -> ListenerSession:
        recogniser = self._recognisers.take()
        recogniser.begin(spec.input_rate, spec.words)
        return ListenerSession(spec, recogniser, self._clock())

    def let_go(self, session: Session) -> None:
        """A call is done with it; its process ends in our keeping."""
        assert isinstance(session, ListenerSession), "it was opened here"
        self._run(self._end(session))

    async def close(self) -> None:
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)
        await self._recognisers.close()

    async def _end(self, session: ListenerSession) -> None:
        await session.close()
        await self._recognisers.give_back(session.recogniser)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        errand = asyncio.create_task(work)
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)
