"""What a campaign does next: whom it calls, when, and when it is over. Pure: time is an argument, Unix ms.

The file says who is to be called, the attempts say what has happened; both together are all there is, so that a
campaign that was killed goes on where it stood. An attempt that nobody knows the end of keeps its number from being
called: somebody has to find out first.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.campaign.hours import CallingHours
from app.campaign.pace import TokenBucket, Trouble
from app.campaign.results import Result
from app.campaign.roster import Row
from app.records.attempts import Attempt


@dataclass(frozen=True, slots=True)
class Rules:
    """`slots` calls at once. A number that is busy is called again after `busy_ms`, one that does not answer after
    `retry_ms`, `attempts` times in all. Calls stop where `pause_share` of the last `pause_window` have failed.
    `message_left`: the agents that leave machines a message, which ends the matter."""

    slots: int = 5
    calls_per_second: float = 1.0
    attempts: int = 3
    busy_ms: int = 5 * 60_000
    retry_ms: int = 60 * 60_000
    hours: CallingHours = field(default_factory=CallingHours)
    pause_share: float = 0.5
    pause_window: int = 10
    message_left: Collection[str] = ()


class Outcome(StrEnum):
    """What has become of a number. Every row has one at any time."""

    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    FAX = "fax"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    NOT_SERVED = "not_served"
    CANCELED = "canceled"
    FAILED = "failed"
    REFUSED = "refused"
    DO_NOT_CALL = "do_not_call"
    NO_CONSENT = "no_consent"
    WAITING = "waiting"  # to be called, or called again
    UNDER_WAY = "under_way"  # being called, or nobody knows yet


OPEN = {Outcome.WAITING, Outcome.UNDER_WAY}
_AGAIN = {Result.BUSY, Result.NO_ANSWER, Result.FAILED, Result.NOT_SERVED}


@dataclass(frozen=True, slots=True)
class Place:
    """Record the attempt, then place the call."""

    row: Row
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Wait:
    """For the end of a call, or until then; None: only a call's end can change anything."""

    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is under way and nothing is to come. `stopped` says why not all were called."""

    stopped: str = ""


type Step = Place | Wait | Over


class Plan:
    def __init__(
        self, rows: Sequence[Row], do_not_call: Collection[str], rules: Rules, attempts: Iterable[Attempt], now_ms: int
    ) -> None:
        self.rows: Mapping[str, Row] = {row.number: row for row in rows}
        self._do_not_call = set(do_not_call)
        self._rules = rules
        self._attempts: dict[str, list[Attempt]] = {}
        self._live = 0
        self._held_until = 0
        self._stopped = ""
        self._bucket = TokenBucket(rules.calls_per_second)
        self._trouble = Trouble(rules.pause_share, rules.pause_window)
        self._waiting: list[tuple[int, int, str]] = []  # when, line, number
        for attempt in attempts:
            self._attempts.setdefault(attempt.number, []).append(attempt)
            self._live += not attempt.result
        for row in rows:
            self._enqueue(row, now_ms)

    # --- what is known --------------------------------------------------------------------------------------------

    def attempts(self, number: str) -> Sequence[Attempt]:
        return self._attempts.get(number, ())

    def unfinished(self) -> list[Attempt]:
        """Attempts whose end is not known: also of numbers that have left the file."""
        return [attempt for tried in self._attempts.values() for attempt in tried if not attempt.result]

    def sids(self, number: str) -> set[str]:
        return {attempt.sid for attempt in self.attempts(number) if attempt.sid}

    def outcome(self, row: Row) -> Outcome:
        tried = self.attempts(row.number)
        if any(not attempt.result for attempt in tried):
            return Outcome.UNDER_WAY
        results = [Result(attempt.result) for attempt in tried if attempt.result != Result.NEVER_PLACED]
        if results and not self._is_tried_again(row, results):
            return Outcome(results[-1])
        if row.number in self._do_not_call:
            return Outcome.DO_NOT_CALL
        return Outcome.WAITING if row.consent else Outcome.NO_CONSENT

    def outcomes(self) -> dict[Outcome, int]:
        """How many rows have each: together all rows."""
        counts = dict.fromkeys(Outcome, 0)
        for row in self.rows.values():
            counts[self.outcome(row)] += 1
        return counts

    def _is_tried_again(self, row: Row, results: Sequence[Result]) -> bool:
        last = results[-1]
        again = last in _AGAIN or (last is Result.VOICEMAIL and row.agent not in self._rules.message_left)
        return again and len(results) < self._rules.attempts

    # --- what comes next ------------------------------------------------------------------------------------------

    def next(self, now_ms: int) -> Step:
        if self._stopped:
            return Wait(None) if self._live else Over(self._stopped)
        if self._live >= self._rules.slots:
            return Wait(None)
        due = self._due(now_ms)
        if due is None:
            if not self._waiting and not self._live:
                return Over()
            return Wait(self._waiting[0][0] if self._waiting else None)
        ready = max(self._held_until, self._bucket.ready_at(now_ms))
        if ready > now_ms:
            return Wait(ready)
        heapq.heappop(self._waiting)
        return self._place(due, now_ms)

    def _due(self, now_ms: int) -> Row | None:
        """Whoever may be called now; stays in the queue."""
        while self._waiting and self._waiting[0][0] <= now_ms:
            row = self.rows[self._waiting[0][2]]
            opens = self._rules.hours.next_open(row.zone, now_ms)
            if opens <= now_ms:
                return row
            heapq.heapreplace(self._waiting, (opens, row.line, row.number))
        return None

    def _place(self, row: Row, now_ms: int) -> Place:
        tried = self._attempts.setdefault(row.number, [])
        attempt = Attempt(row.number, len(tried) + 1, row.agent, now_ms, row.given)
        tried.append(attempt)
        self._live += 1
        self._bucket.take(now_ms)
        return Place(row, attempt)

    # --- what has happened ----------------------------------------------------------------------------------------

    def noted(self, attempt: Attempt) -> None:
        """News of an attempt; with a result it is over."""
        tried = self._attempts[attempt.number]
        tried[attempt.ordinal - 1] = attempt
        if not attempt.result:
            return
        self._live -= 1
        result = Result(attempt.result)
        if result is not Result.NEVER_PLACED:
            self._trouble.came(result)
            if self._trouble.too_much:
                self.stop(f"{self._trouble}: find out why, then run the same command again")
        row = self.rows.get(attempt.number)
        if row is not None:
            self._enqueue(row, attempt.ended_ms)

    def unwanted(self, attempt: Attempt) -> None:
        """They have asked not to be called since we began: the call is not placed."""
        self._live -= 1
        self._attempts[attempt.number].pop()
        self._do_not_call.add(attempt.number)

    def taken(self, attempt: Attempt) -> None:
        """Another process has begun it: it is theirs to finish."""
        self._live -= 1
        self.stop("another process runs this campaign: wait for its end")

    def hold(self, until_ms: int) -> None:
        """No call is placed before then."""
        self._held_until = max(self._held_until, until_ms)

    def stop(self, why: str) -> None:
        """No further call is placed; those under way come to their end."""
        self._stopped = self._stopped or why

    def _enqueue(self, row: Row, now_ms: int) -> None:
        if self.outcome(row) is not Outcome.WAITING:
            return
        placed = [attempt for attempt in self.attempts(row.number) if attempt.result != Result.NEVER_PLACED]
        ready = now_ms
        if placed:
            pause = self._rules.busy_ms if placed[-1].result == Result.BUSY else self._rules.retry_ms
            ready = placed[-1].ended_ms + pause
        opens = self._rules.hours.next_open(row.zone, ready)
        heapq.heappush(self._waiting, (opens, row.line, row.number))
