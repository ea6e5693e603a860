"""<Record>: the caller alone is recorded, after a beep, until silence, a key, or the longest time. (twilio.md 3.3)"""

import base64
from typing import TYPE_CHECKING

import audioop

from app.simulator.twilio.handset import LOUD_RMS, QUIET_PAYLOAD
from app.simulator.twilio.line import FRAME_MS
from app.simulator.twilio.tones import beep
from app.simulator.twilio.twiml import Verb
from app.simulator.twilio.verbs import Goto, Outcome, number

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

LOOKS_EVERY_MS = 20


class Message:
    """Listens to what is being recorded: keys, and since when it is quiet."""

    def __init__(self, began_ms: int) -> None:
        self.key = ""
        self.quiet_since_ms = began_ms
        self.spoken = False

    def frame(self, ended_ms: int, payload: str, heard: bytes) -> None:
        if payload != QUIET_PAYLOAD and audioop.rms(audioop.ulaw2lin(base64.b64decode(payload), 2), 2) > LOUD_RMS:
            self.spoken = True
            self.quiet_since_ms = ended_ms

    def digit(self, digit: str) -> None:
        self.key = self.key or digit

    def marks(self, names: list[str]) -> None:
        pass


async def record(call: "Call", verb: Verb) -> Outcome:
    """Goes on with the action; with the next verb when nothing was said."""
    if verb.get("playBeep", "true") == "true":
        await call.play(beep())
    action, over = call.absolute(verb.get("action")), False
    trim = verb.get("trim", "trim-silence") == "trim-silence"
    recording = call.recordings.start("RecordVerb", 1, verb, track="inbound", trim=trim)
    message = Message(call.handset.now_ms() // FRAME_MS * FRAME_MS)
    call.handset.listeners.append(message)
    try:
        digits = await _until_over(call, verb, message)
        over = True
    finally:
        call.handset.listeners.remove(message)
        call.recordings.stop(recording)
        if (
            not over and not call.turning and recording.duration_ms
        ):  # the caller hung up: the action is requested, its answer is useless
            call.tell(
                "record action", action, verb.get("method"), call.recordings.fields(recording) | {"Digits": "hangup"}
            )
    if not recording.duration_ms or not message.spoken:
        return None
    return Goto(action, verb.get("method", "POST"), call.recordings.fields(recording) | {"Digits": digits})


async def _until_over(call: "Call", verb: Verb, message: Message) -> str:
    """The finishing key, or "" when silence or the longest time ended it."""
    timeout, most = number(verb, "timeout", 5) * 1000, number(verb, "maxLength", 3600) * 1000
    finish, began = verb.get("finishOnKey", "1234567890*#"), message.quiet_since_ms
    while True:
        if message.key and message.key in finish:
            return message.key
        message.key = ""
        now = call.handset.now_ms()
        if now - message.quiet_since_ms >= timeout or now - began >= most:
            return ""
        await call.sleep(LOOKS_EVERY_MS)
