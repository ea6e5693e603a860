"""Everything that sounds in these calls is a tone of its own, so that a recording of the telephone can be read.

A phrase of the house, a sentence of the model, the carrier's own voice: each has a name and a pitch. `sounds_in` reads
a call's track back into names, times and lengths. The caller alone mumbles, because a speech detector must take it for
speech.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.audio.clip import from_pcm
from app.audio.g711 import decode
from app.simulator.prepared_audio import babble, speaking_time, tone

RATE = 8_000
FRAME = 160
LOUD = 400  # RMS of int16
BREATH_MS = 60  # a shorter break within one tone is none

PHRASES = {  # by wording: name, Hz, ms
    "Harbour Parcels, hello!": ("greeting", 400, 600),
    "One moment.": ("wait", 500, 400),
    "Sorry, I lost my thread.": ("sorry", 600, 500),
    "Are you there?": ("still_there", 700, 400),
    "Please say that again.": ("repeat", 800, 500),
    "There you are again.": ("back_again", 900, 500),
    "Thank you, goodbye!": ("goodbye", 1_000, 1_240),
    "Our line is out of order. Goodbye.": ("apology", 1_100, 700),
    "All lines are busy. Goodbye.": ("busy", 1_200, 600),
    "We open at ten.": ("hours", 1_400, 900),
    "Harbour Parcels, good day!": ("edited greeting", 2_200, 600),
    "Thank you, and fair winds!": ("edited goodbye", 2_300, 800),
    "Please enter your card number, then press pound.": ("ask_card", 2_400, 900),
    "That was not right.": ("try_again", 2_500, 400),
    "I will put you through.": ("transfer", 2_600, 700),
    "Hold the line, please.": ("hold", 2_700, 600),
    "Nobody could take your call.": ("nobody_answered", 2_800, 700),
    "Please speak after the tone.": ("leave_message", 2_900, 700),
    "We have your message.": ("message_taken", 3_000, 600),
    "Our assistant is out of order, I only take keys.": ("offline_notice", 2_100, 700),
    "Hours, press one. A person, press zero.": ("offline_menu", 3_100, 800),
    "Please press a key.": ("press_a_key", 3_200, 400),
}
CARRIER = ("carrier", 1_300, 600)  # what Twilio's own voice says that is no phrase of ours
REPLIES = {name: 1_500 + 100 * place for place, name in enumerate(("one", "two", "three", "four", "five", "six"))}
NAMES = {hz: name for name, hz, _ in (*PHRASES.values(), CARRIER)} | {hz: name for name, hz in REPLIES.items()}


@dataclass(frozen=True, slots=True)
class Sound:
    """Something the caller heard: when it began, in ms of the call, and how long it lasted."""

    name: str
    at_ms: int
    ms: int

    @property
    def end_ms(self) -> int:
        return self.at_ms + self.ms


class PhraseVoice:
    """Renders the house's phrases."""

    engine = "offline"
    model = "tones"

    async def synth(self, text: str, voice: str, language: str, rate: int) -> bytes:
        _, hz, ms = PHRASES[text]
        return tone(hz, ms / 1000, rate)


class CarrierVoice:
    """Speaks <Say>."""

    def speak(self, text: str) -> bytes:
        _, hz, ms = PHRASES.get(text, CARRIER)
        return tone(hz, ms / 1000, RATE)


class Mumble:
    """Speaks the caller's lines: as long as their words, and like a voice in nothing but its sound."""

    def speak(self, text: str) -> bytes:
        return babble(speaking_time(text), RATE)


def sentence(name: str, seconds: float = 0.8, text: str = "") -> dict[str, Any]:
    """A sentence of the scripted model, as its script has it."""
    return {"text": text or f"This is sentence {name}.", "tone": REPLIES[name], "seconds": seconds}


def turn(heard: str, *sentences: dict[str, Any] | str, **more: Any) -> dict[str, Any]:
    """What the scripted model makes of one utterance of the caller, and what it says to it."""
    said = [sentence(spoken) if isinstance(spoken, str) else spoken for spoken in sentences]
    return {"heard": heard, "say": said} | more


def sounds_in(mulaw: bytes) -> list[Sound]:
    """What a track holds, in order. Times count from its beginning."""
    found: list[Sound] = []
    samples = from_pcm(decode(mulaw), RATE).samples
    for at in range(0, len(samples) - FRAME + 1, FRAME):
        name = _name_of(samples[at : at + FRAME])
        if name is None:
            continue
        at_ms, last = at // 8, found[-1] if found else None
        if last is not None and last.name == name and at_ms - last.end_ms <= BREATH_MS:
            found[-1] = Sound(name, last.at_ms, at_ms + 20 - last.at_ms)
        else:
            found.append(Sound(name, at_ms, 20))
    return [sound for sound in found if sound.ms > 20]  # a frame on the border of two tones is neither


def _name_of(frame: np.ndarray) -> str | None:
    values = frame.astype(np.float64)
    if np.sqrt(np.mean(values**2)) < LOUD:
        return None
    strongest = int(np.argmax(np.abs(np.fft.rfft(values)))) * RATE / FRAME
    return NAMES.get(round(strongest / 100) * 100, f"{strongest:.0f} Hz")
