"""The runs of a bench. Each starts what it needs, lets callers loose on it, and gives back both accounts.

A stage's time: `ramp` in which the calls arrive, a moment to settle, the `window` in which everything is measured.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.simulator.load import orders as papers
from app.simulator.load.figures import MS
from app.simulator.load.generator import WITHIN_S, caller_of
from app.simulator.load.orders import Orders, RunResult, Until
from app.simulator.load.processes import ROOT, Mind, Server, bare_echo, model, neighbours, server
from app.simulator.load.sonic_log import Heard, read_model_log
from app.simulator.load.talker import Habits
from app.simulator.load.watching import watching

START_MS = 1_500  # a generator imports and prepares its speech
CALLS_A_GENERATOR = 100
WARM_UP_CALLS = 3
MENU_MS = 4_500  # from the first sound of a call: in the middle of its greeting or its menu

type Tell = Callable[[str, float], None]  # what a stage is doing, and how much of it is done (0 to 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What every stage of a bench has in common."""

    content: Path
    think_ms: int = 700
    seconds: float = 30.0
    ramp_s: float = 10.0
    settle_s: float = 14.0  # the last to ring hears a greeting and a menu out
    memory_after_s: float = 60.0
    turns: int = 0
    warm_up: bool = True
    spare: bool = True  # are there more model sessions than calls
    server_cpu: Sequence[int] = ()
    other_cpu: Sequence[int] = ()
    neighbours: int = 0  # busy processes of the same priority on the server's cores
    beside: Callable[[Server], AbstractContextManager[object]] = nullcontext  # entered while callers are there
    tell: Tell = field(default=lambda what, done: None)


@dataclass(slots=True)
class Measured:
    """One stage's outcome. CPU in cores, memory in bytes."""

    calls: int
    result: RunResult
    window: tuple[int, int]
    heard: list[Heard] = field(default_factory=list)
    server_cpu: float = 0.0
    model_cpu: float = 0.0
    machine_busy: float = 0.0  # share of all cores, by whomever
    idle_rss: int = 0
    full_rss: int = 0
    warm: int = 0  # sessions in the pool when idle
    memory_after_s: float = 0.0
    other_cores: int = 0  # that generators and model had to themselves; 0: shared with the server
    notes: dict[str, float] = field(default_factory=dict)  # the server's own metrics


def conversation(plan: Plan, calls: int) -> Measured:
    """Callers who talk, listen and are silent in their shares."""
    habits = Habits.for_shares(plan.think_ms)
    return serve(plan, calls, habits, Mind(plan.think_ms, habits.listen_ms))


def interruptions(plan: Plan, calls: int) -> Measured:
    """Callers who break in on every answer."""
    habits = Habits(talk_ms=1_400, pause_ms=600, listen_ms=4_000, interrupts_after=(700, 1_130, 940, 1_510))
    return serve(replace(plan, turns=0, memory_after_s=0), calls, habits, Mind(300, habits.listen_ms))


def questions(plan: Plan, calls: int, hears: Sequence[str]) -> Measured:
    """Callers whose words the model hears as one of `hears`, drawn anew each time."""
    habits = Habits(talk_ms=1_400, pause_ms=700, listen_ms=4_000)
    return serve(replace(plan, turns=0, memory_after_s=0), calls, habits, Mind(plan.think_ms, habits.listen_ms, hears))


def first_words(plan: Plan, calls: int, within_ms: int, rounds: int) -> Measured:
    """Callers who hang up at the first sound."""
    habits = Habits(talk_ms=500, pause_ms=1_000, listen_ms=1_000)
    return _rounds(plan, calls, within_ms, rounds, habits, "first word")


def key_presses(plan: Plan, calls: int, rounds: int, key: str) -> Measured:
    """Callers who press a key of the first menu, half of them while it is still read out; several times over."""
    heard_out = 10 * MENU_MS
    habits = Habits(talk_ms=500, pause_ms=700, listen_ms=1_000, interrupts_after=(MENU_MS, heard_out), key=key)
    return _rounds(plan, calls, 4_000, rounds, habits, "key answered")


def _rounds(plan: Plan, calls: int, within_ms: int, rounds: int, habits: Habits, until: Until) -> Measured:
    """`calls` callers ring within `within_ms`, each waits for one thing and hangs up; several times over."""
    whole = Measured(calls, RunResult(), (0, 0))
    with _folder() as folder, _house(folder, plan, calls, Mind(plan.think_ms, 1_000)) as house:
        _warm_up(house, plan, folder)
        for number in range(rounds):
            begin = time.monotonic_ns() + START_MS * MS
            end = begin + (within_ms + int(WITHIN_S[until] * 1000) + 5_000) * MS
            # A telephone rings once: every round has numbers of its own.
            numbers = range(1_000 * (number + 1), 1_000 * (number + 1) + calls)
            order = Orders(
                url=house.voice_url,
                calls=[*numbers],
                of=calls,
                first=numbers[0],
                begin=begin,
                ramp_ms=within_ms,
                end=end,
                window=(begin, end),
                habits=habits,
                until=until,
            )
            whole.result.add(generate([order], folder, plan, f"{calls} calls ring", 0))
    whole.notes = house.notes
    return whole


def echo(plan: Plan, calls: int) -> Measured:
    """The same callers against a bare echo, for a few seconds."""
    habits = Habits.for_shares(plan.think_ms)
    seconds = min(10.0, plan.seconds)
    with _folder() as folder, bare_echo(folder, plan.server_cpu) as there:
        begin = time.monotonic_ns() + START_MS * MS
        window = _window(begin, 3.0, seconds)
        orders = _orders(plan, there.url, calls, begin, 1.0, window, habits, echo=True)
        with watching(there.child.process.pid, None, window) as seen:
            result = generate(orders, folder, plan, f"{calls} callers against a bare echo", window[1])
    return Measured(calls, result, window, **seen)


# --- a stage with a server ----------------------------------------------------------------------------------------


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="offhook-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def _house(folder: Path, plan: Plan, calls: int, mind: Mind) -> Iterator[Server]:
    with (
        model(folder, mind, plan.other_cpu) as sonic,
        server(folder, calls, sonic, plan.content, plan.server_cpu, plan.spare) as up,
    ):
        yield up


def serve(plan: Plan, calls: int, habits: Habits, mind: Mind) -> Measured:
    """Callers of these habits before a server with this model, measured from all sides."""
    with _folder() as folder:
        with ExitStack() as open_now:
            sonic = open_now.enter_context(model(folder, mind, plan.other_cpu))
            serving = server(folder, calls, sonic, plan.content, plan.server_cpu, plan.spare)
            house = open_now.enter_context(serving)
            _warm_up(house, plan, folder)
            idle, warm = house.usage(), house.warm()
            open_now.enter_context(neighbours(folder, plan.neighbours, plan.server_cpu))
            begin = time.monotonic_ns() + START_MS * MS
            lasts = max(plan.seconds, plan.memory_after_s - plan.ramp_s - plan.settle_s)
            window = _window(begin, plan.ramp_s + plan.settle_s + lasts - plan.seconds, plan.seconds)
            orders = _orders(plan, house.voice_url, calls, begin, plan.ramp_s, window, habits)
            with watching(house.child.process.pid, sonic.child.process.pid, window) as seen, plan.beside(house):
                result = generate(orders, folder, plan, f"{calls} calls", window[1])
        measured = Measured(calls, result, window, idle_rss=idle.rss, warm=warm, notes=house.notes, **seen)
        measured.memory_after_s = (window[1] - begin) / 1e9
        measured.other_cores = len(plan.other_cpu)
        callers = {caller_of(call.number)[-4:] for call in result.calls}
        measured.heard = read_model_log(sonic.log, sonic.positions, callers)
    return measured


def _window(begin: int, after_s: float, seconds: float) -> tuple[int, int]:
    start = begin + int(after_s * 1000) * MS
    return start, start + int(seconds * 1000) * MS


def _orders(
    plan: Plan,
    url: str,
    calls: int,
    begin: int,
    ramp_s: float,
    window: tuple[int, int],
    habits: Habits,
    echo: bool = False,
) -> list[Orders]:
    """One for each generator; calls are dealt out in turn."""
    processes = -(-calls // CALLS_A_GENERATOR)
    end = window[1] + 200 * MS
    if plan.turns and not echo:  # as long as it takes, within reason
        end = begin + int((ramp_s + plan.turns * (habits.talk_ms + habits.listen_ms + 6_000) / 1000) * 1000) * MS
    return [
        Orders(
            url=url,
            calls=[*range(number, calls, processes)],
            of=calls,
            begin=begin,
            ramp_ms=int(ramp_s * 1000),
            end=end,
            window=window,
            habits=habits,
            turns=0 if echo else plan.turns,
            echo=echo,
            cpu=plan.other_cpu,
        )
        for number in range(processes)
    ]


def _warm_up(house: Server, plan: Plan, folder: Path) -> None:
    """A few calls that nobody counts: imports, caches, the pool's first replacements."""
    if not plan.warm_up:
        return
    begin = time.monotonic_ns() + START_MS * MS
    habits = Habits(talk_ms=500, pause_ms=300, listen_ms=500)
    numbers = [*range(9_990, 9_990 + WARM_UP_CALLS)]
    end = begin + 8_000 * MS
    order = Orders(
        house.voice_url, numbers, WARM_UP_CALLS, begin, 100, end, (begin, end), habits, first=numbers[0], turns=1
    )
    generate([order], folder, plan, "warming up", end)
    time.sleep(0.5)


# --- the generators -----------------------------------------------------------------------------------------------


def generate(orders: Sequence[Orders], folder: Path, plan: Plan, what: str, until: int) -> RunResult:
    """Run one process for each order. `until`: when the end is expected, for the progress."""
    running = [_generator(order, folder / f"calls-{number}.json") for number, order in enumerate(orders)]
    begin, done = time.monotonic_ns(), RunResult()
    said: list[dict[str, int]] = [{} for _ in running]
    for number, process in enumerate(running):
        threading.Thread(target=_follow, args=(process, said[number]), daemon=True).start()
    while any(process.poll() is None for process in running):
        live, turns = (sum(part.get(name, 0) for part in said) for name in ("live", "turns"))
        share = (time.monotonic_ns() - begin) / (until - begin) if until > begin else 0.0
        if plan.turns and what != "warming up":
            share = turns / (plan.turns * orders[0].of)
        plan.tell(f"{what}: {live} live, {turns} turns", min(1.0, share))
        time.sleep(0.1)
    for number, process in enumerate(running):
        if process.returncode:
            raise RuntimeError(f"a load generator failed (exit {process.returncode})")
        done.add(papers.load(folder / f"calls-{number}.json"))
    return done


def _generator(order: Orders, result: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "app.simulator.load.generator", str(result)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdin is not None
    process.stdin.write(order.text())
    process.stdin.close()
    return process


def _follow(process: "subprocess.Popen[str]", said: dict[str, int]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            said.update(json.loads(line))
