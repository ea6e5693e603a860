"""A leg that a <Dial> brings up: it rings, hears its whisper, and then waits to be joined. (twilio.md 1.6, 3.3)"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.simulator.twilio.bridging import Junction
from app.simulator.twilio.identity import Party, sid
from app.simulator.twilio.orders import Handlers, Person
from app.simulator.twilio.people import detect, detection, for_ever, ring
from app.simulator.twilio.plant import DialOutcome
from app.simulator.twilio.twiml import Verb
from app.simulator.twilio.verbs import End, Goto, Outcome, dialled, number

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

DEFAULT_RING_S = 30
EVENTS = ("initiated", "ringing", "answered", "completed")
# What may stand in a whisper: nothing that dials, or takes the leg elsewhere.
WHISPERS = frozenset({"Say", "Play", "Pause", "Gather", "Redirect", "Hangup", "Record"})


class Leg:
    """One party of a <Dial>. `ready` is True once it can be joined, False when it is over without that."""

    def __init__(self, parent: "Call", verb: Verb, noun: Verb, outcome: DialOutcome, person: Person) -> None:
        self.name = name_of(noun)
        self._parent = parent
        self._noun = noun
        self._outcome = outcome
        self._limit_ms = number(verb, "timeout", DEFAULT_RING_S) * 1000
        caller = verb.get("callerId") or parent.party.caller
        party = Party(
            parent.party.account,
            sid("CA", parent.plant.rng),
            caller,
            self.name,
            "outbound-dial",
            parent.party.call_sid,
        )
        self.call = parent.leg(party, self._handlers(), person)
        self.call.documents.url = parent.documents.url
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.left = asyncio.Event()  # gone, or given other TwiML by REST
        self.redirected = False

    def begin(self) -> None:
        self._parent.with_leg(self._live())

    async def _live(self) -> None:
        try:
            await self.call.run(self._ring(), self._after_answer)
        finally:
            self._gone()

    async def _ring(self) -> str:
        status = await ring(self.call, self._outcome, self._limit_ms)
        if status != "in-progress":
            self._parent.background(self._gone_soon())
        return status

    async def _gone_soon(self) -> None:
        await self.call.hung_up.wait()
        self._gone()

    def _gone(self) -> None:
        self.left.set()
        if not self.ready.done():
            self.ready.set_result(False)

    async def _after_answer(self) -> Outcome:
        """The whisper, and then the conversation, until somebody ends it."""
        noun, call = self._noun, self.call
        try:
            if noun.get("sendDigits"):
                await call.play(dialled(noun.get("sendDigits")))
            await self._detect()
            if noun.get("url"):
                goto = Goto(call.absolute(noun.get("url")), noun.get("method", "POST"))
                outcome = await call.documents.perform(goto, WHISPERS)
                call.journal.note("whispered", verbs=call.verbs)
                if isinstance(outcome, End):
                    return outcome
            if not self.ready.done():
                self.ready.set_result(True)
            await for_ever()
        finally:
            self.redirected = call.turning
            self._gone()
        return None

    async def _detect(self) -> None:
        noun, call = self._noun, self.call
        callback = noun.get("amdStatusCallback")
        url = call.absolute(callback) if callback else ""
        try:
            order = detection(noun.attributes, bool(callback), url, noun.get("amdStatusCallbackMethod"))
        except ValueError as error:
            call.journal.warn(12200, str(error))
            return
        if order is not None and order.asynchronous:
            call.background(detect(call, order))
        elif order is not None:
            await detect(call, order)

    def _handlers(self) -> Handlers:
        noun, url = self._noun, self._noun.get("statusCallback")
        wanted = noun.get("statusCallbackEvent", "completed").split()
        for event in sorted(set(wanted) - set(EVENTS)):
            self._parent.journal.warn(12200, f"statusCallbackEvent {event:.40} is none of {', '.join(EVENTS)}")
        return Handlers(
            status_callback=self._parent.absolute(url) if url else "",
            status_callback_method=noun.get("statusCallbackMethod", "POST"),
            status_events=tuple(event for event in wanted if event in EVENTS),
        )

    async def hang_up(self, why: str) -> None:
        """End the leg and wait until it knows how it was; a leg that got other TwiML lives on."""
        if not self.redirected:
            self.call.end("completed" if self.call.answered else "canceled", why)
            await self.call.hung_up.wait()

    def fields(self, bridged: bool) -> dict[str, str]:
        """What the action of <Dial> is told."""
        status = "completed" if self.call.answered else self.call.status
        fields = {
            "DialCallStatus": status,
            "DialCallSid": self.call.party.call_sid,
            "DialBridged": str(bridged).lower(),
        }
        # A callee who declines after answering leaves "completed" too: DialBridged alone tells.
        if self.call.answered and not self.redirected:
            fields["DialCallDuration"] = str(self.call.seconds)
        return fields


def name_of(target: Verb) -> str:
    identity = target.named("Identity")
    return identity[0].text if identity else target.text


@contextlib.contextmanager
def together(*calls: "Call") -> Iterator[None]:
    """The calls hear one another."""
    junction = Junction()
    for call in calls:
        junction.join(call.handset)
        call.manners.joined()
    try:
        yield
    finally:
        for call in calls:
            junction.leave(call.handset)
            call.manners.parted()


class Star:
    """Listens for the key that leaves a <Dial hangupOnStar>."""

    def __init__(self) -> None:
        self.pressed = asyncio.Event()

    def frame(self, ended_ms: int, payload: str, heard: bytes) -> None:
        pass

    def marks(self, names: list[str]) -> None:
        pass

    def digit(self, digit: str) -> None:
        if digit == "*":
            self.pressed.set()


async def until_any(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Return when one of the events is set, or after so long."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
