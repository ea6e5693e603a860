"""Whether a new call is taken. Pure; times are handed in.

A process that is asked for more than its core can do serves every call late, and all of them badly. So how late the
event loop runs is watched, and beyond a line new callers hear that all lines are busy, while those who are served keep
their timing.

Lateness is weighed by time: a step that was 200 ms late was late for 200 ms, and counts as often as ten of 20. It rises
within half a second and falls over four, for a burst of callers comes faster than it goes. Between the two lines what
was decided last goes on.

The store is not asked. Without it a call is served as well as with it, bar its resuming elsewhere: refusing callers
would make a small fault a large one.
"""

from enum import StrEnum
from math import exp

# Measured on a core shared with two busy processes. Their turns alone make a level of about 15 ms, and 68 calls that
# used the whole of their share were served at 13 ms with 0.1 % of the frames late. With less of the core than the calls
# need: at 20 to 80 ms 0.6 to 1.4 %, at 140 to 450 ms 15 %. With these two lines, beside three busy processes, 54 of 81
# callers were taken, with the whole share used and 0.07 % late (`offhook bench --only overload`).
REFUSE_MS = 40.0
ADMIT_SHARE = 0.5  # of it: what busy neighbours alone make is less, or a process beside them would never admit again
RISES_MS = 500
FALLS_MS = 4_000
LARGEST_MS = 1_000.0  # of one sample: a process that was stopped is not late for ever after


class Refusal(StrEnum):
    """Why a caller hears that all lines are busy."""

    DRAINING = "draining"
    CALLS = "calls"  # MAX_CALLS are here
    STREAMS = "streams"  # the model's are all in use by calls
    LATE = "late"
    CAP = "cap"  # the day's calls to this agent have used up what they may


class Lateness:
    """How late the loop runs, smoothed, and whether that is too late for one more call: beyond `refuse_ms`, until it is
    down to half of it. No level is beyond `LARGEST_MS`."""

    def __init__(self, refuse_ms: float = REFUSE_MS) -> None:
        self._refuse_ms = refuse_ms
        self._level = 0.0
        self._at_ms: int | None = None
        self._refusing = False

    def ran(self, late_ms: float, now_ms: int) -> None:
        """A step of the clock ran so much behind its time."""
        late_ms = min(late_ms, LARGEST_MS)
        lasted = max(late_ms, 0.0 if self._at_ms is None else now_ms - self._at_ms, 1.0)
        towards = RISES_MS if late_ms > self._level else FALLS_MS
        self._level += (late_ms - self._level) * (1 - exp(-lasted / towards))
        self._at_ms = now_ms
        self._decide(self._level)

    def level_ms(self, now_ms: int) -> float:
        """The clock rests while no call is live; what it knew last then fades."""
        quiet = 0 if self._at_ms is None else max(0, now_ms - self._at_ms)
        return self._level * exp(-quiet / FALLS_MS)

    def too_late(self, now_ms: int) -> bool:
        self._decide(self.level_ms(now_ms))
        return self._refusing

    def _decide(self, level: float) -> None:
        if level >= self._refuse_ms:
            self._refusing = True
        elif level <= self._refuse_ms * ADMIT_SHARE:
            self._refusing = False


def refusal(*, draining: bool, here: int, limit: int, late: bool, streams_left: bool) -> Refusal | None:
    """Why a new call is not taken, the reason that lasts longest first; None where it is welcome."""
    if draining:
        return Refusal.DRAINING
    if here >= limit:
        return Refusal.CALLS
    if late:
        return Refusal.LATE
    return None if streams_left else Refusal.STREAMS
