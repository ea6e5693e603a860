"""What a campaign has come to, for people, programs and spreadsheets. Pure."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

from app.campaign.plan import OPEN, Outcome, Plan

COLUMNS = ("line", "number", "agent", "outcome", "attempts", "last_call", "last_at", "seconds", "disposition")


def document(plan: Plan, stopped: str = "") -> dict[str, Any]:
    """`outcomes` add up to `rows`."""
    outcomes = plan.outcomes()
    return {
        "rows": len(plan.rows),
        "outcomes": {str(outcome): count for outcome, count in outcomes.items()},
        "open": sum(outcomes[outcome] for outcome in OPEN),
        "calls": sum(1 for row in plan.rows for attempt in plan.attempts(row) if attempt.sid),
        "stopped": stopped,
    }


def lines(plan: Plan, stopped: str = "") -> list[str]:
    told = document(plan, stopped)
    counts = [f"{count:>7} {outcome.replace('_', ' ')}" for outcome, count in told["outcomes"].items() if count]
    summary = f"{told['rows']:>7} rows, {told['calls']} calls"
    return [*counts, summary, *([f"stopped: {stopped}"] if stopped else [])]


def is_done(plan: Plan) -> bool:
    """Every row has come to its end."""
    outcomes = plan.outcomes()
    return not any(outcomes[outcome] for outcome in (Outcome.WAITING, Outcome.UNDER_WAY))


def results_csv(plan: Plan) -> str:
    """One line for each row, in the file's order, with whole numbers: it is staff's own file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in plan.rows.values():
        tried = [attempt for attempt in plan.attempts(row.number) if attempt.sid]
        last = tried[-1] if tried else None
        at = "" if last is None else datetime.fromtimestamp(last.begun_ms / 1000, UTC).isoformat(timespec="seconds")
        told = ("",) * 4 if last is None else (last.sid, at, last.seconds, last.disposition)
        writer.writerow((row.line, row.number, row.agent, plan.outcome(row), len(tried), *told))
    return text.getvalue()
