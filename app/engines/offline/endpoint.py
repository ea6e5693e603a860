"""Where speech begins, pauses and ends, by loudness alone. Pure: time is counted in audio pushed.

A frame is loud when it stands well above the quietest of the last three seconds and above a fixed floor that keeps out
the echo of our own voice. Speech begins with three loud frames out of five. A short pause ends a **phrase**, so that
its words can be worked out while we wait whether the caller goes on; the longer pause given by the user ends the
**turn**.
"""

from collections import deque
from dataclasses import dataclass
from math import log10

import audioop

FRAME_MS = 20
LEAST_DBFS = -36.0
MOST_DBFS = -30.0  # in noise louder than this we hear nothing rather than everything
ABOVE_NOISE_DB = 12.0
HYSTERESIS_DB = 8.0  # a sound that has begun is followed down to here
NOISE_FRAMES = 150
ONSET_FRAMES, ONSET_WINDOW = 3, 5
BEFORE_ONSET_MS = 300  # kept, since words begin softer than they are
PHRASE_PAUSE_MS = 400
LONGEST_PHRASE_MS = 15_000  # a noise that never ends must not fill the recogniser


@dataclass(frozen=True, slots=True)
class Began:
    offset_ms: int


@dataclass(frozen=True, slots=True)
class Voice:
    """Audio of the phrase that is open."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class PhraseEnded:
    """No more audio belongs to the phrase."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    offset_ms: int  # end of the last loud frame
    detected_ms: int


type Mark = Began | Voice | PhraseEnded | TurnEnded


class Endpointer:
    """Push PCM16 mono at `rate` Hz in pieces of any length; get what happened, in order."""

    def __init__(self, rate: int, endpointing_ms: int) -> None:
        self._frame_bytes = rate * FRAME_MS // 1000 * 2
        self._endpointing_ms = endpointing_ms
        self._phrase_pause_ms = min(PHRASE_PAUSE_MS, endpointing_ms)
        self._rest = b""
        self._now_ms = 0
        self._levels: deque[float] = deque(maxlen=NOISE_FRAMES)
        self._loud: deque[bool] = deque(maxlen=ONSET_WINDOW)
        self._before: deque[bytes] = deque(maxlen=BEFORE_ONSET_MS // FRAME_MS)
        self._in_turn = False
        self._phrase_ms: int | None = None  # length of the open phrase
        self._last_loud_ms = 0

    @property
    def in_turn(self) -> bool:
        """True from the onset to the end of the caller's turn."""
        return self._in_turn

    def push(self, pcm: bytes) -> list[Mark]:
        data = self._rest + pcm
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        marks: list[Mark] = []
        for at in range(0, whole, self._frame_bytes):
            marks += self._frame(data[at : at + self._frame_bytes])
        return marks

    def _frame(self, frame: bytes) -> list[Mark]:
        level = dbfs(frame)
        onset = self._threshold()
        self._levels.append(level)
        self._now_ms += FRAME_MS
        self._loud.append(level > onset)
        if self._phrase_ms is None:
            self._before.append(frame)
            return self._maybe_begin()
        return self._go_on(frame, level > onset - HYSTERESIS_DB)

    def _threshold(self) -> float:
        quietest = min(self._levels, default=LEAST_DBFS)
        return min(MOST_DBFS, max(LEAST_DBFS, quietest + ABOVE_NOISE_DB))

    def _maybe_begin(self) -> list[Mark]:
        if sum(self._loud) < ONSET_FRAMES:
            return self._maybe_end_turn()
        marks: list[Mark] = []
        if not self._in_turn:
            first = list(self._loud).index(True)
            marks.append(Began(self._now_ms - (len(self._loud) - first) * FRAME_MS))
        marks.append(Voice(b"".join(self._before)))
        self._phrase_ms = len(self._before) * FRAME_MS
        self._in_turn = True
        self._last_loud_ms = self._now_ms
        self._before.clear()
        return marks

    def _go_on(self, frame: bytes, loud: bool) -> list[Mark]:
        assert self._phrase_ms is not None
        self._phrase_ms += FRAME_MS
        marks: list[Mark] = [Voice(frame)]
        if loud:
            self._last_loud_ms = self._now_ms
        if self._now_ms - self._last_loud_ms >= self._phrase_pause_ms or self._phrase_ms >= LONGEST_PHRASE_MS:
            marks.append(PhraseEnded())
            self._phrase_ms = None
            self._loud.clear()
            marks += self._maybe_end_turn()
        return marks

    def _maybe_end_turn(self) -> list[Mark]:
        if not self._in_turn or self._now_ms - self._last_loud_ms < self._endpointing_ms:
            return []
        self._in_turn = False
        return [TurnEnded(self._last_loud_ms, self._now_ms)]


def dbfs(frame: bytes) -> float:
    """RMS of PCM16 in dB below full scale; digital silence is -96."""
    rms = audioop.rms(frame, 2)
    return 20 * log10(rms / 32768) if rms else -96.0
