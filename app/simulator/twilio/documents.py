"""The documents of a call: fetched, read, executed; the fallback's when one is no good. (twilio.md 1.3, 1.4)"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from app.simulator.twilio.twiml import Program, TwimlError, Verb, read
from app.simulator.twilio.verbs import ApplicationError, Execute, Goto, Outcome
from app.simulator.twilio.webhook import Document, FetchFailed, Webhooks

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

# Verbs that do not answer an inbound call by themselves.
SILENT_VERBS = frozenset({"Reject", "Redirect", "Hangup"})
MOST_DOCUMENTS = 100  # a call that redirects for ever is ended


class Documents:
    def __init__(self, call: "Call", webhooks: Webhooks, verbs: Mapping[str, Execute]) -> None:
        self._call = call
        self._webhooks = webhooks
        self._known = verbs
        self._first_delivery = True
        self.executed: list[str] = []  # verbs, in order
        self.url = call.handlers.url  # of the document at hand

    def absolute(self, url: str) -> str:
        """A URL of the document, resolved; an empty one is the document itself."""
        return urljoin(self.url, url) if url else self.url

    async def perform(self, work: Goto | Program, only: frozenset[str] | None = None) -> Outcome:
        """Execute a document and all it leads to. Returns End, Left, or None when the verbs ran out.

        `only`: the verbs that may stand in it; others are left out with a warning. Raises `ApplicationError`.
        """
        for _ in range(MOST_DOCUMENTS):
            program = work if isinstance(work, Program) else await self._load(work)
            outcome = await self._execute(program, only)
            if not isinstance(outcome, Goto):
                return outcome
            work = outcome
        raise ApplicationError(f"more than {MOST_DOCUMENTS} documents in one call")

    async def perform_again_and_again(self, goto: Callable[[], Goto], only: frozenset[str] | None = None) -> Outcome:
        """A waitUrl: again from the start whenever it ends, until cancelled or left."""
        while True:
            outcome = await self.perform(goto(), only)
            if outcome is not None:
                return outcome
            await self._call.sleep(100)  # an empty document must not become a storm of requests

    async def _load(self, goto: Goto) -> Program:
        """Fetch and read a document; when that fails, the fallback's. Raises `ApplicationError`."""
        call, handlers = self._call, self._call.handlers
        try:
            return await self._read(goto)
        except (FetchFailed, TwimlError) as failure:
            call.journal.warn(failure.code, str(failure))
            if not handlers.fallback_url:
                raise ApplicationError(str(failure)) from None
            extra = {"ErrorCode": str(failure.code), "ErrorUrl": goto.url}
        try:
            return await self._read(Goto(handlers.fallback_url, handlers.fallback_method, extra))
        except (FetchFailed, TwimlError) as failure:
            call.journal.warn(failure.code, f"fallback: {failure}")
            raise ApplicationError(str(failure)) from None

    async def _read(self, goto: Goto) -> Program:
        document = await self.fetch(goto.url, goto.method, self._call.fields() | dict(goto.extra))
        self.url = document.url
        if document.content_type.startswith("audio/"):
            return Program((Verb("Play", text=document.url), Verb("Hangup")), ())
        program = read(document.body, document.content_type)
        for warning in program.warnings:
            self._call.journal.warn(12200, warning)
        return program

    async def fetch(self, url: str, method: str, fields: Mapping[str, str]) -> Document:
        """Ask the application and note it. Raises `FetchFailed`."""
        call = self._call
        deliveries = call.person.oddities.deliveries if self._first_delivery else 1
        self._first_delivery = False
        began = call.plant.ticker.elapsed_ms()
        document = await self._webhooks.fetch(url, method, fields, deliveries)
        took = round(call.plant.ticker.elapsed_ms() - began, 1)
        call.journal.note("webhook", path=urlsplit(url).path, status=document.status, took_ms=took)
        return document

    async def _execute(self, program: Program, only: frozenset[str] | None) -> Outcome:
        call = self._call
        for verb in program.verbs:
            if only is not None and verb.name not in only:
                call.journal.warn(12200, f"<{verb.name}> may not stand in this document; left out")
                continue
            if verb.name not in SILENT_VERBS and not rings_on(verb):
                call.answer()
            self.executed.append(verb.name)
            call.journal.note("verb", verb=verb.name)
            outcome = await self._known[verb.name](call, verb)
            if outcome is not None:
                return outcome
        return None


def rings_on(verb: Verb) -> bool:
    """A <Dial> that leaves the caller's telephone ringing until it is answered."""
    return verb.name == "Dial" and verb.get("answerOnBridge") == "true"
