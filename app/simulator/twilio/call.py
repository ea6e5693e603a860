"""A call's life: ring, ask the application, do what it answers, end, report. (twilio.md 1 and 3)

The program of the call (its documents, verb by verb) runs in one task. What ends or replaces it from outside, the
caller hanging up or an order by REST, cancels that task and leaves word of what comes next; so a verb needs to know
only how to stop.
"""

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from app.simulator.caller import Caller
from app.simulator.callscript import Press, Say, Script, Wait, of
from app.simulator.lines import Utterance, durations
from app.simulator.twilio import callbacks as reports
from app.simulator.twilio.call_recordings import CallRecordings
from app.simulator.twilio.call_streams import CallStreams
from app.simulator.twilio.callbacks import Callbacks
from app.simulator.twilio.dialing import ALL_VERBS
from app.simulator.twilio.handset import Handset
from app.simulator.twilio.identity import Oddities, Party
from app.simulator.twilio.journal import CallEvent, Journal
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.plant import Plant
from app.simulator.twilio.streaming import StreamFaults
from app.simulator.twilio.twiml import Program, TwimlError, Verb, read
from app.simulator.twilio.verbs import End, Goto, Outcome
from app.simulator.twilio.webhook import Document, FetchFailed, Webhooks

# Verbs that do not answer an inbound call by themselves.
SILENT_VERBS = frozenset({"Reject", "Redirect", "Hangup"})
MOST_DOCUMENTS = 100  # a call that redirects for ever is ended
APOLOGY = "We are sorry. An application error has occurred. Goodbye."


@dataclass(frozen=True, slots=True)
class Handlers:
    """The application's URLs for a call, as a number or a REST request names them."""

    url: str = ""
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_events: tuple[str, ...] = ("completed",)
    twiml: str = ""  # instead of `url`


@dataclass(frozen=True, slots=True)
class Person:
    """Who is on the telephone: a script with its lines as sound, and how the line treats them."""

    script: Script | None = None
    clips: Mapping[Say, Utterance] = field(default_factory=dict)
    line: LineOptions = field(default_factory=LineOptions)
    faults: StreamFaults = field(default_factory=StreamFaults)
    oddities: Oddities = field(default_factory=Oddities)
    keep_audio: bool = True
    watch: Callable[[CallEvent], None] | None = None
    on_media: Callable[[float, bytes | str], None] | None = None  # every message of the server, at monotonic ms


class ApplicationError(Exception):
    """No document of the call and none of its fallback could be executed."""


class Call:
    def __init__(self, plant: Plant, party: Party, handlers: Handlers, person: Person) -> None:
        self.plant = plant
        self.party = party
        self.handlers = handlers
        self.person = person
        self.status = "queued" if party.direction == "outbound-api" else "ringing"
        self.answered = False
        self.created = datetime.now(UTC)
        self.started: datetime | None = None
        self.ended: datetime | None = None
        self.answered_ms: int | None = None
        self.duration_ms = 0
        self.application_error = False
        self.why_ended = ""
        self.recordings = CallRecordings(self)
        self.streams = CallStreams(self)
        self.verbs: list[str] = []
        self.document_url = handlers.url
        self.journal = Journal(plant.ticker, person.watch)
        caller = Caller(person.script, durations(person.clips)) if person.script is not None else None
        self.handset = Handset(plant.ticker, self.journal, caller, person.clips, person.line, person.keep_audio)
        self.handset.on_ring_off = lambda: self.end("completed", "the caller hung up")
        token = person.oddities.signing_token or party.account.token
        # Each call shuffles for itself, so that calls side by side stay repeatable.
        rng = random.Random(plant.rng.random())
        webhooks = Webhooks(plant.client, token, plant.route, plant.timing.limits, rng, plant.ticker.speed)
        self._webhooks = webhooks
        self.token = token  # signs this call's requests
        self.callbacks = Callbacks(webhooks, self.journal)
        self._sequence = 0
        self._first_delivery = True
        self._program: asyncio.Task[Outcome] | None = None
        self._next: Goto | Program | None = None
        self._ending: End | None = None
        self.over = asyncio.Event()

    # The life.

    async def run(self, ring: Coroutine[None, None, str] | None = None) -> None:
        """Live the call to its end. `ring` rings an outbound call and returns the status it came to."""
        sender = asyncio.create_task(self.callbacks.run())
        deadline = asyncio.get_running_loop().call_later(
            self.plant.ticker.real_seconds(self.plant.timing.most_ms),
            lambda: self.end("completed", "the call's time limit"),
        )
        try:
            end = await self._live(ring)
            self._finish(end)
            await self.streams.end_forks()
            await self.callbacks.drain()
        finally:
            deadline.cancel()
            self.handset.put_down()
            sender.cancel()
            await asyncio.gather(sender, self.streams.end_forks(), return_exceptions=True)
            self.over.set()

    async def _live(self, ring: Coroutine[None, None, str] | None) -> End:
        self.started = datetime.now(UTC)
        if ring is not None:
            unanswered = await self._ringing(ring)
            if unanswered is not None:
                return unanswered
            self.answer()
        self._next = self._first()
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

    def _first(self) -> Goto | Program:
        if self.handlers.twiml:
            return read(self.handlers.twiml.encode())
        return Goto(self.handlers.url, self.handlers.method)

    async def _as_program(self, work: Coroutine[None, None, Outcome]) -> Outcome:
        """Run a program so that `end` and `redirect` can cancel it; returns what comes of it."""
        self._program = asyncio.create_task(work)
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

    @property
    def outbound(self) -> bool:
        return self.party.direction != "inbound"

    @property
    def seconds(self) -> int:
        """Billed seconds: begun ones count."""
        return math.ceil(self.duration_ms / 1000)

    # Orders from outside.

    def end(self, status: str, why: str) -> None:
        """Hang up: the caller does, or REST. Without effect on a call that is over."""
        if self._ending is None and self.ended is None:
            self._ending = End(status, why)
            self._next = None
            if self._program is not None:
                self._program.cancel()

    def redirect(self, to: Goto | Program) -> None:
        """Give the live call another document; a stream gets its `stop`."""
        self._next = to
        if self._program is not None:
            self._program.cancel()

    # Documents.

    async def _perform_or_apologise(self, work: Goto | Program) -> Outcome:
        """Execute a document; when it fails for good, the caller hears so and the call ends."""
        try:
            return await self.perform(work)
        except ApplicationError as error:
            self.application_error = True
            self.journal.note("application_error", why=str(error))
            self.answer()
            await self.play(await self.speech(APOLOGY))
            return End("completed", "application error")

    async def perform(self, work: Goto | Program) -> Outcome:
        """Execute a document and all it leads to. Returns End, Left, or None when the verbs ran out."""
        for _ in range(MOST_DOCUMENTS):
            program = work if isinstance(work, Program) else await self._load(work)
            outcome = await self._execute(program)
            if not isinstance(outcome, Goto):
                return outcome
            work = outcome
        raise ApplicationError(f"more than {MOST_DOCUMENTS} documents in one call")

    async def perform_again_and_again(self, goto: Goto) -> Outcome:
        """A queue's waitUrl: again from the start whenever it ends, until cancelled or left."""
        while True:
            outcome = await self.perform(goto)
            if outcome is not None:
                return outcome
            await self.sleep(100)  # an empty document must not become a storm of requests

    async def _load(self, goto: Goto) -> Program:
        """Fetch and read a document; when that fails, the fallback's. Raises `ApplicationError`."""
        try:
            return await self._read(goto)
        except (FetchFailed, TwimlError) as failure:
            self.journal.warn(failure.code, str(failure))
            if not self.handlers.fallback_url:
                raise ApplicationError(str(failure)) from None
            failed_url = goto.url
        extra = {"ErrorCode": str(failure_code(self.journal)), "ErrorUrl": failed_url}
        try:
            return await self._read(Goto(self.handlers.fallback_url, self.handlers.fallback_method, extra))
        except (FetchFailed, TwimlError) as failure:
            self.journal.warn(failure.code, f"fallback: {failure}")
            raise ApplicationError(str(failure)) from None

    async def _read(self, goto: Goto) -> Program:
        document = await self.fetch(goto.url, goto.method, self.fields() | dict(goto.extra))
        self.document_url = document.url
        if document.content_type.startswith("audio/"):
            return Program((Verb("Play", text=document.url), Verb("Hangup")), ())
        program = read(document.body, document.content_type)
        for warning in program.warnings:
            self.journal.warn(12200, warning)
        return program

    async def fetch(self, url: str, method: str, fields: Mapping[str, str]) -> Document:
        """Ask the application and note it. Raises `FetchFailed`."""
        deliveries = self.person.oddities.deliveries if self._first_delivery else 1
        self._first_delivery = False
        began = self.plant.ticker.elapsed_ms()
        document = await self._webhooks.fetch(url, method, fields, deliveries)
        took = round(self.plant.ticker.elapsed_ms() - began, 1)
        self.journal.note("webhook", path=urlsplit(url).path, status=document.status, took_ms=took)
        return document

    async def _execute(self, program: Program) -> Outcome:
        for verb in program.verbs:
            if verb.name not in SILENT_VERBS:
                self.answer()
            self.verbs.append(verb.name)
            self.journal.note("verb", verb=verb.name)
            outcome = await ALL_VERBS[verb.name](self, verb)
            if outcome is not None:
                return outcome
        return None

    def answer(self) -> None:
        if not self.answered:
            self.answered, self.status = True, "in-progress"
            self.answered_ms = self.plant.ticker.now_ms()
            self.handset.pick_up()
            self.journal.note("answered")
            if self.recordings.from_answer:
                self.recordings.start("OutboundAPI", self.recordings.from_answer, Verb("Recording"))
            self.report("answered", "in-progress")

    def absolute(self, url: str) -> str:
        """A URL of the document, resolved; an empty one is the document itself."""
        return urljoin(self.document_url, url) if url else self.document_url

    def fields(self) -> dict[str, str]:
        """The standard parameters of a webhook now, with this call's oddities."""
        odd = self.person.oddities
        fields = self.party.fields(self.status)
        optional = {
            "StirVerstat": odd.stir_verstat,
            "ForwardedFrom": odd.forwarded_from,
            "CallerName": odd.caller_name,
        }
        fields |= {name: value for name, value in optional.items() if value}
        if not self.outbound:
            fields["CallToken"] = '{"parentCallInfoToken":"e30.e30.e30","identityHeaderTokens":[]}'
        return fields | dict(odd.extra_fields)

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

    def hush(self) -> None:
        self.handset.advance()
        self.handset.buffer.clear()

    # The callee of a <Dial>.

    async def whisper(self, party: Party, goto: Goto, presses: str) -> bool:
        """Run a whisper on the callee's leg. True when its verbs ran out: then the legs are joined."""
        script = of(Wait(300), Press(presses)) if presses else None
        callee = Call(self.plant, party, Handlers(), Person(script))
        callee._webhooks = self._webhooks
        callee.answer()
        try:
            return await callee.perform(goto) is None
        except ApplicationError as error:
            self.journal.warn(11200, f"whisper: {error}")
            return False
        finally:
            callee.handset.put_down()
            self.journal.note("whispered", verbs=callee.verbs)
            self.journal.notices += callee.journal.notices


def failure_code(journal: Journal) -> int:
    return journal.notices[-1].code
