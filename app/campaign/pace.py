"""How fast a campaign places calls, and when it had better stop. Pure."""

from collections import deque
from math import ceil

from app.campaign.results import Result

BAD = {Result.FAILED, Result.REFUSED, Result.NOT_SERVED}


class TokenBucket:
    """Calls a second, with one saved up at the most: the carrier queues what comes faster, and a queue cannot be called
    off."""

    def __init__(self, per_second: float) -> None:
        self._gap_ms = 1_000 / per_second
        self._free_at = 0.0

    def ready_at(self, now_ms: int) -> int:
        """When the next call may be placed; a clock that was set back holds nobody up for longer than one gap."""
        return max(now_ms, ceil(min(self._free_at, now_ms + self._gap_ms)))

    def take(self, now_ms: int) -> None:
        self._free_at = max(self._free_at, now_ms - self._gap_ms) + self._gap_ms


class Trouble:
    """Whether calls fail so often that something is wrong with more than their numbers."""

    def __init__(self, share: float, window: int) -> None:
        self._share = share
        self._last: deque[bool] = deque(maxlen=window)

    def came(self, result: Result) -> None:
        self._last.append(result in BAD)

    @property
    def too_much(self) -> bool:
        return len(self._last) == self._last.maxlen and sum(self._last) >= self._share * len(self._last)

    def __str__(self) -> str:
        return f"{sum(self._last)} of the last {len(self._last)} calls failed"
