"""Whether what may be down (a tool, an endpoint) is worth trying. Pure: times are monotonic milliseconds, given.

After some failures in a short time it is left alone for a while, and whoever asks is told so at once instead of
waiting for yet another time limit. Then one run may try it: if that works all may, else the waiting begins again.
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    failures: int = 5  # within ...
    window_ms: int = 60_000
    open_ms: int = 30_000


class Breaker:
    def __init__(self, limits: BreakerLimits | None = None) -> None:
        self._limits = limits or BreakerLimits()
        self._failed_at: deque[int] = deque(maxlen=self._limits.failures)
        self._open_until: int | None = None
        self._probing = False

    def admits(self, now_ms: int) -> bool:
        """May a run begin? A run that was let in must be followed by `succeeded`, `failed` or `abandoned`."""
        if self._open_until is None:
            return True
        if now_ms < self._open_until or self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        self._failed_at.clear()
        self._open_until = None
        self._probing = False

    def failed(self, now_ms: int) -> bool:
        """True where this failure makes it open."""
        if self._open_until is not None:
            opened = self._probing
            self._probing = False
            self._open_until = now_ms + self._limits.open_ms if opened else self._open_until
            return opened
        self._failed_at.append(now_ms)
        oldest = self._failed_at[0]
        if len(self._failed_at) < self._limits.failures or now_ms - oldest > self._limits.window_ms:
            return False
        self._open_until = now_ms + self._limits.open_ms
        return True

    def abandoned(self) -> None:
        """The run was broken off or refused before it could tell anything: the next may try."""
        self._probing = False

    @property
    def open(self) -> bool:
        return self._open_until is not None
