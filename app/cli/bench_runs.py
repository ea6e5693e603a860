"""Which stages a bench runs for the rows that are wanted, and the rows they give."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from app.cli.bench_content import Askable, askable
from app.cli.bench_match import matching_times
from app.simulator.load import known_rows, overload, rows, stages
from app.simulator.load.figures import Row
from app.simulator.load.knee import next_step
from app.simulator.load.stages import Measured, Plan

KEYS = (
    "first-word",
    "added",
    "barge-in",
    "late",
    "cpu",
    "memory",
    "turn",
    "known",
    "key",
    "matching",
    "knee",
    "overload",
)
OF_CONVERSATION = {"added", "late", "cpu", "memory", "turn"}
BARGE_IN_CALLS = 20
KNOWN_CALLS = 30
KEY_CALLS = 20
NEIGHBOURS = 3  # busy processes beside the server, which lower what it can carry
OVERLOAD_FIRST = 75


class Progress(Protocol):
    def begin(self, stage: str) -> Callable[[str, float], None]:
        """A stage begins; what comes back is told how far it is."""
        ...


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    calls: Sequence[int] = (40, 50)
    seconds: float = 30.0
    memory_after_s: float = 60.0
    think_ms: int = 700
    turns: int = 0
    quick: bool = False


@dataclass(slots=True)
class Outcome:
    rows: list[Row] = field(default_factory=list)
    cpu: list[tuple[int, float]] = field(default_factory=list)  # calls, cores of the server
    options: str = ""

    def command(self, row: Row) -> str:
        key = next((key for key in KEYS if row.key.startswith(key)), "added")
        return f"offhook bench --only {key}{self.options}"

    def document(self, took_s: float, picture: str) -> dict[str, Any]:
        return {
            "machine": {
                "cores": os.cpu_count(),
                "system": platform.platform(),
                "processor": platform.machine(),
                "python": platform.python_version(),
            },
            "seconds": round(took_s, 1),
            "picture": picture,
            "rows": [row.document(self.command(row)) for row in self.rows],
        }


class Bench:
    """One run of the bench: `wanted` names the rows."""

    def __init__(self, content: Path, sizes: Sizes, wanted: set[str]) -> None:
        self._sizes = sizes
        self._wanted = wanted
        self._plan = Plan(
            content=content,
            think_ms=sizes.think_ms,
            seconds=sizes.seconds,
            ramp_s=min(5.0 if sizes.quick else 10.0, max(sizes.calls) / 2),
            memory_after_s=sizes.memory_after_s,
            turns=sizes.turns,
        )
        self._outcome = Outcome(options=_options(sizes))

    def run(self, progress: Progress) -> Outcome:
        """Every stage, one after another. Raises `NotStarted`."""
        self._progress = progress
        if "first-word" in self._wanted:
            self._first_words()
        if self._wanted & OF_CONVERSATION:
            self._conversations()
        if "barge-in" in self._wanted:
            self._barge_ins()
        if self._wanted & {"known", "key"}:
            self._known(askable(self._plan.content))
        if "matching" in self._wanted:
            self._progress.begin("known answers, decisions")
            self._add(matching_times().row())
        if "knee" in self._wanted:
            self._knee()
        if "overload" in self._wanted:
            self._overload()
        return self._outcome

    def _telling(self, stage: str) -> Plan:
        return replace(self._plan, tell=self._progress.begin(stage))

    def _add(self, *found: Row) -> None:
        self._outcome.rows += found

    def _first_words(self) -> None:
        few = stages.first_words(self._telling("first word, 3 calls"), 3, 300, rounds=3 if self._sizes.quick else 10)
        many = stages.first_words(
            self._telling("first word, 40 calls"), 40, 2_000, rounds=1 if self._sizes.quick else 3
        )
        self._add(rows.first_word(few, "3 calls", 50), rows.first_word(many, "40 calls within 2 s", 150))

    def _conversations(self) -> None:
        """At each number of calls the CPU; everything else at the last one, where the calls stay longest."""
        *others, last = self._sizes.calls
        if "cpu" in self._wanted:
            for calls in others:
                plan = replace(self._telling(f"{calls} calls"), memory_after_s=0.0)
                self._cost(stages.conversation(plan, calls))
        echo = None
        if "added" in self._wanted:
            echo = rows.bare_echo(stages.echo(self._telling("bare echo"), last))
        plan = self._telling(f"{last} calls")
        if "memory" not in self._wanted:
            plan = replace(plan, memory_after_s=0.0)
        measured = stages.conversation(plan, last)
        self._cost(measured)
        self._of_conversation(measured, echo)

    def _cost(self, measured: Measured) -> None:
        self._outcome.cpu.append((measured.calls, measured.server_cpu))
        if "cpu" in self._wanted:
            self._add(rows.cpu(measured))

    def _of_conversation(self, measured: Measured, echo: Row | None) -> None:
        if "memory" in self._wanted:
            self._add(rows.memory(measured))
        if "late" in self._wanted:
            self._add(rows.late_frames(measured))
        if echo is not None:
            self._add(echo, *rows.added(measured, echo))
        if "turn" in self._wanted:
            self._add(*rows.turn(measured, self._sizes.think_ms))

    def _barge_ins(self) -> None:
        plan = replace(self._telling("interruptions"), ramp_s=4.0)
        calls = min(BARGE_IN_CALLS, max(self._sizes.calls))
        self._add(*rows.barge_in(stages.interruptions(plan, calls)))

    def _known(self, ask: Askable) -> None:
        """Callers with a session to spare for each, then without one; and callers who press a key."""
        if "known" in self._wanted and ask.known:
            calls = min(KNOWN_CALLS, max(self._sizes.calls))
            for how in ("swapped", "hushed"):
                plan = replace(self._telling(f"known answers, {how}"), spare=how == "swapped", ramp_s=6.0)
                measured = stages.questions(plan, calls, ask.hears)
                self._add(*known_rows.known(measured, how, ask.share))
        elif "known" in self._wanted:
            self._add(known_rows.NOTHING_KNOWN)
        if "key" in self._wanted and ask.key:
            plan, rounds = self._telling(f"{KEY_CALLS} calls press a key"), 1 if self._sizes.quick else 3
            self._add(*known_rows.key(stages.key_presses(plan, KEY_CALLS, rounds, ask.key)))
        elif "key" in self._wanted:
            self._add(known_rows.NO_KEY)

    def _knee(self) -> None:
        """The server on a core of its own, everything else on the others."""
        own, others = _cores()
        pinned = bool(own)
        tried: dict[int, Measured] = {}
        while (calls := next_step({n: rows.went_well(step) for n, step in tried.items()})) is not None:
            plan = replace(
                self._telling(f"calls a core: {calls}"),
                seconds=min(15.0, self._sizes.seconds),
                ramp_s=max(10.0, calls / 8),
                memory_after_s=0.0,
                turns=0,
                server_cpu=own,
                other_cpu=others,
            )
            step = tried[calls] = _better_of_two(plan, calls)
            self._outcome.cpu.append((calls, step.server_cpu))
            if not rows.went_well(step) and rows.limits(step):
                break  # nothing beyond this says anything about the server
        self._add(rows.calls_a_core(list(tried.values()), pinned))

    def _overload(self) -> None:
        """A second time with more callers where too few rang the first time."""
        calls = OVERLOAD_FIRST
        for _ in range(2):
            storm = overload.storm(self._beside_neighbours(calls), calls)
            if storm.beyond:
                break
            calls = storm.enough
        self._add(overload.row(storm))

    def _beside_neighbours(self, calls: int) -> Plan:
        own, others = _cores()
        plan = self._telling(f"beside busy neighbours: {calls} calls")
        seconds = min(15.0, self._sizes.seconds)
        return replace(plan, seconds=seconds, server_cpu=own, other_cpu=others, neighbours=NEIGHBOURS)


def _cores() -> tuple[list[int], list[int]]:
    """One for the server, the others for everything else; none where this machine cannot part them."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (cores[:1], cores[1:]) if len(cores) > 1 else ([], [])


def _better_of_two(plan: Plan, calls: int) -> Measured:
    """A step that fails is tried once more: one hiccup of a machine with other work to do proves nothing."""
    first = stages.conversation(plan, calls)
    return first if rows.went_well(first) else stages.conversation(plan, calls)


def _options(sizes: Sizes) -> str:
    usual = Sizes()
    options = " --quick" if sizes.quick else ""
    if len(sizes.calls) == 1 and not sizes.quick:
        options += f" --calls {sizes.calls[0]}"
    if sizes.turns:
        options += f" --turns {sizes.turns}"
    if sizes.think_ms != usual.think_ms:
        options += f" --think {sizes.think_ms}"
    if sizes.seconds != usual.seconds and not sizes.quick:
        options += f" --seconds {sizes.seconds:g}"
    return options
