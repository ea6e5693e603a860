"""The exchange: accounts, their numbers, and every call placed by REST or dialled to an owned number. (twilio.md 5)

Calls an account asks for are paced (one a second unless said), not refused; until its turn a call is queued.
"""

import asyncio
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace

from app.simulator.callscript import Script, WaitForHangUp, of
from app.simulator.lines import Voice, prepare
from app.simulator.twilio.call import Call, Handlers, Person
from app.simulator.twilio.identity import Account, Party, sid
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.plant import DialOutcome, Plant
from app.simulator.twilio.recording import Recording
from app.simulator.twilio.resources import ApiError, Number
from app.simulator.twilio.twiml import Program, TwimlError, Verb, read
from app.simulator.twilio.verbs import Goto

E164 = re.compile(r"\+[1-9]\d{6,14}")
LONGEST_TWIML = 4000
PATIENT_MS = 14_400_000
# Numbers that behave specially, as with test credentials: they cannot be called, and why.
UNCALLABLE = {"+15005550001": 21217, "+15005550002": 21214, "+15005550003": 21215, "+15005550004": 21216}
ALWAYS_VALID_CALLER = "+15005550006"
NOT_A_CALLER = "+15005550001"


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers a number that is called from here: how it rings, and what they do then."""

    outcome: DialOutcome
    script: Script


PATIENT = of(WaitForHangUp(within_ms=PATIENT_MS))


@dataclass(slots=True)
class Placed:
    call: Call
    task: asyncio.Task[None]
    queue_ms: int = 0


class Exchange:
    def __init__(self, plant: Plant, accounts: Mapping[str, Account], calls_per_second: float = 1.0) -> None:
        self.plant = plant
        self.accounts = accounts
        self.numbers: dict[str, Number] = {}
        self.placed: dict[str, Placed] = {}
        self.people: dict[str, Answerer] = {}
        self.voice: Voice | None = None
        self._gap_ms = 1000 / calls_per_second
        self._free_at_ms: dict[str, float] = {}

    async def aclose(self) -> None:
        """End all calls."""
        for placed in self.placed.values():
            placed.task.cancel()
        await asyncio.gather(*(placed.task for placed in self.placed.values()), return_exceptions=True)

    # Numbers.

    def own(self, account: Account, phone_number: str, settings: Mapping[str, str] | None = None) -> Number:
        """Buy a number. Raises `ApiError` 21421 and 21422."""
        if not E164.fullmatch(phone_number):
            raise ApiError(21421, phone_number)
        if any(number.phone_number == phone_number for number in self.numbers.values()):
            raise ApiError(21422, phone_number)
        number = Number(sid("PN"), account.sid, phone_number, dict(settings or {}))
        self.numbers[number.sid] = number
        self.plant.own_numbers.add(phone_number)
        return number

    def release(self, number: Number) -> None:
        del self.numbers[number.sid]
        self.plant.own_numbers.discard(number.phone_number)

    # Calls.

    async def dial_in(self, caller: str, called: str, script: Script, line: LineOptions) -> Call:
        """Somebody outside calls an owned number. Raises `ApiError` 20404 and `ScriptError`."""
        number = next((n for n in self.numbers.values() if n.phone_number == called), None)
        if number is None or not number.get("voice_url"):
            raise ApiError(20404, called)
        handlers = Handlers(
            url=number.get("voice_url"),
            method=number.get("voice_method", "POST"),
            fallback_url=number.get("voice_fallback_url"),
            fallback_method=number.get("voice_fallback_method", "POST"),
            status_callback=number.get("status_callback"),
            status_callback_method=number.get("status_callback_method", "POST"),
        )
        person = await self._person(script, line)
        party = Party(self.accounts[number.account_sid], sid("CA"), caller, called)
        call = Call(self.plant, party, handlers, person)
        self._begin(call, call.run())
        return call

    async def call_out(self, account: Account, to: str, caller: str, handlers: Handlers) -> Call:
        """Queue an outbound call; it is placed when its turn comes."""
        answerer = self.people.get(to) or Answerer(self.plant.outcome(to), PATIENT)
        person = await self._person(answerer.script, LineOptions())
        call = Call(self.plant, Party(account, sid("CA"), caller, to, "outbound-api"), handlers, person)
        wait = self._turn_ms(account)
        self._begin(call, call.run(self._ring(call, answerer.outcome, wait)), round(wait))
        return call

    def _begin(self, call: Call, life: Coroutine[None, None, None], queue_ms: int = 0) -> None:
        task = asyncio.create_task(life)
        self.placed[call.party.call_sid] = Placed(call, task, queue_ms)

    async def _person(self, script: Script, line: LineOptions) -> Person:
        clips = await asyncio.to_thread(prepare, script, self.voice)
        return Person(script=script, clips=clips, line=line)

    def _turn_ms(self, account: Account) -> float:
        """How long a call of this account has to wait for its turn."""
        now = self.plant.ticker.elapsed_ms()
        turn = max(now, self._free_at_ms.get(account.sid, 0.0))
        self._free_at_ms[account.sid] = turn + self._gap_ms
        return turn - now

    async def _ring(self, call: Call, outcome: DialOutcome, wait_ms: float) -> str:
        """The beginning of an outbound call, reported to its status callback; returns what it came to."""
        await call.sleep(wait_ms)
        call.report("initiated", "initiated")
        call.status = "ringing"
        call.report("ringing", "ringing")
        await call.sleep(outcome.ring_ms)
        return "in-progress" if outcome.status == "completed" else outcome.status

    # Orders by REST.

    def update(self, call: Call, form: Mapping[str, str]) -> None:
        """POST Calls/{sid}: Status, or Url, or Twiml. Raises `ApiError` 20001, 20404, 21205, 21220."""
        asked = [name for name in ("Url", "Twiml", "Status") if form.get(name)]
        if len(asked) > 1:
            raise ApiError(20001, " and ".join(asked) + " exclude one another")
        if "Status" in asked:
            self._end(call, form["Status"])
        elif asked:
            self._redirect(call, form)
        handlers = call.handlers
        status, fallback = form.get("StatusCallback"), form.get("FallbackUrl")
        call.handlers = replace(
            handlers,
            status_callback=handlers.status_callback if status is None else status,
            fallback_url=handlers.fallback_url if fallback is None else fallback,
        )

    def _end(self, call: Call, status: str) -> None:
        if status not in ("completed", "canceled"):
            raise ApiError(20001, "Status")
        if call.ended is not None:
            # The service forgets a call that is over: a hang-up that comes too late finds nothing.
            raise ApiError(20404, f"Calls/{call.party.call_sid}.json")
        if status == "canceled" and call.answered:
            raise ApiError(21220, "cancel")
        call.end(status if not call.answered else "completed", f"{status} by REST")

    def _redirect(self, call: Call, form: Mapping[str, str]) -> None:
        if call.ended is not None or not call.answered:
            raise ApiError(21220, "redirect")
        if form.get("Url"):
            call.redirect(Goto(checked_url(form["Url"]), form.get("Method") or "POST"))
        else:
            call.redirect(checked_twiml(form["Twiml"]))

    def record(self, call: Call, form: Mapping[str, str]) -> Recording:
        """POST Calls/{sid}/Recordings. Raises `ApiError` 21220."""
        if call.ended is not None or not call.answered:
            raise ApiError(21220, "record")
        names = {"RecordingStatusCallback", "RecordingStatusCallbackMethod", "RecordingStatusCallbackEvent"}
        order = Verb("Recording", {name[0].lower() + name[1:]: form[name] for name in names & form.keys()})
        return call.recordings.start(
            "StartCallRecordingAPI", 2 if form.get("RecordingChannels") == "dual" else 1, order
        )


def checked_url(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#_]+([/?#]\S*)?", url):
        raise ApiError(21205, url)
    return url


def checked_twiml(text: str) -> Program:
    try:
        if len(text) > LONGEST_TWIML:
            raise ApiError(20001, f"Twiml is longer than {LONGEST_TWIML} characters")
        return read(text.strip().encode())
    except TwimlError as error:
        raise ApiError(20001, f"Twiml: {error}") from None


def checked_order(exchange: Exchange, account: Account, form: Mapping[str, str]) -> tuple[str, str]:
    """(To, From) of a call that is asked for. Raises the `ApiError` the service would answer with."""
    to, caller = form.get("To", ""), form.get("From", "")
    if not to:
        raise ApiError(21201)
    if not caller:
        raise ApiError(21213)
    if to in UNCALLABLE:
        raise ApiError(UNCALLABLE[to], to)
    if not to.startswith(("client:", "sip:")) and not E164.fullmatch(to):
        raise ApiError(21211, to)
    if caller == NOT_A_CALLER or not E164.fullmatch(caller):
        raise ApiError(21212, caller)
    owned = any(n.phone_number == caller and n.account_sid == account.sid for n in exchange.numbers.values())
    if not owned and caller != ALWAYS_VALID_CALLER:
        raise ApiError(21210, caller)
    return to, caller
