"""Audio for a scripted voice: a tone, a recording, or something with the rhythm of speech and no silence in it."""

import math
import wave
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr

SECONDS_A_CHARACTER = 0.06
LEVEL = 0.25  # of full scale
_FADE_S = 0.005


def speaking_time(text: str) -> float:
    """Seconds that a text takes to say."""
    return max(0.3, len(text) * SECONDS_A_CHARACTER)


@lru_cache(maxsize=256)
def tone(frequency: float, seconds: float, rate: int) -> bytes:
    """A sine as PCM16, faded at both ends so that it does not click."""
    moments = np.arange(round(seconds * rate)) / rate
    return _pcm(np.sin(2 * math.pi * frequency * moments), rate)


@lru_cache(maxsize=256)
def babble(seconds: float, rate: int) -> bytes:
    """Speech-like PCM16: a voice's harmonics under wandering formants, four syllables a second, never silent."""
    moments = np.arange(round(seconds * rate)) / rate
    pitch = 2 * math.pi * np.cumsum(125 + 15 * np.sin(2 * math.pi * 0.7 * moments)) / rate
    formant = 700 + 350 * np.sin(2 * math.pi * 1.9 * moments)
    voice = np.zeros_like(moments)
    for harmonic in range(1, min(24, int(rate / 2 / 150))):
        near = 1 / (1 + ((harmonic * 125 - formant) / 300) ** 2)
        voice += (0.15 + near) * np.sin(harmonic * pitch)
    syllables = 0.4 + 0.6 * np.sin(math.pi * 4 * moments) ** 2
    return _pcm(voice / 4 * syllables, rate)


@lru_cache(maxsize=64)
def recording(path: Path, rate: int) -> bytes:
    """A WAV file (PCM16; its first channel) as PCM16 at `rate`. Raises `OSError`, `wave.Error`."""
    with wave.open(str(path)) as file:
        if file.getsampwidth() != 2:
            raise wave.Error(f"{path} is not 16-bit")
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)[:: file.getnchannels()]
        own_rate = file.getframerate()
    if own_rate != rate:
        samples = soxr.resample(samples, own_rate, rate)
    return np.ascontiguousarray(samples, dtype="<i2").tobytes()


def _pcm(samples: np.ndarray, rate: int) -> bytes:
    fade = min(len(samples) // 2, round(_FADE_S * rate))
    if fade:
        ramp = np.linspace(0, 1, fade)
        samples = samples.copy()
        samples[:fade] *= ramp
        samples[-fade:] *= ramp[::-1]
    pcm: bytes = (np.clip(samples, -1, 1) * LEVEL * 32_767).astype("<i2").tobytes()
    return pcm
