"""The front desk: what the doors ask about a call, and what it answers.

It admits calls, knows which are live, hands each leg to its call's life, and says what follows a stream. What it says
is decided by pure functions of `app.call.continuation`; here it is looked up, counted and carried out.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, Self

import structlog

from app.audio.transcoder import Transcoder
from app.bridge.admission import Refusal
from app.bridge.incoming import Incoming
from app.bridge.kept import CallMemory, Found
from app.bridge.ledger import Ledger
from app.bridge.pace import AnswerPace
from app.bridge.people import Keeper, NoInbox, People
from app.bridge.registry import Entry, Registry
from app.bridge.session import CallLife, Ears, Listening, NoEars, SessionLender, ToolRunner
from app.bridge.ticker import Ticker
from app.cache.store import Store, StoreGone
from app.call import events as e
from app.call import journal
from app.call.allowance import Day
from app.call.commands import Command
from app.call.continuation import (
    Answer,
    CallRecord,
    ConnectStream,
    DialPerson,
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
from app.metrics.meters import Meters, begin
from app.metrics.trace import NoTracing, Tracing

log = structlog.get_logger()

TOKEN_REMEMBERED_S = 120
TOKEN_REPEATED_MS = 2_000
STORE_PATIENCE_MS = 3_000  # of a socket whose call another process has; Twilio's own patience is longer
ASK_FOR_MESSAGE = "Please leave your message after the tone."  # where no phrase was said
TERMINAL = {"completed", "busy", "failed", "no-answer", "canceled"}


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
    day: Day | None = None  # whose allowance it takes from


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
    ledger: Ledger | None = None  # None: no day's cap acts
    places_calls: Callable[[str], bool] = lambda agent: False
    tracing: Tracing = field(default_factory=NoTracing)
    process: str = "alone"  # its name among all that share the store


class FrontDesk:
    """One for each process, entered before the first request: `async with desk:` is the parent of every call's life."""

    def __init__(self, staff: Staff, limit: int, options: DeskOptions) -> None:
        self.registry = Registry(limit, staff.now_ms, staff.streams_left)
        self._memory = CallMemory(staff.store, staff.process, staff.meters.snapshot_kept.observe)
        self.people = People(self.registry, staff.store, staff.inbox, staff.now_ms, staff.phone, self._forward)
        self._staff = staff
        self._options = options
        self._ticker = Ticker(staff.now_ms, self._loop_was_late)
        self._lives = asyncio.TaskGroup()
        staff.meters.watch_live_calls(self.registry.live_count)
        begin((staff.meters.calls_refused, Refusal))

    async def __aenter__(self) -> Self:
        await self._lives.__aenter__()
        self._sweeper = self._lives.create_task(self._sweep(), name="desk sweeper")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sweeper.cancel()
        self.move_calls(at_once=True)
        for entry in list(self.registry.live()):
            if entry.life is not None:
                entry.life.tell(e.CallCompleted("server stopped"))  # a last word is being said
        await self._lives.__aexit__(None, None, None)
        await self.people.close()
        await self._memory.close()

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
            return self._turn_away(incoming, self._busy(incoming))
        cast = self._staff.cast(incoming)
        if cast.day is not None and cast.day.caps.any and self._staff.ledger is not None:
            over = await self._staff.ledger.refuses(cast.day, incoming.call_sid, incoming.caller)
            if (known := self.registry.get(incoming.call_sid)) is not None:  # asked again while we looked
                return known.answer
            if over:
                return self._turn_away(incoming, self._over_cap(incoming, cast, cast.day, over))
        self._memory.began(incoming)
        return self._admit(incoming.call_sid, cast, cast.setup).answer

    async def answer_placed(self, incoming: Incoming, agent: str, given: Mapping[str, str]) -> Answer:
        """Somebody has answered a call that we placed. `given`: what `agent` is to know of them."""
        if not self._staff.places_calls(agent):
            log.warning("! outbound call refused", call=incoming.call_sid, why="its agent places no calls", agent=agent)
            return self._turn_away(replace(incoming, agent=agent), HangUpCall())
        return await self.answer_call(replace(incoming, agent=agent, given=given))

    async def disposition(self, call_sid: str) -> str:
        """How a call has ended, whichever process had it; "" for one that has not, or of which nobody knows."""
        entry = self.registry.get(call_sid)
        ended = None if entry is None else entry.ended
        return ended or (await self._memory.find(call_sid)).ended or ""

    def _turn_away(self, incoming: Incoming, answer: Answer) -> Answer:
        """Whoever has placed the call will ask what became of it."""
        entry = self.registry.put(incoming.call_sid, answer)
        if incoming.agent:
            entry.record = CallRecord(ended=Disposition.NOT_SERVED)
            self._memory.ended(incoming.call_sid, Disposition.NOT_SERVED)
        return entry.answer

    def answerer_known(self, call_sid: str, by: e.Answerer) -> None:
        """The carrier's machine detection has come to a verdict. Where another process has the call, it is told."""
        entry = self.registry.get(call_sid)
        if entry is None:
            self._forward(call_sid, e.AnswererKnown(by))
        elif entry.life is not None:
            entry.life.tell(e.AnswererKnown(by))

    async def continue_call(self, incoming: Incoming) -> Answer:
        """What follows a stream, or the caller's way outside it (/twilio/next). Idempotent: until something new has
        happened, a repeat gets the same answer."""
        entry = await self._still_ours(incoming.call_sid)
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
        """A call status callback; a terminal status ends the call and releases all that is held for it. Where another
        process has the call, it is told."""
        entry = self.registry.get(call_sid)
        if entry is None and status in TERMINAL:
            self._memory.post(call_sid, {"call": call_sid, "status": status})
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

    async def _still_ours(self, call_sid: str) -> Entry | None:
        """A call of this process, unless another one has taken it up."""
        entry = self.registry.get(call_sid)
        if entry is not None and entry.ended_ms is None and not await self._memory.is_ours(call_sid):
            self._let_go(call_sid, entry)
        return self.registry.get(call_sid)

    def _over_cap(self, incoming: Incoming, cast: Cast, day: Day, over: str) -> Answer:
        target = cast.destinations.get(day.caps.target)
        self._staff.meters.calls_refused.labels(Refusal.CAP).inc()
        log.warning("! cap of the day", call=incoming.call_sid, agent=day.agent, cap=over, target=day.caps.target)
        return (
            self._busy(incoming)
            if incoming.agent or target is None or target.kind != "number"
            else DialPerson(target.to)
        )

    def _busy(self, incoming: Incoming) -> Answer:
        if incoming.agent:  # whom we have called, and did not ask for it, hears no excuse
            return HangUpCall()
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
            self,
            staff.now_ms,
            staff.pace,
            call,
            None if watch is None else lambda at, event, commands: watch(call_sid, at, event, commands),
            staff.recording,
            staff.listening,
            cast.listeners,
            None if staff.ledger is None or cast.day is None else staff.ledger.open(cast.day, call_sid),
            staff.tracing.call(setup.facts, resumed=call is not None),
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
        self.registry.bury(call_sid, life)
        if life.disposition not in (None, Disposition.CALLER_LOST):  # they may come back through any process
            self._memory.ended(call_sid, life.disposition)

    async def _take_up(self, incoming: Incoming) -> Entry:
        """A call this process does not have: one that has ended, one to go on with from its snapshot, or one to begin
        afresh with an apology."""
        call_sid = incoming.call_sid
        before = self.registry.get(call_sid)
        found = await self._memory.find(call_sid)
        if found.ended is None:
            await self._memory.take(call_sid)
        now_known = self.registry.get(call_sid)
        if now_known is not None and now_known is not before:  # another webhook was quicker while we looked
            return now_known
        if before is None and found.ended is not None:
            return self._remember(call_sid, found.ended)
        return await self._go_on(incoming, found.snapshot, before)

    async def _go_on(
        self, incoming: Incoming, snapshot: Mapping[str, Any] | None, before: Entry | None = None, fresh: bool = False
    ) -> Entry:
        """With a call as its snapshot has it, or from the beginning: with an apology, unless it is `fresh`."""
        call_sid = incoming.call_sid
        cast = self._staff.cast(incoming) if snapshot is None else await self._staff.recast(incoming, snapshot)
        now_known = self.registry.get(call_sid)
        if now_known is not None and now_known is not before:
            return now_known
        call = None if snapshot is None else self._resumed(cast.setup, snapshot)
        entry = self._admit(call_sid, cast, cast.setup if call is not None or fresh else cast.again, call)
        if before is not None:
            entry.record, entry.next_leg = replace(before.record, ended=None), before.next_leg
        elif snapshot is not None:
            entry.record = _record_of(snapshot)
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
        """Check a stream's token (form, CallSid, expiry, single use). The ordinal of the new leg, or None: refuse.

        The token proves the call, whichever process answered its webhook: who gets the socket takes the call up."""
        if not self._staff.tokens.valid(token, call_sid):
            return None
        entry = self.registry.get(call_sid)
        if entry is not None:
            if token in entry.tokens_used:
                return None
            entry.tokens_used.add(token)
        try:
            if not await self._first_use(token, f"{self._staff.process} {stream}", entry is not None):
                return None
            entry = await self._of_socket(call_sid)
        except StoreGone:
            entry = self.registry.get(
                call_sid
            )  # nobody else can be asked; but its webhook was answered by this process
        if entry is None or entry.life is None or entry.ended_ms is not None or entry.ended is not None:
            return None
        entry.answered_next = False
        entry.streams.add(stream)
        ordinal, entry.next_leg = entry.next_leg, entry.next_leg + 1
        return ordinal

    async def _first_use(self, token: str, by: str, known: bool) -> bool:
        """Raises `StoreGone`: at once for a call that is known here, after some patience for one that only the store
        knows. Refused, it would come back to be refused again."""
        until = self._staff.now_ms() + STORE_PATIENCE_MS
        while True:
            try:
                return await self._staff.store.claim(token, TOKEN_REMEMBERED_S, by)
            except StoreGone:
                if known or self._staff.now_ms() > until:
                    raise
            await asyncio.sleep(0.05)

    async def _of_socket(self, call_sid: str) -> Entry | None:
        """The call whose socket came here: ours as it stands, or as it stood where it was before."""
        was_ours = await self._memory.take(call_sid)
        entry = self.registry.get(call_sid)
        if entry is not None and not was_ours and entry.ended_ms is None:
            self._let_go(call_sid, entry)
            entry = None
        if entry is not None:
            return entry
        found = await self._of_other(call_sid)
        incoming = found.calling or _caller_of(call_sid, found)
        if incoming is None or found.ended is not None:
            return None
        log.info("= taken up", call=call_sid, known=found.snapshot is not None)
        return await self._go_on(incoming, found.snapshot, fresh=found.snapshot is None)

    async def _of_other(self, call_sid: str) -> Found:
        """What the process that answered the webhook has kept. A socket may be quicker than its word of who rang; the
        token says that it will come."""
        until = self._staff.now_ms() + STORE_PATIENCE_MS
        while True:
            found = await self._memory.find(call_sid, STORE_PATIENCE_MS / 1000)
            if found != Found() or self._staff.now_ms() > until:
                return found
            await asyncio.sleep(0.05)

    async def serve_leg(self, call_sid: str, leg: Leg) -> None:
        """Run the call over this leg; returns when the leg has ended and nothing of it is alive."""
        entry = self.registry.get(call_sid)
        if entry is None or entry.life is None:
            return
        began_ms, life = self._staff.now_ms(), entry.life
        try:
            await life.serve(leg, self._staff.transcoder())
        except Exception:
            log.exception("! leg failed", call=call_sid)
            leg.hang_up()
            life.ended("failed")
        entry.record = entry.record.stream_ended(self._staff.now_ms() - began_ms)

    # --- other processes ------------------------------------------------------------------------------------------

    def keep(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None:
        self._memory.keep(call_sid, self._with_record(call_sid, snapshot), longest_ms)

    def hand_over(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None:
        entry = self.registry.get(call_sid)
        if entry is not None:
            document = self._with_record(call_sid, snapshot)
            self._memory.hand_over(call_sid, document, longest_ms, lambda: self._let_go(call_sid, entry))

    def _with_record(self, call_sid: str, snapshot: dict[str, Any]) -> dict[str, Any]:
        entry = self.registry.get(call_sid)
        return snapshot if entry is None else {**snapshot, "record": asdict(entry.record)}

    def _let_go(self, call_sid: str, entry: Entry) -> None:
        if self.registry.get(call_sid) is entry:
            self.registry.forget(call_sid)
        if entry.life is not None:
            entry.life.let_go()

    def move_calls(self, at_once: bool = False) -> None:
        """Other processes are to go on with all calls: each from the end of its turn, or `at_once`."""
        for entry in list(self.registry.live()):
            if entry.life is not None:
                entry.life.tell(e.MoveOrdered(at_once))

    def live(self) -> Mapping[str, Entry]:
        return self.registry.live_calls()

    def lost(self, call_sid: str) -> None:
        entry = self.registry.get(call_sid)
        if entry is not None:
            log.info("= another process has the call", call=call_sid)
            self._let_go(call_sid, entry)

    def read(self, letter: Mapping[str, Any]) -> None:
        """Word of the carrier that came to another process. Raises ValueError or KeyError for what is none."""
        entry = self.registry.get(letter["call"])
        if entry is None or entry.life is None:
            return
        if "status" in letter:
            self.call_reported(letter["call"], letter["status"])
        else:
            entry.life.tell(journal.read(letter["event"], journal.no_audio)[1])

    def _forward(self, call_sid: str, event: e.Event) -> None:
        line = journal.write(event, self._staff.now_ms(), journal.plain)
        self._memory.post(call_sid, {"call": call_sid, "event": line})

    def describe(self) -> dict[str, Any]:
        """For the list of all processes."""
        return {"draining": self.registry.draining, "limit": self.registry.limit, "calls": self.registry.listing()}

    def _loop_was_late(self, seconds: float) -> None:
        self._staff.meters.loop_lateness.observe(seconds)
        self.registry.lateness.ran(seconds * 1000, self._staff.now_ms())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(15)
            for call_sid in self.registry.never_streamed():
                self.call_reported(call_sid, "no-answer")
            self.registry.sweep()


def _record_of(snapshot: Mapping[str, Any]) -> CallRecord:
    try:
        return replace(CallRecord(**snapshot["record"]), ended=None)
    except (KeyError, TypeError):  # written by another version
        return CallRecord()


def _caller_of(call_sid: str, found: Found) -> Incoming | None:
    """As far as a snapshot tells."""
    facts = (found.snapshot or {}).get("facts")
    if not isinstance(facts, dict):
        return None
    placed_by = {"agent": facts.get("agent", ""), "given": facts.get("given", {})} if facts.get("placed_by_us") else {}
    caller, called = facts.get("caller", ""), facts.get("called", "")
    return Incoming(call_sid, caller, called, "in-progress", "inbound", {}, **placed_by)
