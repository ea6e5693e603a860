"""Changing the sample rate of live audio: a stateful polyphase FIR filter, 2 ms late at most.

Theory. Going from one rate to another is: put L - 1 zeros after every sample, low-pass, keep every M-th sample (L/M
being the ratio in lowest terms). A linear-phase low-pass of 2c + 1 taps is late by c samples of the virtual rate
`rate_in * L`, so c is the largest odd number that stays under 2 ms; where the slower side runs at 8 kHz, 2 ms buy
70 dB from 5.0 kHz with less than 0.5 dB lost at 3.4 kHz. (An odd c makes the 8 <-> 16 kHz filter a true half-band:
every other tap is zero.)

All taps that meet in the outputs of a block of 2.5 ms stand in the columns of a small banded matrix; a frame of 20 ms
is then eight overlapping windows of one buffer times that matrix. One call of numpy does what a loop over samples
would, and multiplying by the zeros costs less than leaving them out.

Taps are multiples of 2**-24 and samples are integers, so every sum is exact in double precision, in whatever order it
is added: any cutting of a stream into pieces gives the same samples, on any machine.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import gcd

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

_BLOCKS = 8  # in a frame of 20 ms
_GRAIN = 2.0**24
_KAISER = 7.2  # the window's beta: about 74 dB


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """All that resamplers between the same two rates share; read only."""

    group: int  # M: samples in that make a whole number of samples out
    step: int  # samples in of one block
    history: int  # samples of the past a block looks back on
    matrix: Floats  # (history + step, samples out of one block)
    floor: Floats  # the limits of 16 bits in the shape of a frame of output: faster than scalars
    ceiling: Floats


@cache
def design_of(rate_in: int, rate_out: int) -> Design:
    """Taps and matrix for two rates in Hz, each a multiple of 400 from 8000 to 48000, else `ValueError`."""
    for rate in (rate_in, rate_out):
        if rate % 400 or not 8_000 <= rate <= 48_000:
            raise ValueError(f"{rate} Hz is not a multiple of 400 between 8000 and 48000")
    common = gcd(rate_in, rate_out)
    gain, group = rate_out // common, rate_in // common
    taps = low_pass(rate_in * gain, min(rate_in, rate_out) / 2) * gain
    taps = np.round(taps * _GRAIN) / _GRAIN
    step = rate_in // 400
    history = -(-(len(taps) - 1) // gain)
    matrix = np.zeros((history + step, rate_out // 400))
    for out in range(matrix.shape[1]):
        for window in range(matrix.shape[0]):
            tap = out * group - (window - history) * gain
            if 0 <= tap < len(taps):
                matrix[window, out] = taps[tap]
    frame = np.ones((_BLOCKS, matrix.shape[1]))
    return Design(group, step, history, matrix, frame * -32768, frame * 32767)


def low_pass(rate: int, cutoff: float) -> Floats:
    """Taps of a linear-phase low-pass, -6 dB at `cutoff` Hz and 1 at 0 Hz, late by less than 2 ms at `rate` Hz."""
    late = (rate // 500 - 1) | 1
    at = np.arange(-late, late + 1)
    taps = np.sinc(at * 2 * cutoff / rate) * np.kaiser(2 * late + 1, _KAISER)
    return taps / taps.sum()


class Resampler:
    """PCM16 mono at `rate_in` Hz to PCM16 mono at `rate_out` Hz; both multiples of 400, from 8000 to 48000.

    n samples in give n * rate_out / rate_in out at once. Where that is no whole number (24 -> 8 kHz makes one of
    three), the samples over wait for the next push. Equal rates pass through untouched.
    """

    __slots__ = ("_design", "_out", "_same", "_waiting", "_windows", "_x")

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self._design = design = design_of(rate_in, rate_out)
        self._same = rate_in == rate_out
        width, outputs = design.matrix.shape
        self._x: Floats = np.zeros(design.history + design.step * _BLOCKS)
        self._windows = as_strided(self._x, (_BLOCKS, width), (design.step * 8, 8))
        self._out: Floats = np.zeros((_BLOCKS, outputs))
        self._waiting = 0  # samples behind the history that fill no group yet

    def push(self, pcm: bytes) -> bytes:
        """All that can be said now of `pcm`, which is whole samples. A burst is taken 20 ms at a time."""
        if self._same:
            return pcm
        samples = np.frombuffer(pcm, "<i2")
        room = len(self._x) - self._design.history - self._waiting
        if len(samples) <= room:
            return self._filter(samples)
        cuts = [0, *range(room, len(samples), self._design.step * _BLOCKS), len(samples)]
        return b"".join(self._filter(samples[start:end]) for start, end in pairwise(cuts))

    def reset(self) -> None:
        """Forget all sound so far: the next sample is heard after silence."""
        self._x.fill(0.0)
        self._waiting = 0

    def _filter(self, samples: NDArray[np.int16]) -> bytes:
        design, x, out = self._design, self._x, self._out
        filled = design.history + self._waiting + len(samples)
        x[design.history + self._waiting : filled] = samples
        waiting = (filled - design.history) % design.group
        used = filled - design.history - waiting
        # Blocks beyond `used` are computed from what an older frame left there, and thrown away.
        np.matmul(self._windows, design.matrix, out=out)
        np.rint(out, out=out)
        np.maximum(out, design.floor, out=out)
        np.minimum(out, design.ceiling, out=out)
        x[: design.history + waiting] = x[used:filled]
        self._waiting = waiting
        heard = out.astype("<i2").tobytes()
        whole = used * design.matrix.shape[1] // design.step * 2
        return heard if whole == len(heard) else heard[:whole]
