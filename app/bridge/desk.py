"""The front desk: what the doors ask about a call, and what it answers.

It takes new calls or turns them away. All else it leaves to its parts, and each has one job: `Lives` runs calls,
`Takeover` finds those of other processes, `Claims` checks who may become a leg, `AfterStream` says what follows a
stream, `Reports` tells calls what the carrier reports of them, `People` knows who is outside the stream.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import structlog

from app.bridge.admission import Lateness, Refusal
from app.bridge.after_stream import AfterStream
from app.bridge.claims import Claims
from app.bridge.incoming import Incoming
from app.bridge.kept import CallMemory
from app.bridge.lives import Lives
from app.bridge.people import People
from app.bridge.registry import Entry, Registry
from app.bridge.reports import Reports
from app.bridge.staff import Cast, DeskOptions, Staff
from app.bridge.takeover import Takeover
from app.call import events as e
from app.call.allowance import Day
from app.call.continuation import Answer, CallRecord, DialPerson, HangUpCall, RejectCall, SpeakAndHangUp
from app.call.disposition import Disposition
from app.legs.leg import Leg
from app.metrics.meters import begin

log = structlog.get_logger()

SWEEP_S = 15


class FrontDesk:
    """One for each process, entered before the first request: `async with desk:` is the parent of every call's life."""

    def __init__(self, staff: Staff, limit: int, options: DeskOptions) -> None:
        self._staff = staff
        self._options = options
        self._group = asyncio.TaskGroup()
        self.registry = Registry(limit, staff.now_ms, staff.streams_left, Lateness(options.max_lateness_ms))
        self._memory = CallMemory(staff.store, staff.process, staff.meters.snapshot_kept.observe)
        self._reports = Reports(self.registry, self._memory, staff.now_ms)
        self.people = People(self.registry, staff.store, staff.inbox, staff.wall_ms, staff.phone, self._reports.forward)
        self._lives = Lives(staff, self.registry, self._memory, self.people, self._group, lambda: self._options)
        self._takeover = Takeover(staff, self.registry, self._memory, self._lives)
        self._claims = Claims(staff, self.registry, self._takeover)
        self._after_stream = AfterStream(self._takeover, self.people, lambda: self._options)
        staff.meters.watch_live_calls(self.registry.live_count)
        begin((staff.meters.calls_refused, Refusal))

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._sweeper = self._group.create_task(self._sweep(), name="desk sweeper")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sweeper.cancel()
        self.move_calls(at_once=True)
        for entry in list(self.registry.live()):
            if entry.life is not None:
                entry.life.tell(e.CallCompleted("server stopped"))  # a last word is being said
        await self._group.__aexit__(None, None, None)
        await self.people.close()
        await self._memory.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for call_sid in self.registry.never_streamed():
                self.call_reported(call_sid, "no-answer")
            self.registry.sweep()

    def use(self, options: DeskOptions) -> None:
        """From now on."""
        self._options = options

    # --- a new call -----------------------------------------------------------------------------------------------

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
        self._memory.began(incoming, self._reports.read)
        return self._lives.admit(incoming.call_sid, cast, cast.setup).answer

    async def answer_placed(self, incoming: Incoming, agent: str, given: Mapping[str, str]) -> Answer:
        """Somebody has answered a call that we placed. `given`: what `agent` is to know of them."""
        if not self._staff.places_calls(agent):
            log.warning("! outbound call refused", call=incoming.call_sid, why="its agent places no calls", agent=agent)
            return self._turn_away(replace(incoming, agent=agent), HangUpCall())
        return await self.answer_call(replace(incoming, agent=agent, given=given))

    def _turn_away(self, incoming: Incoming, answer: Answer) -> Answer:
        """Whoever has placed the call will ask what became of it."""
        entry = self.registry.put(incoming.call_sid, answer)
        if incoming.agent:
            entry.record = CallRecord(ended=Disposition.NOT_SERVED)
            self._memory.ended(incoming.call_sid, Disposition.NOT_SERVED)
        return entry.answer

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

    # --- a call that is known -------------------------------------------------------------------------------------

    async def continue_call(self, incoming: Incoming) -> Answer:
        """What follows a stream, or the caller's way outside it (/twilio/next). Idempotent: until something new has
        happened, a repeat gets the same answer."""
        return await self._after_stream.answer(incoming)

    async def fall_back(self, incoming: Incoming) -> Answer:
        """The primary handler failed: something to say without the rest of the house."""
        self.call_reported(incoming.call_sid, "failed")
        return SpeakAndHangUp(self._options.fallback_text, self._options.language)

    async def disposition(self, call_sid: str) -> str:
        """How a call has ended, whichever process had it; "" for one that has not, or of which nobody knows."""
        entry = self.registry.get(call_sid)
        ended = None if entry is None else entry.ended
        return ended or (await self._memory.find(call_sid)).ended or ""

    def call_reported(self, call_sid: str, status: str) -> None:
        """A call status callback; a terminal status ends the call and releases all that is held for it. Where another
        process has the call, it is told."""
        self._reports.call(call_sid, status)

    def stream_reported(self, call_sid: str, stream: str, event: str, error: str) -> None:
        """A stream status callback: `stream-error` may be all we ever hear of a stream that never opened. One that did
        open has told its own end by its leg, often after /twilio/next was asked."""
        self._reports.stream(call_sid, stream, event, error)

    def answerer_known(self, call_sid: str, by: e.Answerer) -> None:
        """The carrier's machine detection has come to a verdict. Where another process has the call, it is told."""
        self._reports.answerer(call_sid, by)

    # --- its legs -------------------------------------------------------------------------------------------------

    def stream_token(self, call_sid: str) -> str:
        """A token for the stream of this call (an HMAC over CallSid, purpose and expiry, 60 s), good for one socket.
        A webhook repeated within seconds is given the same one, so that its answer is the same."""
        return self._claims.token(call_sid)

    async def claim_leg(self, call_sid: str, stream: str, token: str) -> int | None:
        """Check a stream's token (form, CallSid, expiry, single use). The ordinal of the new leg, or None: refuse."""
        return await self._claims.claim(call_sid, stream, token)

    async def serve_leg(self, call_sid: str, leg: Leg) -> None:
        """Run the call over this leg; returns when the leg has ended and nothing of it is alive."""
        await self._lives.serve(call_sid, leg)

    # --- other processes ------------------------------------------------------------------------------------------

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
            self._lives.let_go(call_sid, entry)

    def read(self, letter: Mapping[str, Any]) -> None:
        """Word of the carrier that came to another process. Raises ValueError or KeyError for what is none."""
        self._reports.read(letter)

    def describe(self) -> dict[str, Any]:
        """For the list of all processes."""
        return {"draining": self.registry.draining, "limit": self.registry.limit, "calls": self.registry.listing()}
