"""The exchange: accounts, their numbers, and every call placed by REST or dialled to an owned number. (twilio.md 5)

Calls an account asks for are paced (one a second unless said), not refused; until its turn a call is queued.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial

from app.simulator.callscript import Script, WaitForHangUp, of
from app.simulator.lines import Voice, prepare
from app.simulator.twilio.call import Call
from app.simulator.twilio.identity import Account, Party, sid
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.orders import Handlers, Person
from app.simulator.twilio.people import Detection, detect, person_of, ring
from app.simulator.twilio.plant import Plant
from app.simulator.twilio.recording import Recording
from app.simulator.twilio.resources import ApiError, Number
from app.simulator.twilio.twiml import Program, TwimlError, Verb, read
from app.simulator.twilio.verbs import Goto, Outcome, dialled

E164 = re.compile(r"\+[1-9]\d{6,14}")
LONGEST_TWIML = 4000
PATIENT_MS = 14_400_000
# Numbers that behave specially, as with test credentials: they cannot be called, and why.
UNCALLABLE = {"+15005550001": 21217, "+15005550002": 21214, "+15005550003": 21215, "+15005550004": 21216}
ALWAYS_VALID_CALLER = "+15005550006"
NOT_A_CALLER = "+15005550001"


PATIENT = of(WaitForHangUp(within_ms=PATIENT_MS))


@dataclass(frozen=True, slots=True)
class Order:
    """A call as REST asks for it. `conference` takes the place of the application's documents."""

    handlers: Handlers
    ring_ms: int = 60_000
    limit_ms: int = 0  # of the whole call; 0 for none of its own
    detection: Detection | None = None
    record: tuple[int, Verb] | None = None  # channels, and whom to tell
    send_digits: str = ""
    conference: Callable[[Call], Awaitable[Outcome]] | None = None

    async def live(self, call: Call) -> Outcome:
        """What happens once it is answered."""
        if self.limit_ms:
            call.limit(self.limit_ms)
        if self.send_digits:  # these switch machine detection off
            await call.play(dialled(self.send_digits))
        elif self.detection is not None and self.detection.asynchronous:
            call.background(detect(call, self.detection))
        elif self.detection is not None:
            await detect(call, self.detection)
        if self.conference is not None:
            return await self.conference(call)
        return await call.documents.perform(call.first())


@dataclass(slots=True)
class Placed:
    call: Call
    task: asyncio.Task[None]


class Exchange:
    def __init__(self, plant: Plant, accounts: Mapping[str, Account], calls_per_second: float = 1.0) -> None:
        self.plant = plant
        self.accounts = accounts
        self.numbers: dict[str, Number] = {}
        self.placed: dict[str, Placed] = {}
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
        if number is None or not number.answered_by_url:
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

    async def call_out(self, account: Account, to: str, caller: str, order: Order) -> Call:
        """Queue an outbound call; it is placed when its turn comes. Raises `ScriptError`."""
        outcome = self.plant.outcome(to)
        person = await person_of(self.plant, outcome)
        call = Call(self.plant, Party(account, sid("CA"), caller, to, "outbound-api"), order.handlers, person)
        call.recordings.at_answer = order.record
        wait = self._turn_ms(account)
        life = call.run(ring(call, outcome, order.ring_ms, wait), partial(order.live, call))
        call.queue_ms = round(wait)
        self._begin(call, life)
        return call

    def _begin(self, call: Call, life: Coroutine[None, None, None]) -> None:
        self.placed[call.party.call_sid] = Placed(call, asyncio.create_task(life))

    async def _person(self, script: Script, line: LineOptions) -> Person:
        clips = await asyncio.to_thread(prepare, script, self.voice)
        return Person(script=script, clips=clips, line=line)

    def _turn_ms(self, account: Account) -> float:
        """How long a call of this account has to wait for its turn."""
        now = self.plant.ticker.elapsed_ms()
        turn = max(now, self._free_at_ms.get(account.sid, 0.0))
        self._free_at_ms[account.sid] = turn + self._gap_ms
        return turn - now

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
        if not call.live:
            raise ApiError(21220, "redirect")
        if form.get("Url"):
            call.redirect(Goto(checked_url(form["Url"]), form.get("Method") or "POST"))
        else:
            call.redirect(checked_twiml(form["Twiml"]))

    def record(self, call: Call, form: Mapping[str, str]) -> Recording:
        """POST Calls/{sid}/Recordings. Raises `ApiError` 21220."""
        if not call.live:
            raise ApiError(21220, "record")
        channels, order = recording_order(form)
        track, trim = order.get("track", "both"), form.get("Trim") == "trim-silence"
        return call.recordings.start("StartCallRecordingAPI", channels, order, track, trim)


TRACKS = ("both", "inbound", "outbound")


def recording_order(form: Mapping[str, str]) -> tuple[int, Verb]:
    """Channels of a recording that is asked for, and whom to tell. Raises `ApiError` 20001, 21205."""
    channels, track = form.get("RecordingChannels", "mono"), form.get("RecordingTrack", "both")
    if channels not in ("mono", "dual"):
        raise ApiError(20001, "RecordingChannels is mono or dual")
    if track not in TRACKS:
        raise ApiError(20001, f"RecordingTrack is one of {', '.join(TRACKS)}")
    if form.get("RecordingStatusCallback"):
        checked_url(form["RecordingStatusCallback"])
    names = ("RecordingStatusCallback", "RecordingStatusCallbackMethod", "RecordingStatusCallbackEvent")
    settings = {name[0].lower() + name[1:]: form[name] for name in names if name in form}
    return (2 if channels == "dual" else 1), Verb("Recording", settings | {"track": track})


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
