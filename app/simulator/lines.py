"""The sound of what scripted callers say: shipped recordings where there are any, else synthesised.

A shipped line is `<its words joined by hyphens>.wav` in a folder; all are mono. The voice of `flite` called rms is the
one that the offline recogniser understands best, so callers speak with it.
"""

import base64
import io
import re
import shutil
import subprocess
import wave
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import audioop
import numpy as np
import soxr

from app.simulator.callscript import Say, Script, ScriptError

RATE = 8000
FRAME_BYTES = 160
SHIPPED = Path(__file__).parent / "recorded"
ONSET_DB = -40.0  # where a line begins and ends to sound


class Voice(Protocol):
    def speak(self, text: str) -> bytes:
        """Blocking. PCM16 little-endian, mono, 8 kHz."""
        ...


class FliteVoice:
    """Speaks by the `flite` program."""

    def __init__(self, name: str = "rms") -> None:
        self._name = name

    def speak(self, text: str) -> bytes:
        command = ["flite", "-voice", self._name, "-t", text, "-o", "/dev/stdout"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=30)
        return pcm_of_wav(done.stdout)


class SilentVoice:
    """Takes about as long as speech would, and says nothing: for load and for tests of everything but sound."""

    def speak(self, text: str) -> bytes:
        return bytes(2 * RATE * max(1, len(text.split())) // 3)


def default_voice() -> Voice:
    """flite's rms, else the product's own offline voice. Raises ScriptError when the machine has none."""
    if shutil.which("flite"):
        return FliteVoice()
    return OfflineVoice()


class OfflineVoice:
    """Speaks by the offline engine's own voice, whatever that is on this machine."""

    def speak(self, text: str) -> bytes:
        from app.engines.offline import speak  # imported when needed: it brings a speech program with it

        return speak.say(text, rate=RATE)  # type: ignore[no-any-return, attr-defined, unused-ignore]


@dataclass(frozen=True, slots=True)
class Clip:
    """A line ready to go out: mu-law in frames of 20 ms, as base64 too, and where its sound begins and ends."""

    frames: tuple[bytes, ...]
    payloads: tuple[str, ...]
    onset_ms: int  # first sample over -40 dBFS
    sounds_until_ms: int  # end of the last sample over it

    @property
    def duration_ms(self) -> int:
        return 20 * len(self.frames)

    @classmethod
    def of_pcm(cls, pcm: bytes) -> Self:
        onset, end = sounding(pcm)
        mulaw = audioop.lin2ulaw(pcm, 2)
        mulaw += b"\xff" * (-len(mulaw) % FRAME_BYTES)
        frames = tuple(mulaw[i : i + FRAME_BYTES] for i in range(0, len(mulaw), FRAME_BYTES))
        return cls(frames, tuple(base64.b64encode(frame).decode() for frame in frames), onset, end)


def sounding(pcm: bytes) -> tuple[int, int]:
    """First and last ms over -40 dBFS of PCM16 at 8 kHz; (0, 0) when none is."""
    threshold = int(32_768 * 10 ** (ONSET_DB / 20))
    step = 16  # bytes of one millisecond
    loud = [i for i in range(0, len(pcm), step) if audioop.max(pcm[i : i + step], 2) > threshold]
    return (loud[0] // step, loud[-1] // step + 1) if loud else (0, 0)


def slug(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower().replace("'", "")))


def prepare(script: Script, voice: Voice | None = None, folder: Path = SHIPPED) -> dict[Say, Clip]:
    """Every line of the script as sound. Blocking. Raises `ScriptError` for a line that cannot be had."""
    return {line: Clip.of_pcm(_sound(line, script, voice, folder)) for line in script.lines}


def ship(texts: Iterable[str], folder: Path, voice: Voice) -> list[Path]:
    """Record lines into a folder, so that they need no voice any more."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for text in texts:
        path = folder / f"{slug(text)}.wav"
        path.write_bytes(wav_of_pcm(voice.speak(text)))
        paths.append(path)
    return paths


def _sound(line: Say, script: Script, voice: Voice | None, folder: Path) -> bytes:
    try:
        if line.is_file:
            return pcm_of_wav(((script.folder or Path()) / line.line).read_bytes())
        shipped = folder / f"{slug(line.line)}.wav"
        if shipped.is_file():
            return pcm_of_wav(shipped.read_bytes())
        return (voice or default_voice()).speak(line.line)
    except (OSError, ValueError, ImportError, subprocess.SubprocessError) as error:
        raise ScriptError(f'"{line.line}" cannot be made into sound: {error}') from None


def pcm_of_wav(data: bytes) -> bytes:
    """PCM16 mono 8 kHz of a WAV file (PCM of 8 or 16 bits, or mu-law). Raises ValueError when it is something else."""
    try:
        with wave.open(io.BytesIO(data)) as wav:
            width, channels, rate = wav.getsampwidth(), wav.getnchannels(), wav.getframerate()
            # A program that writes to a pipe cannot know the length: take what is there.
            pcm = wav.readframes(len(data))
    except (wave.Error, EOFError) as error:
        if "unknown format: 7" in str(error):
            return _pcm_of_mulaw_wav(data)
        raise ValueError(f"not a WAV file that can be played: {error}") from None
    if width == 1:
        pcm, width = audioop.bias(pcm, 1, -128), 1
    if width != 2:
        pcm = audioop.lin2lin(pcm, width, 2)
    if channels == 2:
        pcm = audioop.tomono(pcm, 2, 0.5, 0.5)
    return pcm if rate == RATE else resampled(pcm, rate)


def resampled(pcm: bytes, rate: int) -> bytes:
    samples: bytes = soxr.resample(np.frombuffer(pcm, "<i2"), rate, RATE, quality="VHQ").astype("<i2").tobytes()
    return samples


def _pcm_of_mulaw_wav(data: bytes) -> bytes:
    place = data.find(b"data", 12)
    if place < 0:
        raise ValueError("not a WAV file that can be played: it has no data")
    return audioop.ulaw2lin(data[place + 8 : place + 8 + int.from_bytes(data[place + 4 : place + 8], "little")], 2)


def wav_of_pcm(pcm: bytes, channels: int = 1) -> bytes:
    """A WAV file of PCM16 at 8 kHz."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(pcm)
    return buffer.getvalue()


def stereo_wav(left_mulaw: bytes, right_mulaw: bytes) -> bytes:
    """Two tracks of mu-law, the shorter one filled with silence, as one stereo WAV of PCM16 at 8 kHz."""
    size = max(len(left_mulaw), len(right_mulaw))
    left, right = (audioop.ulaw2lin(track.ljust(size, b"\xff"), 2) for track in (left_mulaw, right_mulaw))
    both = audioop.add(audioop.tostereo(left, 2, 1, 0), audioop.tostereo(right, 2, 0, 1), 2)
    return wav_of_pcm(both, channels=2)


def durations(clips: Mapping[Say, Clip]) -> dict[Say, int]:
    return {line: clip.duration_ms for line, clip in clips.items()}
