"""What a generator process is told, and what it gives back: JSON, with the times of every frame beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from app.simulator.load.talker import Habits, KeyPress, Tally, Turn

type Times = Sequence[int]
type Until = Literal["end", "first word", "key answered"]


@dataclass(frozen=True, slots=True)
class Orders:
    """One process' part of a run. `begin`, `end` and `window` are CLOCK_MONOTONIC ns; calls come evenly within
    `ramp_ms` of `begin`, every `stride`th of them here. A run ends at `end`, or when every call has had `turns`."""

    url: str  # the webhook, or the socket of a bare echo
    calls: Sequence[int]  # their numbers
    of: int  # calls in the whole run, numbered from `first`
    begin: int
    ramp_ms: int
    end: int
    window: tuple[int, int]
    habits: Habits
    first: int = 0
    turns: int = 0
    echo: bool = False
    until: Until = "end"  # when a caller hangs up before that
    cpu: Sequence[int] = ()  # cores to stay on

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Orders":
        values = json.loads(text)
        habits = Habits(**{**values.pop("habits")})
        return cls(habits=habits, **{**values, "window": tuple(values["window"])})


@dataclass(slots=True)
class CallResult:
    """One call's account; ns."""

    number: int
    started: int = 0
    first_media: int = 0
    turns: list[Turn] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    key: KeyPress = field(default_factory=KeyPress)
    trouble: str = ""
    sent: Times = ()
    returned: Times = ()  # of an echo


@dataclass(slots=True)
class RunResult:
    """What all generator processes of a run saw."""

    calls: list[CallResult] = field(default_factory=list)
    lateness_ms: float = 0.0  # p99 of the worst generator's clock
    generator_cpu: float = 0.0  # cores used within the window, all of them together

    def add(self, other: "RunResult") -> None:
        self.calls += other.calls
        self.lateness_ms = max(self.lateness_ms, other.lateness_ms)
        self.generator_cpu += other.generator_cpu

    def troubles(self) -> list[str]:
        return [call.trouble for call in self.calls if call.trouble]


def save(path: Path, result: RunResult) -> None:
    """`path` and, beside it, the times: JSON would be ten times as large."""
    document = asdict(result)
    times = {}
    for call in document["calls"]:
        for name in ("sent", "returned"):
            times[f"{name}.{call['number']}"] = np.asarray(call.pop(name), np.uint64)
    np.savez(path.with_suffix(".npz"), **times)  # type: ignore[arg-type]
    path.write_text(json.dumps(document))


def load(path: Path) -> RunResult:
    document = json.loads(path.read_text())
    with np.load(path.with_suffix(".npz")) as times:
        calls = [_call(values, times) for values in document.pop("calls")]
    return RunResult(calls, **document)


def _call(values: dict[str, Any], times: Mapping[str, Any]) -> CallResult:
    number = values["number"]
    turns = [Turn(**turn) for turn in values.pop("turns")]
    tally, key = Tally(**values.pop("tally")), KeyPress(**values.pop("key"))
    sent, returned = (times[f"{name}.{number}"].tolist() for name in ("sent", "returned"))
    return CallResult(turns=turns, tally=tally, key=key, sent=sent, returned=returned, **values)
