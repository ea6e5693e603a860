"""Everything that sounds is a tone of its own, so that a recording of the telephone can be read like a text.

`Tones` says which name has which pitch, speaks them and reads a track back into names, times and lengths. The caller
alone mumbles, because a speech detector must take it for speech.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from app.audio.clip import from_pcm
from app.audio.g711 import decode
from app.simulator.prepared_audio import babble, speaking_time, tone

RATE = 8_000
FRAME = 160
LOUD = 400  # RMS of int16
BREATH_MS = 60  # a shorter break within one tone is none, unless said otherwise

type Tone = tuple[str, int, int]  # name, Hz, ms


@dataclass(frozen=True, slots=True)
class Sound:
    """Something the caller heard: when it began, in ms of its track, and how long it lasted, breaks included."""

    name: str
    at_ms: int
    ms: int
    breaks_ms: int = 0  # of silence within it

    @property
    def end_ms(self) -> int:
        return self.at_ms + self.ms

    @property
    def heard_ms(self) -> int:
        """How much of it sounded."""
        return self.ms - self.breaks_ms

    def goes_on(self, at_ms: int) -> Self:
        """With one more frame, which begins then."""
        return replace(self, ms=at_ms + 20 - self.at_ms, breaks_ms=self.breaks_ms + at_ms - self.end_ms)


@dataclass(frozen=True)
class Tones:
    """`phrases`: the tone of each wording of the house; `carrier`: what the carrier's own voice says beside them;
    `others`: the pitches in Hz of all else that sounds, such as the model's words; `breath_ms`: a shorter break within
    one tone does not end it."""

    phrases: Mapping[str, Tone]
    carrier: Tone
    others: Mapping[str, int]
    breath_ms: int = BREATH_MS
    _names: Mapping[int, str] = field(init=False)

    def __post_init__(self) -> None:
        names = {hz: name for name, hz, _ in (*self.phrases.values(), self.carrier)}
        object.__setattr__(self, "_names", names | {hz: name for name, hz in self.others.items()})

    def read(self, mulaw: bytes) -> list[Sound]:
        """What a track (8 kHz) holds, in order. Times count from its beginning."""
        found: list[Sound] = []
        samples = from_pcm(decode(mulaw), RATE).samples
        for at in range(0, len(samples) - FRAME + 1, FRAME):
            name = self._name_of(samples[at : at + FRAME])
            if name is None:
                continue
            at_ms, last = at // 8, found[-1] if found else None
            if last is not None and last.name == name and at_ms - last.end_ms <= self.breath_ms:
                found[-1] = last.goes_on(at_ms)
            else:
                found.append(Sound(name, at_ms, 20))
        return [sound for sound in found if sound.heard_ms > 20]  # a frame on the border of two tones is neither

    def _name_of(self, frame: np.ndarray) -> str | None:
        values = frame.astype(np.float64)
        if np.sqrt(np.mean(values**2)) < LOUD:
            return None
        strongest = int(np.argmax(np.abs(np.fft.rfft(values)))) * RATE / FRAME
        return self._names.get(round(strongest / 100) * 100, f"{strongest:.0f} Hz")


@dataclass(frozen=True)
class PhraseVoice:
    """Reads the house's phrases: a voice to render with."""

    tones: Tones
    engine = "offline"
    model = "tones"

    async def synth(self, text: str, voice: str, language: str, rate: int) -> bytes:
        _, hz, ms = self.tones.phrases[text]
        return tone(hz, ms / 1000, rate)


@dataclass(frozen=True)
class CarrierVoice:
    """Speaks <Say>."""

    tones: Tones

    def speak(self, text: str) -> bytes:
        _, hz, ms = self.tones.phrases.get(text, self.tones.carrier)
        return tone(hz, ms / 1000, RATE)


class Mumble:
    """Speaks the caller's lines: as long as their words, and like a voice in nothing but its sound."""

    def speak(self, text: str) -> bytes:
        return babble(speaking_time(text), RATE)
