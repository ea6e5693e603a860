"""People who are called: how their telephone rings, and how a machine is told from them. (twilio.md 5.4)"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.simulator.twilio.orders import Person
from app.simulator.twilio.plant import DialOutcome, Plant
from app.simulator.twilio.tones import beep

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

VERDICT_MS = 1500  # how long it takes to tell a person from a machine
MODES = ("Enable", "DetectMessageEnd")
# What may be tuned: from, to, and what it is when nothing is said.
TUNABLES = {
    "MachineDetectionSpeechThreshold": (1_000, 6_000, 2_400),
    "MachineDetectionSpeechEndThreshold": (500, 5_000, 1_200),
    "MachineDetectionSilenceTimeout": (2_000, 10_000, 5_000),
}


async def person_of(plant: Plant, outcome: DialOutcome) -> Person:
    """Raises `ScriptError` when a line of the person's script cannot be made into sound."""
    scripted = outcome.script is not None
    return Person(
        script=outcome.script,
        clips=await plant.clips(outcome.script),
        presses="" if scripted else outcome.presses,
        talk_ms=None if scripted else outcome.talk_ms,
        hum_hz=outcome.hum_hz,
        answered_by=outcome.answered_by,
        greeting_ms=outcome.greeting_ms,
        beeps=outcome.beeps,
    )


async def ring(call: "Call", outcome: DialOutcome, limit_ms: int, wait_ms: float = 0) -> str:
    """The beginning of an outbound leg, reported to its status callback; returns what it came to. `wait_ms`: queued."""
    await call.sleep(wait_ms)
    call.report("initiated", "initiated")
    if outcome.status == "failed":
        return "failed"
    call.status = "ringing"
    call.report("ringing", "ringing")
    await call.sleep(min(outcome.ring_ms, limit_ms))
    if outcome.ring_ms > limit_ms:
        return "no-answer"
    return "in-progress" if outcome.status == "completed" else outcome.status


@dataclass(frozen=True, slots=True)
class Detection:
    """Machine detection as it was asked for."""

    mode: str = "Enable"
    timeout_ms: int = 30_000
    speech_end_ms: int = 1_200  # of quiet, after which a greeting without a beep is over
    asynchronous: bool = False
    callback: str = ""
    callback_method: str = "POST"


def detection(settings: Mapping[str, str], asynchronous: bool, callback: str, method: str) -> Detection | None:
    """What attributes (camelCase) or form fields ask for; None for no detection. Raises ValueError."""
    mode = settings.get("machineDetection") or settings.get("MachineDetection") or ""
    if not mode:
        return None
    if mode not in MODES:
        raise ValueError(f"MachineDetection is {' or '.join(MODES)}")
    seconds = settings.get("machineDetectionTimeout") or settings.get("MachineDetectionTimeout") or "30"
    if not seconds.isdigit() or not 3 <= int(seconds) <= 59:
        raise ValueError("MachineDetectionTimeout is 3 to 59")
    tuned = {name: _tuned(settings, name) for name in TUNABLES}
    end_ms = tuned["MachineDetectionSpeechEndThreshold"]
    return Detection(mode, int(seconds) * 1000, end_ms, asynchronous, callback, method or "POST")


def _tuned(settings: Mapping[str, str], name: str) -> int:
    least, most, default = TUNABLES[name]
    text = settings.get(name[0].lower() + name[1:]) or settings.get(name) or str(default)
    if not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"{name} is {least} to {most}")
    return int(text)


async def detect(call: "Call", order: Detection) -> None:
    """Find out who answered, note it in the call, and tell the callback."""
    person = call.person
    if order.asynchronous and not order.callback:
        call.journal.warn(21262, "AsyncAmd without AsyncAmdStatusCallback: nobody is told who answered")
    verdict, took = person.answered_by, VERDICT_MS
    if verdict == "machine":
        verdict = "machine_start"
        if order.mode == "DetectMessageEnd" and person.beeps:
            verdict, took = "machine_end_beep", person.greeting_ms + len(beep()) // 8
        elif order.mode == "DetectMessageEnd":
            verdict, took = "machine_end_silence", person.greeting_ms + order.speech_end_ms
    if took > order.timeout_ms:
        verdict, took = "unknown", order.timeout_ms
    await call.sleep(took)
    call.answered_by = verdict
    call.journal.note("machine_detection", answered_by=verdict, took_ms=took)
    extra = {"AnsweredBy": verdict, "MachineDetectionDuration": str(took)}
    call.tell("machine detection", order.callback, order.callback_method, extra)


async def for_ever() -> None:
    """Until cancelled."""
    await asyncio.get_running_loop().create_future()
