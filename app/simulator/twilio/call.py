"""A call's life: ring, ask the application, do what it answers, end, report. (twilio.md 1 and 3)

The program of the call (its documents, verb by verb) runs in one task. What ends or replaces it from outside, the
caller hanging up or an order by REST, cancels that task and leaves word of what comes next; so a verb needs to know
only how to stop. A leg that a call dials is a call too, and lives beside it.
"""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime

from app.simulator.caller import Caller
from app.simulator.lines import durations
from app.simulator.twilio import callbacks as reports
from app.simulator.twilio.call_recordings import CallRecordings
from app.simulator.twilio.call_streams import CallStreams
from app.simulator.twilio.callbacks import Callbacks
from app.simulator.twilio.dialing import ALL_VERBS
from app.simulator.twilio.documents import Documents
from app.simulator.twilio.handset import Handset
from app.simulator.twilio.identity import Party
from app.simulator.twilio.journal import Journal
from app.simulator.twilio.manners import Manners
from app.simulator.twilio.orders import Handlers, Person
from app.simulator.twilio.plant import Plant
from app.simulator.twilio.twiml import Program, read
from app.simulator.twilio.verbs import ApplicationError, End, Goto, Outcome
from app.simulator.twilio.webhook import Webhooks

APOLOGY = "We are sorry. An application error has occurred. Goodbye."

# What a call does next: a document, a program at hand, or something that is no document of the application's.
Work = Goto | Program | Callable[[], Awaitable[Outcome]]


class Call:
    def __init__(self, plant: Plant, party: Party, handlers: Handlers, person: Person) -> None:
        self.plant = plant
        self.party = party
        self.handlers = handlers
        self.person = person
        self.status = "queued" if self.outbound else "ringing"
        self.answered = False
        self.answered_by = ""  # what machine detection made of it
        self.queue_ms = 0  # until it is placed, when calls are paced
        self.created = datetime.now(UTC)
        self.started: datetime | None = None
        self.ended: datetime | None = None
        self.answered_ms: int | None = None
        self.duration_ms = 0
        self.application_error = False
        self.why_ended = ""
        self.recordings = CallRecordings(self)
        self.streams = CallStreams(self)
        self.journal = Journal(plant.ticker, person.watch)
        caller = Caller(person.script, durations(person.clips)) if person.script is not None else None
        self.handset = Handset(plant.ticker, self.journal, caller, person.clips, person.line, person.keep_audio)
        self.manners = Manners(self)
        self.handset.on_ring_off = lambda: self.end("completed", "the caller hung up")
        self.token = person.oddities.signing_token or party.account.token  # signs this call's requests
        # Each call shuffles for itself, so that calls side by side stay repeatable.
        rng = random.Random(plant.rng.random())
        webhooks = Webhooks(plant.client, self.token, plant.route, plant.timing.limits, rng, plant.ticker.speed)
        self.documents = Documents(self, webhooks, ALL_VERBS)
        self.callbacks = Callbacks(webhooks, self.journal)
        self._sequence = 0
        self._program: asyncio.Task[Outcome] | None = None
        self._next: Work | None = None
        self._ending: End | None = None
        self._legs: set[asyncio.Task[object]] = set()  # outlive the program, but not the call
        self._chores: set[asyncio.Task[object]] = set()  # end with the call
        self.hung_up = asyncio.Event()  # its status is final
        self.over = asyncio.Event()  # and all is delivered
        plant.calls[party.call_sid] = self

    # The life.

    async def run(self, ring: Coroutine[None, None, str] | None = None, first: Work | None = None) -> None:
        """Live the call to its end. `ring` rings an outbound call and returns the status it came to; `first` is done
        instead of the application's document."""
        sender: asyncio.Task[object] = asyncio.create_task(self.callbacks.run())
        self.limit(self.plant.timing.most_ms)
        try:
            end = await self._live(ring, first)
            self._finish(end)
            await self.streams.end_forks()
            if self._legs:
                await asyncio.wait(self._legs)
            await self.callbacks.drain()
        finally:
            self.handset.put_down()
            left = [sender, *self._legs, *self._chores]
            for task in left:
                task.cancel()
            await asyncio.gather(self.streams.end_forks(), *left, return_exceptions=True)
            self.over.set()

    async def _live(self, ring: Coroutine[None, None, str] | None, first: Work | None) -> End:
        self.started = datetime.now(UTC)
        if ring is not None:
            unanswered = await self._ringing(ring)
            if unanswered is not None:
                return unanswered
            self.answer()
        self._next = first or self.first()
        while self._next is not None and self._ending is None:
            work, self._next = self._next, None
            outcome = await self._as_program(self._perform_or_apologise(work))
            if isinstance(outcome, End):
                return outcome
        return self._ending or End(why="the TwiML came to its end")

    async def _ringing(self, ring: Coroutine[None, None, str]) -> End | None:
        """Ring; None once answered."""

        async def rung() -> Outcome:
            status = await ring
            return None if status == "in-progress" else End(status, "not answered")

        outcome = await self._as_program(rung())
        return outcome if isinstance(outcome, End) else None

    def first(self) -> Goto | Program:
        """The application's document for this call."""
        if self.handlers.twiml:
            return read(self.handlers.twiml.encode())
        return Goto(self.handlers.url, self.handlers.method)

    async def _as_program(self, work: Coroutine[None, None, Outcome]) -> Outcome:
        """Run a program so that `end` and `redirect` can cancel it; returns what comes of it."""
        self._program = asyncio.create_task(work)
        if self._ending is not None:  # ended between two programs
            self._program.cancel()
        try:
            await asyncio.wait({self._program})
        finally:
            if not self._program.done():  # we ourselves are being cancelled
                self._program.cancel()
                await asyncio.wait({self._program})
        if self._program.cancelled():
            return self._ending
        return self._program.result()

    def _finish(self, end: End) -> None:
        self.status, self.why_ended = end.status, end.why
        self.ended = datetime.now(UTC)
        if self.answered_ms is not None:
            self.duration_ms = self.plant.ticker.now_ms() - self.answered_ms
        self.recordings.stop_all()
        self.handset.put_down()
        self.handset.line_dropped()
        self.journal.note("ended", status=end.status, why=end.why)
        sip_code = {"busy": "486", "no-answer": "487", "canceled": "487", "failed": "404"}.get(end.status, "200")
        self.report("completed", end.status, over=True, sip_code=sip_code if self.outbound else "")
        self.hung_up.set()

    @property
    def outbound(self) -> bool:
        return self.party.direction != "inbound"

    @property
    def seconds(self) -> int:
        """Billed seconds: begun ones count."""
        return math.ceil(self.duration_ms / 1000)

    @property
    def verbs(self) -> list[str]:
        """Executed so far, in order."""
        return self.documents.executed

    @property
    def live(self) -> bool:
        """Answered and not over: can be redirected, recorded, streamed."""
        return self.answered and self.ended is None and self._ending is None

    @property
    def turning(self) -> bool:
        """Its program was stopped for another document, not for the end."""
        return self._next is not None and self._ending is None

    def leg(self, party: Party, handlers: Handlers, person: Person) -> "Call":
        """Another call of the same plant."""
        return Call(self.plant, party, handlers, person)

    def with_leg(self, life: Coroutine[None, None, None]) -> None:
        """Another call's life beside this one's, which is not over before it."""
        _keep(asyncio.create_task(life), self._legs)

    def background(self, chore: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Something small beside the program; the end of the call ends it."""
        task = asyncio.create_task(chore)
        _keep(task, self._chores)
        return task

    # Orders from outside.

    def limit(self, ms: int) -> None:
        """End the call after so long."""

        async def wait() -> None:
            await self.sleep(ms)
            self.end("completed", "the call's time limit")

        self.background(wait())

    def end(self, status: str, why: str) -> None:
        """Hang up: the caller does, or REST. Without effect on a call that is over."""
        if self._ending is None and self.ended is None:
            self._ending = End(status, why)
            self._next = None
            if self._program is not None:
                self._program.cancel()

    def redirect(self, to: Work) -> None:
        """Give the live call another document; a stream gets its `stop`."""
        self._next = to
        if self._program is not None:
            self._program.cancel()

    # Documents.

    async def _perform_or_apologise(self, work: Work) -> Outcome:
        """Execute a document; when it fails for good, the caller hears so and the call ends."""
        try:
            return await (self.documents.perform(work) if isinstance(work, Goto | Program) else work())
        except ApplicationError as error:
            self.application_error = True
            self.journal.note("application_error", why=str(error))
            self.answer()
            await self.play(await self.speech(APOLOGY))
            return End("completed", "application error")

    def answer(self) -> None:
        if not self.answered:
            self.answered, self.status = True, "in-progress"
            self.answered_ms = self.plant.ticker.now_ms()
            self.handset.pick_up()
            self.journal.note("answered")
            self.manners.greet()
            if self.recordings.at_answer is not None:
                channels, order = self.recordings.at_answer
                self.recordings.start("OutboundAPI", channels, order, order.get("track", "both"))
            self.report("answered", "in-progress")

    def absolute(self, url: str) -> str:
        """A URL of the document at hand, resolved; an empty one is the document itself."""
        return self.documents.absolute(url)

    def fields(self) -> dict[str, str]:
        """The standard parameters of a webhook now, with this call's oddities."""
        return self.person.oddities.applied(self.party, self.status, self.answered_by)

    # Reports.

    def report(self, event: str, status: str, over: bool = False, sip_code: str = "") -> None:
        """Tell the status callback of the call's progress, when it asked for this event."""
        handlers = self.handlers
        fields = self.fields() | reports.progress_fields(
            self._sequence, status, self.seconds if over else None, sip_code
        )
        if event in handlers.status_events:
            self.callbacks.post("status", handlers.status_callback, handlers.status_callback_method, fields)
        # The number of an inbound call hears only of its end, so that is where its numbering begins.
        self._sequence += 1 if self.outbound or event in handlers.status_events else 0

    def tell(self, kind: str, url: str, method: str, extra: Mapping[str, str]) -> None:
        """A request whose answer no longer matters."""
        self.callbacks.post(kind, url, method or "POST", self.fields() | dict(extra))

    # Sound.

    async def sleep(self, ms: float) -> None:
        await self.plant.ticker.sleep(ms)

    async def speech(self, text: str) -> bytes:
        """<Say> as mu-law; nothing, and a notice, when this machine has no voice."""
        try:
            return await self.plant.speech(text) if text else b""
        except ValueError as error:
            self.journal.warn(13520, f"<Say>: {error}")
            return b""

    async def play(self, mulaw: bytes) -> None:
        """Play to the caller and wait until it has been heard."""
        self.handset.advance()
        self.handset.buffer.add(mulaw)
        await self.sleep(self.handset.buffer.queued / 8)

    async def play_for_ever(self, mulaw: bytes) -> Outcome:
        """Until cancelled."""
        while True:
            await self.play(mulaw)

    def hush(self) -> None:
        self.handset.advance()
        self.handset.buffer.clear()


def _keep(task: "asyncio.Task[None]", among: "set[asyncio.Task[object]]") -> None:
    among.add(task)
    task.add_done_callback(among.discard)
