"""Place one call to a voice webhook: the door for whole-product tests, the demo, the bench and `offhook phone`."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import audioop

from app.simulator.callscript import Say, Script
from app.simulator.lines import Utterance, Voice, prepare, stereo_wav
from app.simulator.twilio.call import Call
from app.simulator.twilio.identity import Account, Oddities, Party, sid
from app.simulator.twilio.journal import CallEvent, Notice
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.orders import Handlers, Person
from app.simulator.twilio.plant import Plant
from app.simulator.twilio.recording import Recording
from app.simulator.twilio.streaming import StreamFaults

CALLER = "+14155550123"
CALLED = "+15035550199"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """Who calls whom, and the application's URLs. `to` is the voice webhook, as Twilio would have it configured."""

    to: str
    method: str = "POST"
    fallback_url: str = ""
    status_callback: str = ""
    caller: str = CALLER
    called: str = CALLED
    account: Account = field(default_factory=Account)
    line: LineOptions = field(default_factory=LineOptions)
    faults: StreamFaults = field(default_factory=StreamFaults)
    oddities: Oddities = field(default_factory=Oddities)
    hum_hz: int = 0  # the caller sings this tone while joined with other people
    keep_audio: bool = True  # False for load: nothing of the sound is kept


@dataclass(slots=True)
class CallResult:
    """What came of a call. Tracks are mu-law at 8 kHz from the moment of answering, silence included.

    `said_mulaw` is what left the caller's end of the line (echo and noise included), `heard_mulaw` what was really
    played to the caller, at its time.
    """

    call_sid: str
    status: str
    why_ended: str
    duration_ms: int
    application_error: bool
    failures: list[str]
    verbs: list[str]
    events: list[CallEvent]
    notices: list[Notice]
    recordings: list[Recording]
    audible_ms: int
    said_mulaw: bytes
    heard_mulaw: bytes

    @property
    def passed(self) -> bool:
        """Every expectation met, and the application answered."""
        return not self.failures and not self.application_error

    def named(self, *names: str) -> list[CallEvent]:
        return [event for event in self.events if event.name in names]

    @property
    def said_pcm(self) -> bytes:
        return audioop.ulaw2lin(self.said_mulaw, 2)

    @property
    def heard_pcm(self) -> bytes:
        return audioop.ulaw2lin(self.heard_mulaw, 2)

    def wav(self) -> bytes:
        """Stereo, PCM16 at 8 kHz: left the caller, right what the caller heard."""
        return stereo_wav(self.said_mulaw, self.heard_mulaw)

    def document(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {
            "call_sid": self.call_sid,
            "status": self.status,
            "why_ended": self.why_ended,
            "duration_ms": self.duration_ms,
            "passed": self.passed,
            "application_error": self.application_error,
            "failures": self.failures,
            "verbs": self.verbs,
            "heard_ms": self.audible_ms,
            "notices": [{"code": n.code, "level": n.level, "text": n.text} for n in self.notices],
            "events": [{"event": e.name, "call_ms": round(e.call_ms, 1), **e.detail} for e in self.events],
        }


async def place_call(
    dialling: Dialling,
    script: Script,
    *,
    clips: Mapping[Say, Utterance] | None = None,
    plant: Plant | None = None,
    voice: Voice | None = None,
    watch: Callable[[CallEvent], None] | None = None,
    on_media: Callable[[float, bytes | str], None] | None = None,
) -> CallResult:
    """Call, live the script, and return when the call is over and its callbacks are delivered.

    `clips` are the script's lines as sound; without them they are prepared first, in a thread (give them under load).
    `plant` is shared by calls of one process and stays the giver's to close; without one the call has its own.
    `watch` is told each event as it happens, `on_media` each message of the server with its monotonic ms.
    Raises `ScriptError` when a line cannot be made into sound. Whatever the application does ends in the result.
    """
    person = Person(
        script=script,
        clips=await asyncio.to_thread(prepare, script, voice) if clips is None else clips,
        line=dialling.line,
        faults=dialling.faults,
        oddities=dialling.oddities,
        hum_hz=dialling.hum_hz,
        keep_audio=dialling.keep_audio,
        watch=watch,
        on_media=on_media,
    )
    own = plant is None
    plant = plant or Plant()
    try:
        call = incoming(plant, dialling, person)
        await call.run()
        return result_of(call)
    finally:
        if own:
            await plant.aclose()


def incoming(plant: Plant, dialling: Dialling, person: Person) -> Call:
    """An inbound call, not begun: `run` it, `end` or `redirect` it meanwhile."""
    party = Party(dialling.account, sid("CA", plant.rng), dialling.caller, dialling.called)
    handlers = Handlers(
        url=dialling.to,
        method=dialling.method,
        fallback_url=dialling.fallback_url,
        status_callback=dialling.status_callback,
    )
    return Call(plant, party, handlers, person)


def result_of(call: Call) -> CallResult:
    return CallResult(
        call_sid=call.party.call_sid,
        status=call.status,
        why_ended=call.why_ended,
        duration_ms=call.duration_ms,
        application_error=call.application_error,
        failures=[str(failed) for failed in call.handset.failures],
        verbs=call.verbs,
        events=call.journal.events,
        notices=call.journal.notices,
        recordings=call.recordings.all,
        audible_ms=call.handset.audible_ms,
        said_mulaw=bytes(call.handset.said),
        heard_mulaw=bytes(call.handset.heard),
    )
