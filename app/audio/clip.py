"""Recorded sound: WAV files in and out, loudness, silence at the ends, and the resampling that has time to be perfect.

Nothing here belongs on the path of a live frame.
"""

import struct
from dataclasses import dataclass, replace
from pathlib import Path

import audioop
import numpy as np
import soxr
from numpy.typing import NDArray

from app.audio import g711
from app.audio.tones import FULL_SCALE, Samples, from_db, to_db, to_samples

_PCM, _MULAW, _EXTENSIBLE = 1, 7, 0xFFFE


class BadWav(ValueError):
    """The bytes are no WAV that we can read; the file is at fault."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Sound with its rate. `samples` is int16, of shape (n,) for mono and (n, channels) for more."""

    rate: int
    samples: Samples

    @property
    def channels(self) -> int:
        return 1 if self.samples.ndim == 1 else self.samples.shape[1]

    @property
    def ms(self) -> int:
        return len(self.samples) * 1000 // self.rate

    @property
    def pcm(self) -> bytes:
        """PCM16 little-endian, channels interleaved."""
        return self.samples.astype("<i2").tobytes()

    def mono(self) -> "Clip":
        if self.channels == 1:
            return self
        return replace(self, samples=to_samples(self.samples.mean(axis=1)))


def stereo(left: Clip, right: Clip) -> Clip:
    """Two mono clips of one rate side by side; the shorter ends in silence."""
    if left.rate != right.rate:
        raise ValueError(f"{left.rate} Hz beside {right.rate} Hz")
    samples = np.zeros((max(len(left.samples), len(right.samples)), 2), np.int16)
    samples[: len(left.samples), 0] = left.samples
    samples[: len(right.samples), 1] = right.samples
    return Clip(left.rate, samples)


def from_pcm(pcm: bytes, rate: int) -> Clip:
    return Clip(rate, np.frombuffer(pcm, "<i2").astype(np.int16))


def from_mulaw(mulaw: bytes) -> Clip:
    return from_pcm(g711.decode(mulaw), 8_000)


def to_mulaw(clip: Clip) -> bytes:
    """As the telephone carries it: mono, 8000 Hz."""
    return g711.encode(resample(clip.mono(), 8_000).pcm)


def resample(clip: Clip, rate: int) -> Clip:
    """soxr's best, without delay: as long as before, to the sample."""
    if clip.rate == rate:
        return clip
    return Clip(rate, soxr.resample(clip.samples, clip.rate, rate, quality="VHQ"))


def loudness(clip: Clip) -> float:
    """Active level in dBFS (RMS): the mean over the 20 ms frames less than 25 dB below the loudest one."""
    power = _frame_power(clip.mono())
    active = power[power > power.max(initial=0.0) * 10**-2.5]
    return to_db(float(np.sqrt(active.mean()))) if active.size else float("-inf")


def levelled(clip: Clip, dbfs: float = -20.0, peak: float = -1.0) -> Clip:
    """Brought to a loudness of `dbfs`, or as near as the highest peak may go. Digital silence stays as it is."""
    highest = int(np.abs(clip.samples.astype(np.int32)).max(initial=0))
    if not highest:
        return clip
    gain = min(from_db(dbfs) / from_db(loudness(clip)), from_db(peak) / highest)
    return replace(clip, samples=to_samples(clip.samples * gain))


def trimmed(clip: Clip, below: float = -50.0, keep_ms: int = 20) -> Clip:
    """Without what lies before the first and after the last sample over `below` dBFS, but for `keep_ms` at each end."""
    if not clip.samples.size:
        return clip
    over = np.abs(clip.samples.astype(np.int32)).reshape(len(clip.samples), -1).max(axis=1) > from_db(below)
    if not over.any():
        return replace(clip, samples=clip.samples[:0])
    keep = keep_ms * clip.rate // 1000
    first, last = int(over.argmax()), len(over) - int(over[::-1].argmax())
    return replace(clip, samples=clip.samples[max(0, first - keep) : last + keep])


def longest_pause(clip: Clip, below: float = -40.0) -> int:
    """Ms of the longest silence between two sounds. Silent is what stays `below` dB under the clip's own loudness."""
    mono = clip.mono()
    floor = from_db(loudness(mono) + below)
    sounding = np.flatnonzero(np.sqrt(_frame_power(mono)) > floor)
    return int(np.diff(sounding).max(initial=1) - 1) * 20


def read_wav(path: Path) -> Clip:
    """A WAV file of 8, 16, 24 or 32 bit PCM, floats, mu-law or A-law. Raises `BadWav`."""
    return parse_wav(path.read_bytes())


def write_wav(path: Path, clip: Clip, mulaw: bool = False) -> None:
    path.write_bytes(wav_bytes(clip, mulaw))


def parse_wav(data: bytes) -> Clip:
    """As `read_wav`. Chunks we do not know are passed over; a data chunk cut short gives what is there."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadWav("no RIFF/WAVE header")
    header, at = b"", 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            header = body
        elif name == b"data":
            return _decoded(header, body)
        at += 8 + size + size % 2
    raise BadWav("no data chunk")


def wav_bytes(clip: Clip, mulaw: bool = False) -> bytes:
    """A WAV file: PCM16, or mu-law (one byte a sample) at the clip's own rate."""
    body = g711.encode(clip.pcm) if mulaw else clip.pcm
    kind, width = (_MULAW, 1) if mulaw else (_PCM, 2)
    block = clip.channels * width
    header = struct.pack("<HHIIHH", kind, clip.channels, clip.rate, clip.rate * block, block, width * 8)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(body)) + body
    chunks += b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _decoded(header: bytes, body: bytes) -> Clip:
    if len(header) < 16:
        raise BadWav("no format before the data")
    kind, channels, rate, _, block, bits = struct.unpack("<HHIIHH", header[:16])
    if kind == _EXTENSIBLE and len(header) >= 26:
        kind = int.from_bytes(header[24:26], "little")
    if not channels or not rate or block != channels * (bits // 8):
        raise BadWav(f"{channels} channels of {bits} bits in blocks of {block} at {rate} Hz")
    body = body[: len(body) // block * block]
    samples = _samples(kind, bits // 8, body)
    return Clip(rate, samples if channels == 1 else samples.reshape(-1, channels))


def _samples(kind: int, width: int, body: bytes) -> Samples:
    match kind, width:
        case (1, 1):  # eight bits are the one unsigned size
            pcm = audioop.lin2lin(audioop.bias(body, 1, -128), 1, 2)
        case (1, 2 | 3 | 4):
            pcm = audioop.lin2lin(body, width, 2)
        case (3, 4 | 8):
            floats: NDArray[np.floating] = np.frombuffer(body, f"<f{width}")
            return to_samples(floats.astype(np.float64) * FULL_SCALE)
        case (6, 1):
            pcm = audioop.alaw2lin(body, 2)
        case (7, 1):
            pcm = audioop.ulaw2lin(body, 2)
        case _:
            raise BadWav(f"format {kind} with {width} bytes a sample")
    return np.frombuffer(pcm, "<i2").astype(np.int16)


def _frame_power(clip: Clip) -> NDArray[np.float64]:
    frame = clip.rate // 50
    whole = clip.samples[: len(clip.samples) // frame * frame] if len(clip.samples) >= frame else clip.samples
    power = np.square(whole.astype(np.float64))
    return power.reshape(-1, frame).mean(axis=1) if len(clip.samples) >= frame else power
