"""Sounds made of numbers: tones, call progress signals, noise; and the detectors that find a tone again.

Every maker gives int16 samples of `ms` milliseconds. A level is in dBFS of its RMS against a full-scale square wave, so
a sine that just touches full scale has -3 dBFS. Noise is the same for the same seed.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

type Samples = NDArray[np.int16]
type Floats = NDArray[np.floating]

RATE = 8_000
FULL_SCALE = 32_768.0

_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_KEYPAD = ("123A", "456B", "789C", "*0#D")
DTMF = {key: (_ROWS[r], _COLUMNS[c]) for r, row in enumerate(_KEYPAD) for c, key in enumerate(row)}

# Call progress: frequencies, ms on, ms off (off 0: without a break).
SIGNALS: dict[str, tuple[tuple[int, ...], int, int]] = {
    "dial": ((350, 440), 1_000, 0),
    "ring": ((440, 480), 2_000, 4_000),
    "busy": ((480, 620), 500, 500),
    "reorder": ((480, 620), 250, 250),
    "dial_eu": ((425,), 1_000, 0),
    "busy_eu": ((425,), 480, 480),
    "fax": ((1_100,), 500, 3_000),
}


def level(samples: Samples) -> float:
    """RMS in dBFS; -inf for digital silence."""
    return to_db(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0)


def to_db(rms: float) -> float:
    return 20 * float(np.log10(rms / FULL_SCALE)) if rms > 0 else float("-inf")


def from_db(dbfs: float) -> float:
    """The RMS, in steps of 16 bits, of a level in dBFS."""
    return FULL_SCALE * float(10.0 ** (dbfs / 20))


def to_samples(sound: Floats) -> Samples:
    """Rounded, and cut off at the limits of 16 bits."""
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def at_level(sound: Floats, dbfs: float) -> Samples:
    """`sound` brought to an RMS of `dbfs`; silence stays silence."""
    rms = float(np.sqrt(np.mean(np.square(sound)))) if sound.size else 0.0
    return to_samples(sound * (from_db(dbfs) / rms)) if rms else to_samples(sound)


def mix(*sounds: Samples) -> Samples:
    """The sum; the shorter ones end in silence."""
    total = np.zeros(max(len(sound) for sound in sounds))
    for sound in sounds:
        total[: len(sound)] += sound
    return to_samples(total)


def silence(ms: int, rate: int = RATE) -> Samples:
    return np.zeros(ms * rate // 1000, np.int16)


def chord(frequencies: Sequence[float], ms: int, dbfs: float = -20.0, rate: int = RATE) -> Samples:
    """Sines of equal strength, `dbfs` together."""
    at = np.arange(ms * rate // 1000) / rate
    each = from_db(dbfs) * np.sqrt(2 / len(frequencies))
    return to_samples(each * np.sum([np.sin(2 * np.pi * hz * at) for hz in frequencies], axis=0))


def sine(hz: float, ms: int, dbfs: float = -20.0, rate: int = RATE) -> Samples:
    return chord([hz], ms, dbfs, rate)


def dtmf(keys: str, on_ms: int = 100, off_ms: int = 100, dbfs: float = -13.0, rate: int = RATE) -> Samples:
    """The keys, each followed by a pause."""
    pause = silence(off_ms, rate)
    return np.concatenate([part for key in keys for part in (chord(DTMF[key], on_ms, dbfs, rate), pause)])


def signal(name: str, ms: int, dbfs: float = -20.0, rate: int = RATE) -> Samples:
    """A call progress signal of `SIGNALS`, from the beginning of its cadence."""
    frequencies, on, off = SIGNALS[name]
    sound = chord(frequencies, ms, dbfs, rate)
    at_ms = np.arange(len(sound)) * 1000 // rate
    return np.where(at_ms % (on + off) < on, sound, 0).astype(np.int16)


def white(ms: int, dbfs: float = -40.0, seed: int = 0, rate: int = RATE) -> Samples:
    return at_level(np.random.default_rng(seed).standard_normal(ms * rate // 1000), dbfs)


def pink(ms: int, dbfs: float = -40.0, seed: int = 0, rate: int = RATE) -> Samples:
    """3 dB less for every octave up, from 50 Hz: ventilation, traffic."""
    return at_level(_shaped(ms, seed, rate, lambda hz: np.maximum(hz, 50.0) ** -0.5), dbfs)


def babble(ms: int, dbfs: float = -40.0, seed: int = 0, rate: int = RATE, talkers: int = 24) -> Samples:
    """A room of people: noise with the spectrum of speech, each talker's rising and falling in syllables and pauses."""
    carrier = _shaped(ms, seed, rate, _speech_spectrum)
    each = np.random.default_rng([seed, 1]).spawn(talkers)
    shifts = [len(carrier) * talker // talkers for talker in range(talkers)]
    total = np.zeros(len(carrier))
    for talker, shift in zip(each, shifts, strict=True):
        total += np.roll(carrier, shift) * _syllables(len(carrier), rate, talker)
    return at_level(total, dbfs)


def _shaped(ms: int, seed: int, rate: int, gain: Callable[[Floats], Floats]) -> Floats:
    count = ms * rate // 1000
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    shaped: Floats = np.fft.irfft(spectrum * gain(np.fft.rfftfreq(count, 1 / rate)), count)
    return shaped


def _speech_spectrum(hz: Floats) -> Floats:
    """The long-term average of speech, roughly: nothing under 100 Hz, level to 500 Hz, then 9 dB less an octave."""
    return np.where(hz < 100, 0.0, np.maximum(hz, 500.0) ** -1.5)


def _syllables(count: int, rate: int, random: np.random.Generator) -> Floats:
    """A talker's loudness: a new value every 120 ms, spread by 5 dB, silent two fifths of the time for 1.2 s on end."""
    points = count * 1000 // (rate * 120) + 2
    loudness = 10 ** (5 * random.standard_normal(points) / 20)
    talking = np.repeat(random.random(points // 10 + 1) < 0.6, 10)[:points]
    step = rate * 120 / 1000
    return np.interp(np.arange(count), np.arange(points) * step, loudness * talking)


def goertzel(samples: Samples, hz: float, rate: int = RATE) -> float:
    """Level in dBFS of the one sine at `hz` that fits best; exact where the samples hold whole periods of it."""
    turned = samples * np.exp(-2j * np.pi * hz / rate * np.arange(len(samples)))
    return to_db(float(abs(turned.mean())) * np.sqrt(2))


def dtmf_key(samples: Samples, rate: int = RATE) -> str | None:
    """The key whose two tones make up nearly all of `samples` (at least 20 ms, over -60 dBFS), else None."""
    if level(samples) < -60:
        return None
    row = max(_ROWS, key=lambda hz: goertzel(samples, hz, rate))
    column = max(_COLUMNS, key=lambda hz: goertzel(samples, hz, rate))
    low, high = goertzel(samples, row, rate), goertzel(samples, column, rate)
    both = 10 * np.log10(10 ** (low / 10) + 10 ** (high / 10))
    if abs(low - high) > 8 or both < level(samples) - 2:
        return None
    return _KEYPAD[_ROWS.index(row)][_COLUMNS.index(column)]
