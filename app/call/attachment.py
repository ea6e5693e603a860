"""The call's hold on a model session: which one is current, and what follows when it fails.

Sessions are numbered by the call, from 1; each that is asked for takes the next number, and events of any but the
present one are not current. A session that has answered wipes the slate of failures clean, and so does one that lived
half a minute; one that lived and came to its appointed end has not failed at all.
"""

from collections import Counter
from collections.abc import Mapping
from zlib import crc32

from app.call.events import Failure
from app.call.setup import Timings

FAILURES_IN_A_ROW = 3
LIVED_MS = 30_000
THROTTLE_MS = 1_000
BREATH_MS = 1_000  # before a third session where the second failed at once: what lasts a moment is outlasted
# How many times each is met with another try; the rest are tried until three have failed in a row.
TRIES: Mapping[Failure, int] = {
    Failure.MISCONFIGURED: 0,
    Failure.UNAVAILABLE: 0,
    Failure.BAD_INPUT: 1,
    Failure.FILTERED: 1,
    Failure.HISTORY_TOO_LONG: 1,
    Failure.THROTTLED: 2,
}


class Attachment:
    def __init__(self, timings: Timings, jitter_of: str) -> None:
        self._timings = timings
        self._jitter = crc32(jitter_of.encode()) % (THROTTLE_MS + 1)  # callers throttled together come back apart
        self._failures: Counter[Failure] = Counter()
        self.ordinal = 0  # of the present one, or the last
        self.numbered = 0  # the last number given
        self.asked_at: int | None = None
        self.attached_at: int | None = None
        self.retry_at: int | None = None
        self.failed_at: int | None = None

    @property
    def live(self) -> bool:
        """Asked for, and not known to be gone."""
        return self.asked_at is not None

    @property
    def attached(self) -> bool:
        return self.attached_at is not None

    def attached_to(self, session: int) -> bool:
        return self.attached and session == self.ordinal

    @property
    def shortened(self) -> bool:
        """The engine refused a history as too long: half of it must do."""
        return self._failures[Failure.HISTORY_TOO_LONG] > 0

    def number(self) -> int:
        """For one more session."""
        self.numbered += 1
        return self.numbered

    def ask(self, session: int, now: int) -> None:
        """The session of this number is the present one, as soon as it is there."""
        self.ordinal = session
        self.asked_at, self.attached_at, self.retry_at = now, None, None

    def restore(self, numbered: int) -> None:
        """From a snapshot: no number is given twice."""
        self.ordinal = self.numbered = numbered

    def attach(self, now: int) -> None:
        self.attached_at = now

    def prove(self) -> None:
        """The session has spoken: it works."""
        self._failures.clear()

    def change(self, now: int) -> None:
        """The session goes through no fault of its own, and another follows."""
        self.asked_at = self.attached_at = None
        self.retry_at = now

    def fail(self, failure: Failure, now: int) -> bool:
        """The session is gone. True where another is worth trying, at `retry_at`."""
        lived = self.attached_at is not None and now - self.attached_at >= LIVED_MS
        if lived:
            self._failures.clear()
        self.asked_at = self.attached_at = None
        if not (lived and failure is Failure.EXPIRED):
            self._failures[failure] += 1
        if self._failures[failure] > TRIES.get(failure, FAILURES_IN_A_ROW):
            return False
        if self._failures.total() >= FAILURES_IN_A_ROW:
            return False
        again = self.failed_at is not None and now - self.failed_at < BREATH_MS
        self.failed_at = now
        if failure is Failure.THROTTLED:
            self.retry_at = now + self._back_off()
        else:
            self.retry_at = now + (BREATH_MS if again else 0)
        return True

    def release(self) -> None:
        """No session is wanted until one is asked for."""
        self.asked_at = self.attached_at = self.retry_at = None

    def overdue_at(self) -> int | None:
        """When an answer to `AttachSession` has been waited for long enough."""
        return None if self.asked_at is None or self.attached else self.asked_at + self._timings.attach_limit

    def _back_off(self) -> int:
        return min(2 * THROTTLE_MS, THROTTLE_MS + self._jitter)
