"""What a check found. Pure.

`wrong` keeps callers from being served (or soon will); a `warning` is for people to judge; `left out` did not apply,
and `said` says why. Nothing secret stands in any of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    RIGHT = "right"
    WARNING = "warning"
    WRONG = "wrong"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` and `ms`, how long it took, are filled in by whoever asked. `facts` are figures for programs."""

    state: State
    said: str
    fix: str = ""
    facts: Mapping[str, float | int | str] = field(default_factory=dict)
    check: str = ""
    ms: int = 0


def right(said: str, **facts: float | int | str) -> Finding:
    return Finding(State.RIGHT, said, "", facts)


def warning(said: str, fix: str, **facts: float | int | str) -> Finding:
    return Finding(State.WARNING, said, fix, facts)


def wrong(said: str, fix: str, **facts: float | int | str) -> Finding:
    return Finding(State.WRONG, said, fix, facts)
