"""Rows and attempts by a word each, for tests of a campaign."""

from typing import Any

from app.campaign.hours import CallingHours
from app.campaign.plan import Place, Plan, Rules
from app.campaign.results import Result
from app.campaign.roster import Row
from app.records.attempts import Attempt

ALL_DAY = CallingHours(0, 24 * 60)
MINUTE = 60_000
NOON = 1_780_315_200_000  # 2026-06-01 12:00 UTC


def row(place: int, consent: bool = True, zone: str = "UTC", agent: str = "desk") -> Row:
    return Row(place + 1, f"+1415555{place:04d}", agent, zone, consent)


def rules(**more: Any) -> Rules:
    chosen: dict[str, Any] = {"hours": ALL_DAY, "calls_per_second": 1_000_000.0, "pause_window": 4}
    return Rules(**chosen | more)


def ended(attempt: Attempt, result: Result | str, at_ms: int) -> Attempt:
    kept = {name: getattr(attempt, name) for name in Attempt.__slots__}
    return Attempt(**kept | {"sid": f"CA{attempt.number}-{attempt.ordinal}", "result": str(result), "ended_ms": at_ms})


def place(plan: Plan, now_ms: int) -> Attempt:
    step = plan.next(now_ms)
    assert isinstance(step, Place), step
    return step.attempt


def call(plan: Plan, result: Result, now_ms: int) -> Attempt:
    """Place one call, which ends at once."""
    attempt = ended(place(plan, now_ms), result, now_ms)
    plan.noted(attempt)
    return attempt
