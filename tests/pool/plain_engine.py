"""A small engine that keeps the contract, takes as long as it is told, and fails when it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from app.call.events import Failure, SessionEvent, SessionFailed, UsageReported
from app.call.history import Line
from app.engines.engine import EngineError, SessionKey, SessionSpec


class PlainSession:
    def __init__(self, key: SessionKey, opened_ms: int, close_takes: float) -> None:
        self.key = key
        self.opened_ms = opened_ms
        self.ends_ms: int | None = None
        self.dead: Failure | None = None
        self.closed = False
        self.begun: tuple[int, Sequence[Line]] | None = None
        self._close_takes = close_takes
        self._events: asyncio.Queue[SessionEvent | None] = asyncio.Queue()

    def die(self, failure: Failure = Failure.LOST) -> None:
        self.dead = failure
        self._events.put_nowait(SessionFailed(0, failure))
        self._events.put_nowait(None)

    def report(self, event: SessionEvent) -> None:
        self._events.put_nowait(event)

    def begin(self, ordinal: int, history: Sequence[Line]) -> None:
        assert self.begun is None, "a session serves one call"
        self.begun = (ordinal, history)

    async def events(self) -> AsyncIterator[SessionEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    def send_audio(self, pcm: bytes) -> None: ...

    def send_text(self, text: str) -> None: ...

    def send_note(self, text: str) -> None: ...

    def answer_tool(self, run: str, result: str) -> None: ...

    async def close(self) -> None:
        assert not self.closed, "closed twice"
        await asyncio.sleep(self._close_takes)
        self.closed = True
        self.report(UsageReported(0, 0, 0, 7, 0))
        self._events.put_nowait(None)


class PlainEngine:
    """`failures` are raised by the next openings, one each (None: this one works); then all work."""

    def __init__(self, now_ms: Callable[[], int], opens_in: float = 0.5, closes_in: float = 0.1) -> None:
        self._now_ms = now_ms
        self.opens_in = opens_in
        self.closes_in = closes_in
        self.failures: list[Failure | None] = []
        self.sessions: list[PlainSession] = []
        self.asked_ms: list[int] = []
        self.under_way = 0
        self.most_streams = 0

    @property
    def streams(self) -> int:
        return self.under_way + sum(not s.closed for s in self.sessions)

    def open_ones(self) -> list[PlainSession]:
        return [s for s in self.sessions if not s.closed]

    async def open(self, spec: SessionSpec) -> PlainSession:
        self.under_way += 1
        self.asked_ms.append(self._now_ms())
        self.most_streams = max(self.most_streams, self.streams)
        try:
            await asyncio.sleep(self.opens_in)
        finally:
            self.under_way -= 1
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise EngineError(failure, "as told")
        session = PlainSession(spec.key, self._now_ms(), self.closes_in)
        self.sessions.append(session)
        return session

    async def close(self) -> None: ...
