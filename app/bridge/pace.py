"""How long this engine takes to answer, over the last turns of all calls: "slow" is measured, not guessed. Pure."""

from collections import deque

REMEMBERED = 200  # turns
ENOUGH = 20  # turns before the measure is believed
SLOWER = 1.5  # times the p90


class AnswerPace:
    """Times from the user's transcript to the first audio of the answer."""

    def __init__(self, floor_ms: int) -> None:
        self._floor_ms = floor_ms
        self._times: deque[int] = deque(maxlen=REMEMBERED)

    def answered(self, ms: int) -> None:
        self._times.append(ms)

    def slow_ms(self) -> int:
        """When a caller is told to wait: the floor, or half as long again as nine answers in ten take."""
        if len(self._times) < ENOUGH:
            return self._floor_ms
        p90 = sorted(self._times)[len(self._times) * 9 // 10]
        return max(self._floor_ms, round(SLOWER * p90))
