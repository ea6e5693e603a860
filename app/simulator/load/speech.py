"""What load callers say: shipped recordings of speech over faint line noise, cut to the length that is asked for,
ready to be sent as base64 frames."""

import base64
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from app.audio import g711
from app.simulator import voices

RATE = 8_000
FRAME_MS = 20
FRAME = RATE * FRAME_MS // 1000  # samples, and bytes of mu-law
ONSET_LEVEL = 327  # -40 dBFS
NOISE_RMS = 16  # -66 dBFS
_GAP = RATE * 40 // 1000
_FADE = RATE * 5 // 1000

type Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Utterance:
    """Frames of 20 ms; first and last sample over -40 dBFS, in samples from its beginning."""

    payloads: tuple[str, ...]
    first_sound: int
    last_sound: int


@dataclass(frozen=True, slots=True)
class Speech:
    """A caller's whole vocabulary."""

    utterances: tuple[Utterance, ...]
    silence: tuple[str, ...]  # the line's own noise, in a circle


def speech(length_ms: int) -> Speech:
    """Utterances of `length_ms`: each shipped line opens one, and each begins elsewhere in its first frame."""
    return Speech(
        tuple(_utterance(length_ms, number) for number in range(len(_talk()))),
        tuple(_payloads(_noise(FRAME * 50, seed=1))),
    )


@cache
def _talk() -> tuple[Samples, ...]:
    """The shipped lines without the silence around them."""
    lines = []
    for text in voices.lines():
        pcm = np.frombuffer(voices.line(text) or b"", "<i2")
        loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > ONSET_LEVEL)
        lines.append(pcm[loud[0] : loud[-1] + 1])
    return tuple(lines)


def _utterance(length_ms: int, number: int) -> Utterance:
    lines = _talk()
    lines = lines[number:] + lines[:number]
    wanted = length_ms * RATE // 1000
    gap = np.zeros(_GAP, np.int16)
    joined = np.concatenate([part for line in lines for part in (line, gap)])
    joined = np.tile(joined, -(-wanted // len(joined)))[:wanted].astype(np.float64)
    joined[-_FADE:] *= np.linspace(1, 0, _FADE)
    lead = number * 37 % FRAME  # so that onsets fall anywhere in a frame
    sound = np.concatenate([np.zeros(lead), joined])
    sound = np.concatenate([sound, np.zeros(-len(sound) % FRAME)])
    return _ready((sound + _noise(len(sound), seed=number)).clip(-32_768, 32_767).astype("<i2"))


def _ready(samples: Samples) -> Utterance:
    as_heard = np.frombuffer(g711.decode(g711.encode(samples.tobytes())), "<i2").astype(np.int32)
    loud = np.flatnonzero(np.abs(as_heard) > ONSET_LEVEL)
    return Utterance(tuple(_payloads(samples)), int(loud[0]), int(loud[-1]))


def _noise(count: int, seed: int) -> Samples:
    return np.random.default_rng(seed).normal(0, NOISE_RMS, count).astype("<i2")


def _payloads(samples: Samples) -> list[str]:
    mulaw = g711.encode(samples.tobytes())
    return [base64.b64encode(mulaw[at : at + FRAME]).decode("ascii") for at in range(0, len(mulaw), FRAME)]
