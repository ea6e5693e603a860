"""The recorded voices, and small doings that the tests of this room share."""

from functools import cache
from pathlib import Path

import numpy as np

from app.audio.clip import read_wav
from app.audio.labelled import prepared
from app.audio.tones import Samples

VOICES = ("rms", "slt")


@cache
def utterances(voice: str) -> tuple[Samples, ...]:
    """The twenty utterances of a voice, mono int16 at 8000 Hz."""
    files = sorted((Path(__file__).parent / "voices").glob(f"{voice}-*.wav"))
    return tuple(prepared(read_wav(file) for file in files))


def pcm_of(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()


def samples_of(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.int16)


def pieces(audio: bytes, sizes: list[int]) -> list[bytes]:
    """`audio` cut into pieces of these sizes, over and over."""
    cut, at, turn = [], 0, 0
    while at < len(audio):
        size = sizes[turn % len(sizes)]
        cut.append(audio[at : at + size])
        at, turn = at + size, turn + 1
    return cut
