"""What each TwiML verb does to a call. (twilio.md 3.1 to 3.3)

A verb is a coroutine over the call. It returns None to go on with the next verb, `Goto` for another document, `End` to
hang up, or `Left` to leave a queue. It is cancelled when the caller hangs up or REST gives the call other TwiML.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.audio.g711 import encode
from app.audio.tones import dtmf
from app.simulator.lines import pcm_of_wav
from app.simulator.twilio.twiml import Verb
from app.simulator.twilio.webhook import FetchFailed

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

SPEECH_ENDS_MS = 700
KEYS = frozenset("0123456789*#ABCDwW")


class ApplicationError(Exception):
    """No document of the call and none of its fallback could be executed."""


@dataclass(frozen=True, slots=True)
class Goto:
    """Fetch this document next, with these fields besides the standard ones."""

    url: str
    method: str = "POST"
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    status: str = "completed"
    why: str = "hung up by TwiML"


@dataclass(frozen=True, slots=True)
class Left:
    """<Leave>: out of the queue, on with the document that queued the call."""


Outcome = Goto | End | Left | None
Execute = Callable[["Call", Verb], Awaitable[Outcome]]


class Ears:
    """Listens to what a caller does during a verb: keys pressed and lines said."""

    def __init__(self) -> None:
        self.keys = ""
        self.said: list[str] = []
        self.speaks_until_ms = 0
        self._happened = asyncio.Event()

    def frame(self, ended_ms: int, payload: str, heard: bytes) -> None:
        pass

    def marks(self, names: list[str]) -> None:
        pass

    def digit(self, digit: str) -> None:
        self.keys += digit
        self._happened.set()

    def speech(self, text: str, until_ms: int) -> None:
        self.said.append(text)
        self.speaks_until_ms = until_ms
        self._happened.set()

    async def something(self, seconds: float) -> bool:
        """Wait until a key is pressed or speech begins; False when nothing happens for so long."""
        self._happened.clear()
        try:
            await asyncio.wait_for(self._happened.wait(), seconds)
        except TimeoutError:
            return False
        return True


@contextlib.asynccontextmanager
async def listening(call: "Call") -> AsyncIterator[Ears]:
    ears = Ears()
    call.handset.listeners.append(ears)
    call.handset.on_said = ears.speech
    try:
        yield ears
    finally:
        call.handset.listeners.remove(ears)
        call.handset.on_said = lambda text, until_ms: None


async def say(call: "Call", verb: Verb) -> Outcome:
    audio = await call.speech(verb.text)
    await _repeat(call, audio, verb.get("loop", "1"))
    return None


async def play(call: "Call", verb: Verb) -> Outcome:
    if "digits" in verb.attributes:
        await call.play(dialled(verb.get("digits")))
        return None
    try:
        document = await call.documents.fetch(call.absolute(verb.text), "GET", {})
        audio = encode(await asyncio.to_thread(pcm_of_wav, document.body))
    except (FetchFailed, ValueError) as error:
        call.journal.warn(12300, f"<Play>: {error}")
        return None
    await _repeat(call, audio, verb.get("loop", "1"))
    return None


async def _repeat(call: "Call", audio: bytes, loop: str) -> None:
    times = int(loop) if loop.isdigit() else 1
    while audio:  # loop="0" plays until the call ends
        await call.play(audio)
        times -= 1
        if times == 0:
            return


async def pause(call: "Call", verb: Verb) -> Outcome:
    await call.sleep(number(verb, "length", 1) * 1000)
    return None


async def redirect(call: "Call", verb: Verb) -> Outcome:
    return Goto(call.absolute(verb.text), verb.get("method", "POST"))


async def reject(call: "Call", verb: Verb) -> Outcome:
    if call.answered:
        call.journal.warn(12200, "<Reject> works only as the first verb; the call had been answered and is ended")
        return End()
    return End("busy" if verb.get("reason") == "busy" else "no-answer", "rejected")


async def hang_up(call: "Call", verb: Verb) -> Outcome:
    return End()


async def leave(call: "Call", verb: Verb) -> Outcome:
    return Left()


async def gather(call: "Call", verb: Verb) -> Outcome:
    inputs = verb.get("input", "dtmf").split()
    call.manners.asked_for_keys()
    async with listening(call) as ears:
        await _prompt(call, verb, ears, inputs)
        if "speech" in inputs and ears.said:
            return await _spoken_answer(call, verb, ears)
        finished = await _collect(call, verb, ears, inputs)
        if "speech" in inputs and ears.said and not ears.keys:
            return await _spoken_answer(call, verb, ears)
    digits = ears.keys
    if finished and digits.endswith(finished):
        digits = digits[:-1]
    if not digits and verb.get("actionOnEmptyResult") != "true":
        return None
    extra = {"Digits": digits} | ({"FinishedOnKey": finished} if finished else {})
    return _answered(call, verb, extra)


async def _prompt(call: "Call", verb: Verb, ears: Ears, inputs: list[str]) -> None:
    """Speak the prompts until they are over or the caller answers into them."""

    async def speak() -> None:
        for child in verb.children:
            await VERBS[child.name](call, child)

    prompts = asyncio.create_task(speak())
    try:
        while not prompts.done():
            answer = asyncio.create_task(ears.something(3600))
            await asyncio.wait({prompts, answer}, return_when=asyncio.FIRST_COMPLETED)
            answer.cancel()
            if ears.keys or ("speech" in inputs and ears.said and verb.get("bargeIn", "true") != "false"):
                break
    finally:
        prompts.cancel()
        await asyncio.wait({prompts})
        call.hush()


async def _collect(call: "Call", verb: Verb, ears: Ears, inputs: list[str]) -> str:
    """Take keys until enough, the finishing key or the timeout; returns the finishing key pressed, or ""."""
    wanted = number(verb, "numDigits", 0)
    finish = verb.get("finishOnKey", "#")
    while True:
        if finish and ears.keys and ears.keys[-1] in finish:
            return ears.keys[-1]
        if wanted and len(ears.keys) >= wanted:
            return ""
        if "speech" in inputs and ears.said and not ears.keys:
            return ""
        if not await ears.something(call.plant.ticker.real_seconds(number(verb, "timeout", 5) * 1000)):
            return ""


async def _spoken_answer(call: "Call", verb: Verb, ears: Ears) -> Outcome:
    while (left := ears.speaks_until_ms + SPEECH_ENDS_MS - call.handset.now_ms()) > 0:
        await call.sleep(left)
    return _answered(call, verb, {"SpeechResult": " ".join(ears.said), "Confidence": "0.9"})


def _answered(call: "Call", verb: Verb, extra: Mapping[str, str]) -> Goto:
    return Goto(call.absolute(verb.get("action")), verb.get("method", "POST"), extra)


async def start(call: "Call", verb: Verb) -> Outcome:
    for noun in verb.children:
        if noun.name == "Stream":
            call.streams.fork(noun)
        else:
            channels, trim = (2 if noun.get("channels") == "dual" else 1), noun.get("trim") == "trim-silence"
            call.recordings.start("StartCallRecordingTwiML", channels, noun, noun.get("track", "both"), trim)
    return None


async def stop(call: "Call", verb: Verb) -> Outcome:
    for noun in verb.children:
        if noun.name == "Stream":
            await call.streams.end_forks(noun.get("name"))
        else:
            call.recordings.stop_all(noun.get("sid"))
    return None


async def connect(call: "Call", verb: Verb) -> Outcome:
    streams = verb.named("Stream")
    if not streams:
        call.journal.warn(12200, "<Connect> holds nothing to connect to")
        return None
    for _ in streams[1:]:
        call.journal.warn(12200, "<Connect> takes one <Stream>; the others were left out")
    await call.streams.connect(streams[0])
    if "action" in verb.attributes:
        return Goto(call.absolute(verb.get("action")), verb.get("method", "POST"))
    return None


def number(verb: Verb, attribute: str, default: int) -> int:
    text = verb.get(attribute)
    return int(text) if text.isdigit() else default


def dialled(digits: str) -> bytes:
    """Keys as tones of 100 ms with pauses, mu-law; w waits half a second."""
    return b"".join(b"\xff" * 4000 if key in "wW" else encode(dtmf(key).tobytes()) for key in digits if key in KEYS)


VERBS: dict[str, Execute] = {
    "Say": say,
    "Play": play,
    "Pause": pause,
    "Gather": gather,
    "Redirect": redirect,
    "Reject": reject,
    "Hangup": hang_up,
    "Start": start,
    "Stop": stop,
    "Connect": connect,
    "Leave": leave,
}
