"""What killing, restarting and cutting off servers does to live calls: `python -m app.cli.bench_moves [--json]`.

Real servers behind a balancer without sticky sessions, one store, the simulated model, and telephones that go on as
Twilio does. First one server of three is killed (SIGKILL) with its calls; then all of them are restarted one after
another under load (SIGTERM, a drain so short that every call is moved). Where root allows it each server has a host of
its own (a network namespace), and in the end one host is cut off without a word, and comes back to calls that are not
its own any more. Exit 0 when every figure is met, else 1.

`--short`: the killing alone, of few calls, on loopback. `--loopback`: no hosts.
"""

import asyncio
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path

import uvloop

from app.cli.town import Site, Town, town
from app.settings import Settings
from app.simulator.load.crowd import Crowd
from app.simulator.load.figures import MS, percentile, spread_of_buckets
from app.simulator.load.hosts import HOME, LOOPBACK, Host, hosts
from app.simulator.load.lasting import Gap
from app.simulator.load.processes import Mind, model
from app.simulator.load.talker import Habits

KEPT_WITHIN_MS = 50.0
DRAIN_S = 2  # until the balancer has noticed that a server is not ready; then every call is moved
HABITS = Habits(talk_ms=1_400, pause_ms=1_300, listen_ms=2_000)
MIND = Mind(think_ms=700, listen_ms=2_000)
_BUCKET = re.compile(r'(offhook_\w+)_bucket\{le="([^"]+)"\}')
_REFUSED = re.compile(r'offhook_calls_refused_total\{why="(\w+)"\}')


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large both experiments are, and what is asked of them (ms)."""

    processes: int = 3
    killed_calls: int = 60  # of all processes; those of one are killed
    rolled_calls: int = 60
    ramp_s: float = 12.0
    talk_s: float = 12.0  # before anything happens
    after_s: float = 12.0  # when all are back
    cut_calls: int = 15
    cut_s: float = 8.0
    all_three: bool = True  # not the killing alone
    voice_within_ms: int = 3_000  # after a kill
    stream_within_ms: int = 1_500  # in a rolling restart
    cut_voice_within_ms: int = 5_000  # a host that is gone says nothing: the balancer notices after 1.5 s


SHORT = Sizes(processes=2, killed_calls=4, rolled_calls=4, ramp_s=0.4, talk_s=8.0, after_s=1.5, all_three=False)


@dataclass(slots=True)
class Figures:
    """One experiment."""

    what: str
    stands_on: str
    calls: int
    moved: int = 0  # streams that ended under a call
    refused: int = (
        0  # times that somebody was told that all lines are busy, and rang again: no part of what is measured
    )
    refused_for: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)  # calls, with the reason
    turns_kept: int = 0  # acknowledged by the store before
    turns_lost: int = 0
    stream_ms: list[float] = field(default_factory=list)  # without a stream
    voice_ms: list[float] = field(default_factory=list)  # until a voice is heard
    unanswered: int = 0  # came back, and heard nothing
    snapshots: int = 0
    quick_snapshots: int = 0  # acknowledged within 50 ms of the turn's end
    snapshot_ms: dict[str, float] = field(default_factory=dict)  # p50, p95, p99 and max: at most so much
    late_ms: dict[str, float] = field(default_factory=dict)  # how late the servers' clocks ran: what the machine does
    ends: dict[str, int] = field(default_factory=dict)  # how streams ended, as telephones saw it
    missed: list[str] = field(default_factory=list)  # what was asked for and is not so

    def of(self, gaps: Sequence[Gap], since: int = 0) -> None:
        """`since`: when the streams broke, where telephones learned of it later (monotonic ns)."""
        self.moved = len(gaps)
        self.ends = dict(Counter(gap.why for gap in gaps))
        self.stream_ms = sorted((gap.stream - (since or gap.lost)) / MS for gap in gaps if gap.stream)
        self.voice_ms = sorted((gap.voice - (since or gap.lost)) / MS for gap in gaps if gap.voice)
        self.unanswered = sum(1 for gap in gaps if not gap.voice)

    def of_servers(self, metrics: Mapping[str, float]) -> None:
        kept = _histogram(metrics, "offhook_snapshot_kept_seconds")
        self.snapshots = int(max(kept.values(), default=0))
        self.quick_snapshots = int(kept.get(KEPT_WITHIN_MS, 0))
        self.snapshot_ms = _finite(spread_of_buckets(kept))
        self.late_ms = _finite(spread_of_buckets(_histogram(metrics, "offhook_loop_lateness_seconds")))

    def of_arrival(self, turned_away: int, metrics: Mapping[str, float]) -> None:
        self.refused = turned_away
        self.refused_for = {
            found[1]: int(n) for name, n in metrics.items() if n and (found := _REFUSED.fullmatch(name))
        }

    def ask(self, good: bool, what: str) -> None:
        if not good:
            self.missed.append(what)

    def ask_voice(self, within_ms: int) -> None:
        self.ask(not self.voice_ms or self.voice_ms[-1] <= within_ms, "a voice came too late")

    def text(self) -> str:
        def spread(values: Sequence[float]) -> str:
            if not values:
                return "-"
            return f"p50 {percentile(values, 0.5):.0f}, max {values[-1]:.0f} ms"

        lines = [
            f"{self.what} ({self.calls} calls, {self.stands_on})",
            f"  streams ended under a call   {self.moved} {self.ends}",
            f"  refused, and rang again      {self.refused} {self.refused_for or ''}".rstrip(),
            f"  calls lost                   {len(self.lost)} {' '.join(self.lost[:3])}",
            f"  acknowledged turns lost      {self.turns_lost} of {self.turns_kept}",
            f"  snapshots kept within 50 ms  {self.quick_snapshots} of {self.snapshots}, {_at_most(self.snapshot_ms)}",
            f"  the servers' clocks ran late {_at_most(self.late_ms)}",
            f"  without a stream             {spread(self.stream_ms)}",
            f"  until a voice                {spread(self.voice_ms)}",
            f"  {'all as asked' if not self.missed else 'MISSED: ' + '; '.join(self.missed)}",
        ]
        return "\n".join(lines)


def _histogram(metrics: Mapping[str, float], name: str) -> dict[float, float]:
    """A bound in ms -> how many were at most that."""
    found = {key: value for key, value in metrics.items() if (it := _BUCKET.fullmatch(key)) and it[1] == name}
    return {float(_bound(key)) * 1000: value for key, value in found.items()}


def _bound(series: str) -> str:
    return series.rpartition('le="')[2].removesuffix('"}')


def _finite(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if isfinite(value)}


def _at_most(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} <= {ms:g}" for name, ms in figures.items()) + " ms" if figures else "-"


# --- the experiments --------------------------------------------------------------------------------------------------


async def kill_one(town: Town, sizes: Sizes) -> Figures:
    figures = Figures(f"SIGKILL of one of {sizes.processes} servers", town.stands_on, sizes.killed_calls)
    crowd = _crowd(town, 1, sizes.killed_calls)
    await crowd.arrive(sizes.ramp_s)
    figures.of_arrival(crowd.turned_away, await town.servers.total())
    await asyncio.sleep(sizes.talk_s)
    victim = await _busiest(town)
    before, at = await crowd.acknowledged(), time.monotonic_ns()
    await town.servers.kill(victim)
    await asyncio.sleep(0.5)
    await crowd.are_up()
    await asyncio.sleep(sizes.after_s)
    await _judge(figures, town, crowd, before, at)
    figures.ask_voice(sizes.voice_within_ms)
    await crowd.leave()
    if sizes.all_three:
        await town.servers.start(victim)
    return figures


async def restart_all(town: Town, sizes: Sizes) -> Figures:
    figures = Figures(f"rolling restart of {sizes.processes} servers", town.stands_on, sizes.rolled_calls)
    crowd = _crowd(town, 1_001, sizes.rolled_calls)
    await crowd.arrive(sizes.ramp_s)
    figures.of_arrival(crowd.turned_away, await town.servers.total())
    await asyncio.sleep(sizes.talk_s)
    before, at = await crowd.acknowledged(), time.monotonic_ns()
    for site in town.servers.sites:
        await town.servers.drain(site)
        await town.servers.start(site)
        await asyncio.sleep(1)
    await crowd.are_up()
    await asyncio.sleep(sizes.after_s)
    await _judge(figures, town, crowd, before, at)
    figures.ask(not figures.stream_ms or figures.stream_ms[-1] <= sizes.stream_within_ms, "too long without a stream")
    await crowd.leave()
    return figures


async def cut_one_off(town: Town, sizes: Sizes) -> Figures:
    """A host is gone without a word and comes back: by then its calls live elsewhere, and its copies of them have to
    end without an end."""
    figures = Figures(f"one of {sizes.processes} hosts cut off for {sizes.cut_s:g} s", town.stands_on, sizes.cut_calls)
    crowd = _crowd(town, 2_001, sizes.cut_calls)
    await crowd.arrive(sizes.ramp_s / 4)
    figures.of_arrival(crowd.turned_away, await town.servers.total())
    await asyncio.sleep(sizes.talk_s)
    victim = await _busiest(town)
    ended = _ends(await town.servers.metrics(victim))
    before, at = await crowd.acknowledged(), time.monotonic_ns()
    victim.host.cut_off()
    await asyncio.sleep(sizes.cut_s)
    victim.host.cut_off(False)
    back_at = time.monotonic_ns()
    await crowd.are_up()
    await asyncio.sleep(sizes.after_s)
    await _judge(figures, town, crowd, before, at)
    figures.of(crowd.gaps(at), since=at)
    figures.ask_voice(sizes.cut_voice_within_ms)
    figures.ask(not crowd.gaps(back_at), "a host that came back broke calls")
    figures.ask(_ends(await town.servers.metrics(victim)) == ended, "it ended calls that were not its own any more")
    figures.ask(not await town.servers.holding(victim), "it still has copies of calls")
    await crowd.leave()
    return figures


def _crowd(town: Town, first: int, size: int) -> Crowd:
    return Crowd(town.voice_url, lambda call_sid: town.store.get("snapshot", call_sid), HABITS, first, size)


async def _busiest(town: Town) -> Site:
    holding = {site: await town.servers.holding(site) for site in town.servers.sites}
    return max(holding, key=lambda site: holding[site])


def _ends(metrics: Mapping[str, float]) -> float:
    return sum(value for name, value in metrics.items() if name.startswith("offhook_calls_ended_total"))


async def _judge(figures: Figures, town: Town, crowd: Crowd, before: dict[str, int], at: int) -> None:
    after = await crowd.acknowledged()
    figures.of_servers(await town.servers.total())
    figures.of(crowd.gaps(at))
    figures.lost = crowd.lost()
    figures.turns_kept = sum(before.values())
    figures.turns_lost = sum(max(0, turns - after[call_sid]) for call_sid, turns in before.items())
    figures.ask(bool(figures.moved), "nothing was moved")
    figures.ask(not figures.lost, "calls were lost")
    figures.ask(not figures.turns_lost, "acknowledged turns were lost")
    figures.ask(not figures.unanswered, f"{figures.unanswered} came back and heard nothing")


async def run(sizes: Sizes, content: Path, folder: Path, there: Sequence[Host]) -> list[Figures]:
    apart = bool(there[0].namespace)
    most = max(sizes.killed_calls, sizes.rolled_calls)
    with model(folder, MIND, host=HOME if apart else LOOPBACK) as sonic:
        async with town(folder, sonic, there, content, most, DRAIN_S) as built:
            figures = [await kill_one(built, sizes)]
            if sizes.all_three:
                figures.append(await restart_all(built, sizes))
            if sizes.all_three and apart:
                figures.append(await cut_one_off(built, sizes))
    return figures


def main() -> None:
    words = set(sys.argv[1:])
    sizes = SHORT if "--short" in words else Sizes()
    content = Settings.read().content_dir.resolve()
    with (
        tempfile.TemporaryDirectory(prefix="offhook-moves-", ignore_cleanup_errors=True) as folder,
        hosts(sizes.processes, separate=not words & {"--short", "--loopback"}) as there,
    ):
        figures = uvloop.run(run(sizes, content, Path(folder), there))
    if "--json" in words:
        print(json.dumps([asdict(each) for each in figures], indent=1))
    else:
        print("\n".join(each.text() for each in figures))
    sys.exit(any(each.missed for each in figures))


if __name__ == "__main__":
    main()
