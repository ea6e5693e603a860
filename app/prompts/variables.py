"""`{{ name }}` in what staff write. Names only: no expressions, no loops, nothing to run.

Two kinds, kept apart because a warm session's system prompt is sent before the call exists: **content** variables
(`business.*`, `facts.*`) are filled in when an edition is built; **call** variables (`caller.*`, `call.*`) when a call
begins, and may stand in `call_facts:` only.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.call.setup import CallFacts
from app.prompts.hours import Hours

HOLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
NAME = re.compile(r"^[a-z_][a-z0-9_]*(\.[a-z0-9_]+)+$")
CALL_ROOTS = ("caller", "call")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Hole:
    """One `{{ name }}`. `line` counts from 0 within its text."""

    name: str
    line: int

    @property
    def is_name(self) -> bool:
        return bool(NAME.match(self.name))

    @property
    def is_of_the_call(self) -> bool:
        return self.name.partition(".")[0] in CALL_ROOTS


def holes(text: str) -> Iterator[Hole]:
    for found in HOLE.finditer(text):
        yield Hole(found[1].strip(), text.count("\n", 0, found.start()))


def fill(text: str, values: Mapping[str, str], only: Callable[[str], bool] = lambda name: True) -> str:
    """Each hole that `only` admits gets its value. Raises `KeyError` for an unknown name: check first."""

    def value(found: re.Match[str]) -> str:
        name = found[1].strip()
        return values[name] if only(name) else found[0]

    return HOLE.sub(value, text)


def flat(tree: Mapping[str, Any], root: str = "") -> dict[str, str]:
    """`{"facts": {"hours": {"sunday": "closed"}}}` -> `{"facts.hours.sunday": "closed"}`; lists with commas."""
    found: dict[str, str] = {}
    for name, value in tree.items():
        path = f"{root}.{name}" if root else name
        if isinstance(value, Mapping):
            found |= flat(value, path)
        elif isinstance(value, list):
            found[path] = ", ".join(map(str, value))
        elif value is not None:
            found[path] = str(value)
    return found


def nearest(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"Did you mean `{close[0]}`?" if close else "Known are: " + ", ".join(sorted(known)[:12])


def call_values(facts: CallFacts, time_zone: str, hours: Hours | None = None) -> dict[str, str]:
    """The call variables of one call, with the business's own clock and hours (None: always open)."""
    now = datetime.fromtimestamp(facts.started_at_ms / 1000, UTC).astimezone(ZoneInfo(time_zone))
    caller_digits = re.sub(r"\D", "", facts.caller)
    is_open = hours is None or hours.is_open(facts.started_at_ms)
    return {
        "caller.number": facts.caller or "withheld",
        "caller.last_four": " ".join(caller_digits[-4:]) or "withheld",
        "call.called": facts.called,
        "call.weekday": DAYS[now.weekday()],
        "call.date": f"{MONTHS[now.month - 1]} {now.day}, {now.year}",
        "call.time": clock(now),
        "call.language": facts.language,
        "call.open": "open" if is_open else "closed",
        "call.opens_next": opens_next(hours, facts.started_at_ms),
    }


def clock(when: datetime) -> str:
    """`9:05 AM`."""
    return f"{when.hour % 12 or 12}:{when.minute:02d} {'AM' if when.hour < 12 else 'PM'}"


def opens_next(hours: Hours | None, at_ms: int) -> str:
    """When it opens next, in words that follow a verb: `tomorrow at 9:00 AM`."""
    opens_ms = None if hours is None else hours.next_opening(at_ms)
    if hours is None or opens_ms is None:
        return "at no set time"
    now, opens = hours.local(at_ms), hours.local(opens_ms)
    days = (opens.date() - now.date()).days
    if days < 2:
        day = ("today", "tomorrow")[days]
    elif days < 7:
        day = f"on {DAYS[opens.weekday()]}"
    else:
        day = f"on {DAYS[opens.weekday()]}, {MONTHS[opens.month - 1]} {opens.day},"
    return f"{day} at {clock(opens)}"


CALL_VARIABLES = frozenset(call_values(CallFacts("", "", "", "", "", "", 0), "UTC"))
