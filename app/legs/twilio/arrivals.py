"""How punctually the caller's frames come, told once a second by the carrier's own count (`chunk`) and clock
(`timestamp`, ms since the stream's start). Pure; for 49 frames of 50 it costs a comparison.
"""

import re
from math import inf

from app.legs.leg import LineMeasured

EVERY = 50  # frames: a second
HEAD = 256  # characters of a message in which the carrier's figures stand
CLOCKS_APART_MS = 0.1  # a second: how much faster ours may run than the carrier's

_CHUNK = re.compile(r'"chunk"\s*:\s*"(\d{1,15})"')
_TIMESTAMP = re.compile(r'"timestamp"\s*:\s*"(\d{1,15})"')


class Arrivals:
    """One stream's. Delay is how much later a frame came than the most punctual one until now; nobody knows the way's
    own length."""

    def __init__(self, leg: int) -> None:
        self._leg = leg
        self._at_s = inf
        self._widest_s = 0.0
        self._frames = EVERY - 1  # the first frame is read, to count from
        self._chunk: int | None = None
        self._best_ms = inf

    def frame(self, now_s: float, text: str) -> LineMeasured | None:
        """One `media` message came now."""
        gap_s, self._at_s = now_s - self._at_s, now_s
        if gap_s > self._widest_s:
            self._widest_s = gap_s
        self._frames += 1
        return None if self._frames < EVERY else self._read(now_s, text[:HEAD])

    def _read(self, now_s: float, head: str) -> LineMeasured | None:
        frames, self._frames = self._frames, 0
        widest_s, self._widest_s = self._widest_s, 0.0
        chunk, timestamp = _CHUNK.search(head), _TIMESTAMP.search(head)
        if chunk is None or timestamp is None:
            return None
        before, self._chunk = self._chunk, int(chunk[1])
        way_ms = now_s * 1000 - int(timestamp[1])
        self._best_ms = min(self._best_ms + CLOCKS_APART_MS, way_ms)
        if before is None:
            return None
        missing = max(0, self._chunk - before - frames)
        return LineMeasured(self._leg, widest_s, (way_ms - self._best_ms) / 1000, missing)
