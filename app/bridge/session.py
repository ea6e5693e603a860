"""A call's life: from its first leg to its last command, in one task group.

The group holds what the call itself waits for: readers of its model sessions, sessions being opened for it, its tools.
It holds no task of the SDK or of the CRT, which end in their own time in the pool's keeping, and not the leg's reader,
which is the socket's own coroutine.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from app.audio.transcoder import Transcoder
from app.bridge.bridge import Bridge, Watch
from app.bridge.guard import RecordingGuard
from app.bridge.pace import AnswerPace
from app.bridge.telling import Telling
from app.bridge.ticker import Ticker
from app.bridge.vault import SecretGone
from app.call import commands as c
from app.call import events as e
from app.call.machine import Call
from app.call.onward import Onward
from app.call.prices import Usage
from app.call.setup import CallFacts, CallSetup
from app.engines.engine import LISTENER, EngineError, Session, SessionSpec
from app.legs.leg import Leg, LineMeasured
from app.legs.recording import NotRecorded, Recording
from app.metrics.meters import Meters
from app.metrics.trace import CallTrace, NoTrace

SECRET_GONE = json.dumps(
    {"error": "secret_gone", "advice": "These digits are not here any more. Let the caller enter them again."}
)


class SessionLender(Protocol):
    """The pool, as one call sees it."""

    def lend(self, spec: SessionSpec) -> Session | None: ...

    async def open_cold(self, spec: SessionSpec) -> Session: ...

    def release(self, session: Session) -> None: ...

    def expect(self, spec: SessionSpec) -> None: ...

    def has_spare(self, spec: SessionSpec) -> bool: ...


class Listening(Protocol):
    """The recogniser of a menu's words, as one call sees it."""

    async def open(self, spec: SessionSpec) -> Session:
        """Raises `EngineError`."""
        ...

    def let_go(self, session: Session) -> None: ...


class ToolRunner(Protocol):
    """The tool host, as one call sees it."""

    async def answer(self, run: str, name: str, arguments: str, setup: CallSetup) -> e.ToolAnswered: ...

    def forget(self, call_sid: str) -> None:
        """The call is over."""


class Outside(Protocol):
    """People who are not in the stream, as one call sees them (`app.bridge.people`). None of it waits."""

    def ring(self, facts: CallFacts, command: c.RingPerson) -> None: ...

    def stop(self, attempt: str) -> None: ...

    def leave_word(self, facts: CallFacts, command: c.LeaveWord) -> None: ...


class Ears(Protocol):
    """What the house makes of a caller's words, for one call's agent. Pure, and quick: it stands in the call's path."""

    def known(self, text: str, language: str) -> tuple[str, float] | None:
        """The phrase that answers these words, said in `language`, by itself, and how sure that is (0 to 1). None
        leaves them to the model."""
        ...

    def seems(self, text: str) -> str:
        """The declared language they seem to be in, "" where it cannot be told."""
        ...


class Purse(Protocol):
    """Where a call's spending is added up with that of others. None of it waits."""

    def used(self, usage: Usage, money: Decimal | None) -> None:
        """Tokens the model has reported, and what they cost; None where nobody knows."""
        ...

    def ended(self, ms: int, carrier: Decimal | None) -> None:
        """The call is over: how long it lasted, and what the carrier takes."""
        ...

    def close(self) -> None:
        """The call has left this process."""
        ...


class NoEars:
    """Leaves every word to the model."""

    def known(self, text: str, language: str) -> tuple[str, float] | None:
        return None

    def seems(self, text: str) -> str:
        return ""


class Memory(Protocol):
    """Where a call's state goes, as one call sees it. None of it waits."""

    def keep(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None: ...

    def hand_over(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None:
        """Keep it for another process, then `CallLife.let_go`."""
        ...


class CallLife:
    """One call in progress. `run` is its life; `serve` lends it a leg for as long as that lasts."""

    def __init__(
        self,
        setup: CallSetup,
        specs: Mapping[str, SessionSpec],
        ears: Ears,
        pool: SessionLender,
        tools: ToolRunner,
        outside: Outside,
        ticker: Ticker,
        meters: Meters,
        memory: Memory,
        now_ms: Callable[[], int],
        pace: AnswerPace,
        call: Call | None = None,
        watch: Watch | None = None,
        recording: Recording | None = None,
        listening: Listening | None = None,
        listeners: Mapping[str, SessionSpec] | None = None,
        purse: Purse | None = None,
        trace: CallTrace | None = None,
    ) -> None:
        """`specs` by language, the call's first among them; so are `listeners`, where there are any."""
        self.setup = setup
        self.disposition: str | None = None
        self._specs = specs
        self._ears = ears
        self._pool = pool
        self._listening = listening
        self._listeners = listeners or {}
        self._tools = tools
        self._outside = outside
        self._ticker = ticker
        self._memory = memory
        self._purse = purse
        self._alive = asyncio.Event()
        self._over = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._telling = Telling(setup, meters, trace or NoTrace(), pace)
        self._now_ms = now_ms
        self._guard = RecordingGuard(setup.facts.call_sid, recording or NotRecorded(), self.spawn, self.tell)
        self.bridge = Bridge(call or Call(setup), self, now_ms, watch)

    async def run(self) -> None:
        """Live until the machine says `EndCall`. Returns when nothing of the call is alive."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._ticker.add(self.bridge)
                self._alive.set()
                await self._over.wait()
                for task in self._work:
                    task.cancel()
        finally:
            self._ticker.remove(self.bridge)
            self._over.set()
            self._telling.left()
            if self._purse is not None:
                self._purse.close()

    async def serve(self, leg: Leg, transcoder: Transcoder) -> None:
        """Carry the call over this leg until the leg ends."""
        await self._alive.wait()
        self.bridge.attach_leg(leg, transcoder)
        async for report in leg.events():
            self.bridge.hear_leg(report)
            if self._over.is_set():
                break

    def tell(self, event: e.Event) -> None:
        """An event from outside the leg and the session: an order, or the carrier's word that the call is over."""
        if not self._over.is_set():
            self.bridge.step(event)

    @property
    def onward(self) -> Onward | None:
        """Where the carrier has the caller, or takes them next."""
        return self.bridge.call.onward

    def let_go(self) -> None:
        """Another process has the call, or will: it goes on there from the snapshot. Here it ends without an end."""
        if not self._over.is_set():
            self.bridge.let_go()
            self._tools.forget(self.setup.facts.call_sid)
            self._over.set()

    # --- what the bridge asks of the house ------------------------------------------------------------------------

    def make_out(self, heard: e.UserText) -> e.UserText:
        language = self.bridge.call.language
        try:
            found, seems = self._ears.known(heard.text, language), self._ears.seems(heard.text)
        except Exception as error:  # the model answers; its name alone, for its text may hold what was said
            self._telling.log.warning("! the caller's words could not be made out", error=type(error).__name__)
            return heard
        known = found and e.Known(*found, spare=self._pool.has_spare(self._spec(language)))
        return replace(heard, known=known, seems=seems)

    def _spec(self, language: str) -> SessionSpec:
        return self._specs.get(language) or self._specs[self.setup.facts.language]

    def expect_session(self, language: str) -> None:
        self._pool.expect(self._spec(language))

    def ring_person(self, command: c.RingPerson) -> None:
        self._outside.ring(self.setup.facts, command)

    def stop_ringing(self, attempt: str) -> None:
        self._outside.stop(attempt)

    def leave_word(self, command: c.LeaveWord) -> None:
        self._outside.leave_word(self.setup.facts, command)

    def guard_recording(self, on: bool) -> None:
        self._guard.wish(on)

    def lend_session(self, language: str) -> Session | None:
        session = self._pool.lend(self._spec(language))
        if session is not None:
            self._telling.lent(session)
        return session

    async def open_session(self, language: str) -> Session:
        spec, began_ms = self._spec(language), self._now_ms()
        try:
            session = await self._pool.open_cold(spec)
        except EngineError as error:
            self._telling.not_lent(spec.key.model, self._now_ms() - began_ms, error)
            raise
        self._telling.lent(session, self._now_ms() - began_ms, cold=True)
        return session

    async def open_listener(self, language: str) -> Session:
        spec = self._listeners.get(language)
        if self._listening is None or spec is None:
            raise EngineError(e.Failure.UNAVAILABLE, "no recogniser of menu words for this language")
        return await self._listening.open(spec)

    def close_session(self, session: Session) -> None:
        if self._listening is not None and session.key.model == LISTENER:
            self._listening.let_go(session)
        else:
            self._pool.release(session)

    async def run_tool(self, run: str, name: str, arguments: str) -> e.ToolAnswered:
        answered = await self._answer(run, name, arguments)
        self._telling.tool_answered(answered)
        return answered

    async def _answer(self, run: str, name: str, arguments: str) -> e.ToolAnswered:
        vault = self.bridge.vault
        try:
            revealed = vault.reveal(arguments)
        except SecretGone:
            return e.ToolAnswered(run, name, SECRET_GONE, e.Outcome.REFUSED, 0)
        answered = await self._tools.answer(run, name, revealed, self.setup)
        return replace(answered, result=vault.mask(answered.result))

    def keep_snapshot(self, snapshot: dict[str, Any]) -> None:
        if not self._over.is_set():
            self._memory.keep(self.setup.facts.call_sid, snapshot, self.setup.timings.max_call)

    def hand_over(self, snapshot: dict[str, Any]) -> None:
        self._memory.hand_over(self.setup.facts.call_sid, snapshot, self.setup.timings.max_call)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> Callable[[], object]:
        if self._group is None or self._over.is_set():
            work.close()
            return lambda: None
        task = self._group.create_task(self._guarded(work, name), name=name)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task.cancel

    async def _guarded(self, work: Coroutine[Any, Any, None], name: str) -> None:
        # A fault in one task of the call must not take the whole call with it: the machine's clocks see to the caller.
        try:
            await work
        except Exception:
            self._telling.log.exception("call work failed", work=name)

    def measured(self, command: c.Measure) -> None:
        self._telling.measured(command)
        if isinstance(command, c.CallSpent) and self._purse is not None:
            self._purse.ended(command.ms, command.bill.carrier)

    def used(self, usage: e.UsageReported) -> None:
        self._telling.used(usage)
        if self._purse is not None:
            self._purse.used(usage.usage, self.setup.prices.of(usage.where, usage.usage))

    def line_measured(self, line: LineMeasured) -> None:
        self._telling.line_measured(line)

    def session_failed(self, failed: e.SessionFailed) -> None:
        self._telling.session_failed(failed)

    def ended(self, disposition: str) -> None:
        if self.disposition is None:
            self.disposition = disposition
            self._telling.ended(disposition)
            self._tools.forget(self.setup.facts.call_sid)
        self._over.set()
