"""The front desk: what the doors ask about a call, and what it answers.

It admits calls, knows which are live, hands each leg to its call's life, and says what follows a stream. What it says
is decided by pure functions of `app.call.continuation`; here it is looked up, counted and carried out.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import structlog

from app.audio.transcoder import Transcoder
from app.bridge.pace import AnswerPace
from app.bridge.people import SNAPSHOT, Keeper, NoInbox, People
from app.bridge.registry import Entry, Registry
from app.bridge.session import CallLife, Ears, Listening, NoEars, SessionLender, ToolRunner
from app.bridge.ticker import Ticker
from app.cache.store import Store, StoreGone
from app.call import events as e
from app.call.commands import Command
from app.call.continuation import (
    Answer,
    CallRecord,
    ConnectStream,
    DialTarget,
    HangUpCall,
    RejectCall,
    SpeakAndHangUp,
    after_stream,
    way_out_of,
)
from app.call.disposition import Disposition
from app.call.machine import Call
from app.call.onward import Destination, OnwardResult, result_of
from app.call.setup import CallSetup
from app.engines.engine import SessionSpec
from app.legs.leg import Leg
from app.legs.phone import Phone
from app.legs.recording import Recording
from app.metrics.meters import Meters

log = structlog.get_logger()

ENDED = "ended"  # a kind of document in the store
ENDED_REMEMBERED_S = 900
LAST_ERRANDS_S = 2
TOKEN_REMEMBERED_S = 120
TOKEN_REPEATED_MS = 20_000
ASK_FOR_MESSAGE = "Please leave your message after the tone."  # where no phrase was said
TERMINAL = {"completed", "busy", "failed", "no-answer", "canceled"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A webhook's call facts. `fields` holds every field as received, for what a tool or a route may want."""

    call_sid: str
    caller: str
    called: str
    status: str
    direction: str
    fields: Mapping[str, str]
    attempt: str = ""  # to give the caller to somebody, that the webhook is about


@dataclass(frozen=True, slots=True)
class Cast:
    """Who serves a call: its setup, how a session for it is opened in its first language and in each it may change to,
    and what is made of the caller's words."""

    setup: CallSetup
    spec: SessionSpec
    again: CallSetup  # the same call taken up without memory: it begins with an apology
    tools: ToolRunner
    specs: Mapping[str, SessionSpec] = field(default_factory=dict)  # by language
    ears: Ears = field(default_factory=NoEars)
    destinations: Mapping[str, Destination] = field(default_factory=dict)  # of its setup's targets, by name
    listeners: Mapping[str, SessionSpec] = field(default_factory=dict)  # of its menus' words, by language


@dataclass(frozen=True, slots=True)
class DeskOptions:
    at_limit: str = "speak"  # or "reject"
    busy_text: str = "All our lines are busy. Please call again in a few minutes."
    goodbye_text: str = "We cannot go on with this call. Please call again later. Goodbye."
    fallback_text: str = "We are sorry, something went wrong on our side. Please call again in a few minutes."
    language: str = "en-US"
    person_number: str = ""
    record_calls: bool = False  # by the carrier, from its first document on


class StreamTokens(Protocol):
    def issue(self, call_sid: str) -> str: ...

    def valid(self, token: str, call_sid: str) -> bool: ...


type CastCall = Callable[[Incoming], Cast]
type RecastCall = Callable[[Incoming, Mapping[str, Any]], Awaitable[Cast]]  # with the snapshot of a call that is back
type WatchCall = Callable[[str, int, e.Event, list[Command]], None]


@dataclass(frozen=True, slots=True)
class Staff:
    """The neighbours the desk works with."""

    cast: CastCall
    recast: RecastCall
    pool: SessionLender
    store: Store
    tokens: StreamTokens
    meters: Meters
    now_ms: Callable[[], int]
    transcoder: Callable[[], Transcoder]  # a fresh one for each leg
    pace: AnswerPace
    watch: WatchCall | None = None
    recording: Recording | None = None
    inbox: Keeper = field(default_factory=NoInbox)
    phone: Phone | None = None  # None: no calls can be placed by REST
    listening: Listening | None = None  # None: without a model, keys alone
    streams_left: Callable[[], bool] = lambda: True  # has the model one for another call?


class FrontDesk:
    """One for each process, entered before the first request: `async with desk:` is the parent of every call's life."""

    def __init__(self, staff: Staff, limit: int, options: DeskOptions) -> None:
        self.registry = Registry(limit, staff.now_ms, staff.streams_left)
        self.people = People(self.registry, staff.store, staff.inbox, staff.now_ms, staff.phone)
        self._staff = staff
        self._options = options
        self._ticker = Ticker(staff.now_ms, self._loop_was_late)
        self._lives = asyncio.TaskGroup()
        self._errands: dict[str, asyncio.Task[None]] = {}  # the last one of each call
        staff.meters.watch_live_calls(self.registry.live_count)

    async def __aenter__(self) -> Self:
        await self._lives.__aenter__()
        self._sweeper = self._lives.create_task(self._sweep(), name="desk sweeper")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sweeper.cancel()
        for entry in list(self.registry.live()):
            if entry.outside is not None and entry.life is not None:
                entry.life.leave_to_others()
            elif entry.life is not None:
                entry.life.tell(e.CallCompleted("server stopped"))
        await self._lives.__aexit__(None, None, None)
        await self.people.close()
        if self._errands:
            await asyncio.wait(list(self._errands.values()), timeout=LAST_ERRANDS_S)

    def use(self, options: DeskOptions) -> None:
        """From now on."""
        self._options = options

    # --- webhooks -------------------------------------------------------------------------------------------------

    async def answer_call(self, incoming: Incoming) -> Answer:
        """The number's webhook. A retry of the same CallSid gets the same answer and counts once."""
        known = self.registry.get(incoming.call_sid)
        if known is not None:
            return known.answer
        why = self.registry.refusal()
        if why is not None:
            self._staff.meters.calls_refused.labels(why).inc()
            log.warning("! call refused", call=incoming.call_sid, why=why)
            return self.registry.put(incoming.call_sid, self._busy()).answer
        cast = self._staff.cast(incoming)
        return self._admit(incoming.call_sid, cast, cast.setup).answer

    async def continue_call(self, incoming: Incoming) -> Answer:
        """What follows a stream, or the caller's way outside it (/twilio/next). Idempotent: until something new has
        happened, a repeat gets the same answer."""
        entry = self.registry.get(incoming.call_sid)
        if entry is None or entry.ended == Disposition.CALLER_LOST:  # lost to us, but the carrier still has them
            entry = await self._take_up(incoming)
        if incoming.attempt and not await self._told_of_attempt(entry, incoming):
            return entry.answer
        if not entry.answered_next:
            entry.answer = self._after_stream(entry)
            if isinstance(entry.answer, ConnectStream):
                entry.record = replace(entry.record, resumes=entry.record.resumes + 1)
            elif entry.life is not None and entry.outside is None:
                entry.life.tell(e.CallCompleted("left to the carrier"))
            entry.answered_next = True
        return entry.answer

    def _after_stream(self, entry: Entry) -> Answer:
        way_out = self._way_out(entry)
        entry.record = replace(entry.record, ended=entry.ended)
        return after_stream(
            entry.record, self._options.person_number, self._options.goodbye_text, self._options.language, way_out
        )

    def _way_out(self, entry: Entry) -> Answer | None:
        onward, life = entry.outside, entry.life
        if onward is None or life is None:
            return None
        setup = life.setup
        told = (phrase := setup.phrases.get("leave_message")) is not None and phrase.audio is not None
        answer = way_out_of(onward, entry.destinations.get(onward.target), setup.facts, "" if told else ASK_FOR_MESSAGE)
        if answer is None:
            log.warning("! a target is not configured any more", call=setup.facts.call_sid, target=onward.target)
            life.tell(e.OnwardEnded(onward.attempt, OnwardResult.FAILED))
        elif isinstance(answer, DialTarget) and answer.whisper:
            self.people.will_be_asked(setup.facts, onward)
        return answer

    async def _told_of_attempt(self, entry: Entry, incoming: Incoming) -> bool:
        """What became of the caller outside the stream. False where that is no news."""
        await self.people.recorded(incoming.attempt, incoming.fields)
        onward = entry.outside
        if onward is None or onward.attempt != incoming.attempt or entry.life is None:
            return False
        entry.life.tell(e.OnwardEnded(onward.attempt, result_of(onward.way, incoming.fields)))
        entry.answered_next = False
        return True

    async def fall_back(self, incoming: Incoming) -> Answer:
        """The primary handler failed: something to say without the rest of the house."""
        self.call_reported(incoming.call_sid, "failed")
        return SpeakAndHangUp(self._options.fallback_text, self._options.language)

    def call_reported(self, call_sid: str, status: str) -> None:
        """A call status callback; a terminal status ends the call and releases all that is held for it."""
        entry = self.registry.get(call_sid)
        if entry is not None and status in TERMINAL:
            if entry.life is not None:
                entry.life.tell(e.CallCompleted(status))
            self.registry.end(call_sid)

    def stream_reported(self, call_sid: str, stream: str, event: str, error: str) -> None:
        """A stream status callback: `stream-error` may be all we ever hear of a stream that never opened. One that did
        open has told its own end by its leg, often after /twilio/next was asked."""
        entry = self.registry.get(call_sid)
        if entry is None or event != "stream-error":
            return
        log.warning("! stream failed", call=call_sid, error=error)
        if stream not in entry.streams:
            entry.streams.add(stream)
            entry.record = entry.record.stream_ended(0)

    def _busy(self) -> Answer:
        if self._options.at_limit == "reject":
            return RejectCall()
        return SpeakAndHangUp(self._options.busy_text, self._options.language)

    def _admit(self, call_sid: str, cast: Cast, setup: CallSetup, call: Call | None = None) -> Entry:
        staff = self._staff
        watch = staff.watch
        life = CallLife(
            setup,
            {**cast.specs, setup.facts.language: cast.spec},
            cast.ears,
            staff.pool,
            cast.tools,
            self.people,
            self._ticker,
            staff.meters,
            self._keep_snapshot,
            staff.now_ms,
            staff.pace,
            call,
            None if watch is None else lambda at, event, commands: watch(call_sid, at, event, commands),
            staff.recording,
            staff.listening,
            cast.listeners,
        )
        life.expect_session(life.bridge.call.language)
        entry = self.registry.put(call_sid, ConnectStream(self._options.record_calls), life)
        entry.destinations = cast.destinations
        self._lives.create_task(self._live(call_sid, life), name=f"call {call_sid}")
        return entry

    async def _live(self, call_sid: str, life: CallLife) -> None:
        try:
            await life.run()
        except Exception:
            log.exception("! call failed", call=call_sid)
            life.ended("failed")
        entry = self.registry.get(call_sid)
        if entry is not None and entry.life is life:
            entry.record = replace(entry.record, ended=life.disposition)
            self.registry.end(call_sid)
        if life.disposition not in (None, Disposition.CALLER_LOST):  # they may come back through any process
            self._run_errand(call_sid, self._staff.store.delete(SNAPSHOT, call_sid))
            ended = {"disposition": life.disposition}
            self._run_errand(call_sid, self._staff.store.put(ENDED, call_sid, ended, ENDED_REMEMBERED_S))

    async def _take_up(self, incoming: Incoming) -> Entry:
        """A call this process does not have: one that has ended, one to go on with from its snapshot, or one to begin
        afresh with an apology."""
        before = self.registry.get(incoming.call_sid)
        ended, snapshot = await self._kept(ENDED, incoming.call_sid), await self._kept(SNAPSHOT, incoming.call_sid)
        cast = self._staff.cast(incoming) if snapshot is None else await self._staff.recast(incoming, snapshot)
        now_known = self.registry.get(incoming.call_sid)
        if now_known is not None and now_known is not before:  # another webhook was quicker while we looked
            return now_known
        record = CallRecord() if before is None else replace(before.record, ended=None)
        if before is None and ended is not None:
            return self._remember(incoming.call_sid, str(ended["disposition"]))
        call = None if snapshot is None else self._resumed(cast.setup, snapshot)
        entry = self._admit(incoming.call_sid, cast, cast.again if call is None else cast.setup, call)
        entry.record, entry.next_leg = record, 1 if before is None else before.next_leg
        return entry

    def _remember(self, call_sid: str, disposition: str) -> Entry:
        entry = self.registry.put(call_sid, HangUpCall())
        entry.record = CallRecord(ended=disposition)
        return entry

    def _resumed(self, setup: CallSetup, snapshot: Mapping[str, Any]) -> Call | None:
        try:
            return Call.resume(setup, snapshot, self._staff.now_ms(), "another process", time.time_ns() // 1_000_000)
        except ValueError as error:
            log.warning("! a snapshot is of no use", call=setup.facts.call_sid, why=str(error))
            return None

    async def _kept(self, kind: str, call_sid: str) -> dict[str, Any] | None:
        try:
            return await self._staff.store.get(kind, call_sid)
        except StoreGone:
            return None

    # --- legs -----------------------------------------------------------------------------------------------------

    def stream_token(self, call_sid: str) -> str:
        """A token for the stream of this call (an HMAC over CallSid, purpose and expiry, 60 s), good for one socket.
        A webhook repeated within seconds is given the same one, so that its answer is the same."""
        entry = self.registry.get(call_sid)
        now = self._staff.now_ms()
        if entry is None:
            return self._staff.tokens.issue(call_sid)
        if entry.token in entry.tokens_used or now - entry.token_at_ms > TOKEN_REPEATED_MS:
            entry.token, entry.token_at_ms = self._staff.tokens.issue(call_sid), now
        return entry.token

    async def claim_leg(self, call_sid: str, stream: str, token: str) -> int | None:
        """Check a stream's token (form, CallSid, expiry, single use). The ordinal of the new leg, or None: refuse."""
        entry = self.registry.get(call_sid)
        if entry is None or entry.life is None or entry.ended_ms is not None or entry.ended is not None:
            return None
        if not self._staff.tokens.valid(token, call_sid) or not await self._first_use(entry, token):
            return None
        entry.answered_next = False
        entry.streams.add(stream)
        ordinal, entry.next_leg = entry.next_leg, entry.next_leg + 1
        return ordinal

    async def _first_use(self, entry: Entry, token: str) -> bool:
        # Without the store other processes cannot be asked; a token was issued for this call by this one.
        if token in entry.tokens_used:
            return False
        entry.tokens_used.add(token)
        try:
            return await self._staff.store.claim(token, TOKEN_REMEMBERED_S)
        except StoreGone:
            return True

    async def serve_leg(self, call_sid: str, leg: Leg) -> None:
        """Run the call over this leg; returns when the leg has ended and nothing of it is alive."""
        entry = self.registry.get(call_sid)
        if entry is None or entry.life is None:
            return
        began_ms = self._staff.now_ms()
        try:
            await entry.life.serve(leg, self._staff.transcoder())
        except Exception:
            log.exception("! leg failed", call=call_sid)
            leg.hang_up()
            entry.life.ended("failed")
        entry.record = entry.record.stream_ended(self._staff.now_ms() - began_ms)

    # --- errands: what must not keep a call waiting ---------------------------------------------------------------

    def _keep_snapshot(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None:
        # Resumable state lives as long as the longest call, and ten minutes.
        self._run_errand(call_sid, self._staff.store.put(SNAPSHOT, call_sid, snapshot, longest_ms // 1000 + 600))

    def _run_errand(self, call_sid: str, work: Coroutine[Any, Any, None]) -> None:
        """One after another for each call: a snapshot must not arrive after the word that the call has ended."""
        task = asyncio.create_task(_after(self._errands.get(call_sid), work), name=f"errand {call_sid}")
        self._errands[call_sid] = task
        task.add_done_callback(lambda done: self._errand_done(call_sid, done))

    def _errand_done(self, call_sid: str, done: asyncio.Task[None]) -> None:
        if self._errands.get(call_sid) is done:
            del self._errands[call_sid]

    def _loop_was_late(self, seconds: float) -> None:
        self._staff.meters.loop_lateness.observe(seconds)
        self.registry.lateness.ran(seconds * 1000, self._staff.now_ms())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(15)
            for call_sid in self.registry.never_streamed():
                self.call_reported(call_sid, "no-answer")
            self.registry.sweep()


async def _after(previous: asyncio.Task[None] | None, work: Coroutine[Any, Any, None]) -> None:
    if previous is not None:
        await asyncio.wait([previous])
    try:
        await work
    except StoreGone as gone:
        log.warning("! the store did not take a call's state", why=str(gone))
