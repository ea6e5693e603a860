"""The sound of what scripted callers say: shipped recordings where there are any, else synthesised.

Callers speak with flite's rms, the voice that the offline recogniser understands best.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import audioop

from app.audio import clip as sound
from app.audio.g711 import SILENCE, encode
from app.simulator import voices
from app.simulator.callscript import Say, Script, ScriptError

RATE = 8000
FRAME_BYTES = 160
ONSET_DB = -40.0  # where a line begins and ends to sound
ONSET_LEVEL = int(32_768 * 10 ** (ONSET_DB / 20))


class Voice(Protocol):
    def speak(self, text: str) -> bytes:
        """Blocking. PCM16 little-endian, mono, 8 kHz."""
        ...


class OfflineVoice:
    """Speaks by the offline engine's synthesiser; `name` is a flite or espeak-ng voice."""

    def __init__(self, name: str = "rms") -> None:
        self._name = name

    def speak(self, text: str) -> bytes:
        from app.engines.offline.speak import CannotSpeak, speak  # when needed: a call of tones and files needs none

        try:
            return speak(text, self._name, RATE)
        except CannotSpeak as error:
            raise ValueError(str(error)) from None


class SilentVoice:
    """Takes about as long as speech would, and says nothing: for load and for tests of everything but sound."""

    def speak(self, text: str) -> bytes:
        return bytes(2 * (RATE * max(1, len(text.split())) // 3))


@dataclass(frozen=True, slots=True)
class Utterance:
    """A line ready to go out: mu-law in frames of 20 ms, as base64 too, and where its sound begins and ends."""

    frames: tuple[bytes, ...]
    payloads: tuple[str, ...]
    onset_ms: int  # first sample over -40 dBFS
    sounds_until_ms: int  # end of the last one; 0 when there is none

    @property
    def duration_ms(self) -> int:
        return 20 * len(self.frames)

    @classmethod
    def of_pcm(cls, pcm: bytes) -> Self:
        """From PCM16 mono at 8 kHz; the last frame is filled with silence."""
        onset, end = sounding(pcm)
        mulaw = encode(pcm)
        mulaw += SILENCE * (-len(mulaw) % FRAME_BYTES)
        frames = tuple(mulaw[i : i + FRAME_BYTES] for i in range(0, len(mulaw), FRAME_BYTES))
        return cls(frames, tuple(base64.b64encode(frame).decode() for frame in frames), onset, end)


def sounding(pcm: bytes) -> tuple[int, int]:
    """First and last ms over -40 dBFS of PCM16 at 8 kHz; (0, 0) when none is."""
    step = 16  # bytes of one millisecond
    loud = [i for i in range(0, len(pcm), step) if audioop.max(pcm[i : i + step], 2) > ONSET_LEVEL]
    return (loud[0] // step, loud[-1] // step + 1) if loud else (0, 0)


def durations(utterances: Mapping[Say, Utterance]) -> dict[Say, int]:
    return {line: utterance.duration_ms for line, utterance in utterances.items()}


def prepare(script: Script, voice: Voice | None = None) -> dict[Say, Utterance]:
    """Every line of the script as sound. Blocking. Raises `ScriptError` for a line that cannot be had."""
    return {line: Utterance.of_pcm(_pcm(line, script, voice or OfflineVoice())) for line in script.lines}


def _pcm(line: Say, script: Script, voice: Voice) -> bytes:
    try:
        if line.is_file:
            return pcm_of_wav(((script.folder or Path()) / line.line).read_bytes())
        return voices.line(line.line) or voice.speak(line.line)
    except (OSError, ValueError) as error:
        raise ScriptError(f'"{line.line}" cannot be made into sound: {error}') from None


def pcm_of_wav(data: bytes) -> bytes:
    """PCM16 mono 8 kHz of any WAV file. Raises `BadWav`, a ValueError."""
    return sound.resample(sound.parse_wav(data).mono(), RATE).pcm


def stereo_wav(left_mulaw: bytes, right_mulaw: bytes) -> bytes:
    """Two tracks of mu-law side by side as a WAV of PCM16 at 8 kHz."""
    return sound.wav_bytes(sound.stereo(sound.from_mulaw(left_mulaw), sound.from_mulaw(right_mulaw)))
