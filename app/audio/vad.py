"""The speech detector: says within 60 ms that the caller began to speak, and afterwards that he stopped.

It hears the line in frames of 20 ms (PCM16, 8000 Hz), each looked at in pieces of 5 ms. Levels are in dB over one step
of 16 bits, so full scale is 90.3. Four ideas:

*Floor.* What the line sounds like when nobody speaks: its level, and how much that level wavers. It follows quiet
frames, and whatever does not let up for 2 or 3 s is floor too. Speech must stand over the floor by a margin that grows
with the wavering: 5 dB over a steady hiss, more in a room full of people.

*Evidence.* Each piece over the threshold adds to it, up to a cap; each piece under it takes away. Loud speech is
believed after four pieces (20 ms), faint speech later, a click of 10 ms never.

*Echo.* What we play comes back, weaker and up to 400 ms later. So the threshold is also the loudest that was played in
those 400 ms, less the loss of the echo's way, and more evidence is asked for. The loss is unknown at first (20 dB is
assumed) and learned from what comes back while nobody interrupts: on a line without echo, interrupting the bot becomes
as easy as speaking into silence.

*Tones.* Keys, dial, ring and busy tones are as sudden as speech, but one or two lines of the spectrum hold all their
energy and there is none at the pitch of a voice. The spectrum is looked at only while evidence grows, so that it costs
nothing on a quiet line.

Time is counted in samples heard; no clock is asked.
"""

from collections import deque
from dataclasses import dataclass
from math import log10

import audioop
import numpy as np

RATE = 8_000
FRAME_MS = 20
FRAME_BYTES = 320

_FULL_SCALE = 90.3  # dB over one step
_FRAME = FRAME_BYTES // 2  # samples
_PIECE = FRAME_BYTES // 4  # bytes of 5 ms
_PIECES = range(0, FRAME_BYTES, _PIECE)
_PIECE_OVER_FRAME = 6.1  # dB: no quarter of a frame is louder than this over the whole

_SETTLING = 8  # frames in which the floor is found and nothing is speech
_LOUDEST_START = 57.0  # dB: more than -33 dBFS at the start is taken for a person, not for the floor
_STILL = 30.0  # dB: -60 dBFS; what is fainter is as good as nothing
_MOST_WAVERING = 4.0  # dB
_WINDOW = 50  # frames: what has not let up for two of these is floor

_ECHO_FRAMES = 20  # 400 ms: the latest echo
_HUSH = 30  # RMS: what we play below this has no echo worth a thought
_LEAST_LOSS, _MOST_LOSS = 14.0, 45.0  # dB
_LOSS_GROWS, _LOSS_FALLS = 0.025, 2.0  # dB a frame, at most

_RECENT_FRAMES = 5
_BINS = 256  # of 31.25 Hz
_HANN = np.hanning(_FRAME)
_LOBE = 4  # bins on either side of a line
_PITCH = 9  # bins up to 265 Hz, where every voice has something
_NO_PITCH, _REST = 10**-2.0, 10**-1.5  # parts of a tone's energy


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """Speech began `ago_ms` before the end of what was heard."""

    ago_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Speech ended `ago_ms` before the end of what was heard, after `spoken_ms` of it."""

    spoken_ms: int
    ago_ms: int


type Edge = SpeechBegan | SpeechStopped


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the detector asks for; dB and ms."""

    hangover_ms: int = 240  # quiet that ends speech
    faintest_dbfs: float = -50.0  # nothing below this is speech
    margin: float = 5.0  # over a steady floor
    wavering: float = 4.0  # times the floor's mean deviation, where that is more
    cap: float = 5.8  # the most that one piece can prove
    proof: float = 18.0  # the evidence that is speech
    proof_over_bot: float = 24.0  # the same while what we play may be echoed
    echo_loss: float = 20.0  # assumed until learned
    echo_margin: float = 5.0  # over the loudest echo expected


class SpeechDetector:
    """One caller's line. Feed it every frame in order, with what was played meanwhile."""

    __slots__ = (
        "_ask",
        "_evidence",
        "_floor",
        "_frames",
        "_heard",
        "_last",
        "_loss",
        "_lowest",
        "_lowest_before",
        "_onset",
        "_played",
        "_recent",
        "_rise",
        "_speaking",
        "_wavering",
    )

    def __init__(self, sensitivity: Sensitivity | None = None) -> None:
        self._ask = sensitivity or Sensitivity()
        self._floor, self._wavering = _STILL, 3.0  # a guess, for the first 160 ms
        self._loss = self._ask.echo_loss
        self._lowest = self._lowest_before = _FULL_SCALE
        self._frames = self._heard = 0
        self._played: deque[int] = deque([0] * _ECHO_FRAMES, _ECHO_FRAMES)
        self._recent: deque[bytes] = deque(maxlen=_RECENT_FRAMES)
        self._evidence = 0.0
        self._rise = self._onset = self._last = (
            0  # in samples heard: evidence began, speech began, speech was last heard
        )
        self._speaking = False

    @property
    def speaking(self) -> bool:
        return self._speaking

    def hear(self, frame: bytes, played_rms: int = 0) -> Edge | None:
        """One frame of the line, and the RMS of the 20 ms that the telephone played meanwhile (steps of 16 bits)."""
        self._heard += _FRAME
        self._frames += 1
        self._recent.append(frame)
        self._played.append(played_rms)
        loudest = max(self._played)
        bot = loudest > _HUSH
        level = _db(audioop.rms(frame, 2))
        threshold = noise = self._over_floor()
        if bot:
            threshold = max(noise, self._over_echo(_db(loudest), level, noise))
        edge = (
            self._await_pause(level, threshold) if self._speaking else self._await_speech(frame, level, threshold, bot)
        )
        self._follow_floor(level, noise, bot)
        return edge

    def _over_floor(self) -> float:
        """What the line must exceed to be more than its own noise."""
        margin = max(self._ask.margin, self._ask.wavering * self._wavering)
        return max(self._floor + margin, self._ask.faintest_dbfs + _FULL_SCALE)

    def _over_echo(self, loudest: float, level: float, noise: float) -> float:
        """What the line must exceed to be more than our own voice.

        The loss is learned from what stays below: an echo louder than expected is believed almost at once, one that
        ought to be heard and is not, slowly, because only the loudest moment of 400 ms comes back as loud as expected.
        """
        echo = loudest - self._loss
        threshold = echo + self._ask.echo_margin
        if self._speaking or level >= max(threshold, noise):
            return threshold
        if level > noise and level > echo:
            self._loss = max(self._loss - min(0.5 * (level - echo), _LOSS_FALLS), _LEAST_LOSS)
        elif threshold > noise:
            self._loss = min(self._loss + _LOSS_GROWS, _MOST_LOSS)
        return threshold

    def _await_speech(self, frame: bytes, level: float, threshold: float, bot: bool) -> SpeechBegan | None:
        if self._frames <= _SETTLING:
            return None
        if level < threshold - _PIECE_OVER_FRAME:
            self._doubt(len(_PIECES))
            return None
        self._weigh(frame, threshold)
        if self._evidence <= 0:
            return None
        if is_tone(frame):
            self._evidence = -2 * self._ask.cap  # the piece of it in the next frame may look like no tone
            return None
        if self._evidence < (self._ask.proof_over_bot if bot else self._ask.proof):
            return None
        self._speaking, self._evidence = True, 0.0
        self._onset, self._last = self._first_sample_over(threshold), self._heard
        return SpeechBegan((self._heard - self._onset) * 1000 // RATE)

    def _weigh(self, frame: bytes, threshold: float) -> None:
        for at in _PIECES:
            over = _db(audioop.rms(frame[at : at + _PIECE], 2)) - threshold
            if over <= 0:
                self._doubt(1)
                continue
            if self._evidence <= 0:
                self._rise = self._heard - _FRAME + at // 2
            self._evidence += min(over / 2 + 1.0, self._ask.cap)

    def _doubt(self, pieces: int) -> None:
        """Quiet pieces bring the evidence back towards nothing."""
        leak = pieces * self._ask.cap / 2
        self._evidence = max(0.0, self._evidence - leak) if self._evidence > 0 else min(0.0, self._evidence + leak)

    def _first_sample_over(self, threshold: float) -> int:
        """Where the evidence began, to the sample: the first whose amplitude is over the threshold."""
        recent = np.frombuffer(b"".join(self._recent), "<i2")
        start = self._heard - len(recent)
        since = max(self._rise, start)
        over = np.abs(recent[since - start :].astype(np.int32)) > 10 ** (threshold / 20)
        return since + int(over.argmax())

    def _await_pause(self, level: float, threshold: float) -> SpeechStopped | None:
        if level > threshold:
            self._last = self._heard
        quiet_ms = (self._heard - self._last) * 1000 // RATE
        if quiet_ms < self._ask.hangover_ms:
            return None
        self._speaking = False
        return SpeechStopped((self._last - self._onset) * 1000 // RATE, quiet_ms)

    def _follow_floor(self, level: float, noise: float, bot: bool) -> None:
        off = max(level, _STILL) - self._floor
        if self._frames <= _SETTLING:
            self._floor = min(self._floor + off / self._frames, _LOUDEST_START)
        elif off < -2 * self._wavering:  # it became quieter, or speech was taken for floor
            self._floor += 0.1 * (off + 2 * self._wavering)
        elif level < noise and not self._speaking and not (bot and off > 0):
            self._floor += 0.05 * off
        if level < noise and not self._speaking and not (bot and abs(off) > self._wavering):
            self._wavering += 0.02 * (min(abs(off), _MOST_WAVERING) - self._wavering)
        self._lowest = min(self._lowest, level)
        if self._frames % _WINDOW == 0:
            self._floor = max(self._floor, min(self._lowest, self._lowest_before))
            self._lowest_before, self._lowest = self._lowest, _FULL_SCALE


def is_tone(frame: bytes) -> bool:
    """Whether one or two lines of the spectrum hold nearly all energy of 20 ms, with none at the pitch of a voice."""
    power = np.square(np.abs(np.fft.rfft(np.frombuffer(frame, "<i2") * _HANN, _BINS)))
    total = power.sum()
    if power[:_PITCH].sum() > total * _NO_PITCH:
        return False
    for _ in range(2):
        peak = int(power.argmax())
        power[max(0, peak - _LOBE) : peak + _LOBE + 1] = 0.0
    return bool(power.sum() < total * _REST)


def _db(rms: int) -> float:
    return 20 * log10(rms) if rms else 0.0
