"""What killing and restarting servers does to live calls: `python -m app.cli.bench_moves [--short] [--json]`.

Real servers behind a balancer without sticky sessions, one store, the simulated model, and telephones that go on as
Twilio does. First one server of three is killed (SIGKILL) with its calls; then all of them are restarted one after
another under load (SIGTERM, a drain so short that every call is moved). Exit 0 when every figure is met, else 1.
`--short`: the killing alone, of few calls.
"""

import asyncio
import json
import os
import re
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import uvloop

from app.cache.store import Store, open_store, shared_url
from app.settings import Settings
from app.simulator.load.balancer import balancer
from app.simulator.load.figures import MS, percentile, spread_of_buckets
from app.simulator.load.lasting import Gap, LastingCall
from app.simulator.load.processes import (
    KEY,
    LIMITS,
    SECRET,
    Child,
    Mind,
    Model,
    Server,
    free_port,
    model,
    read_metrics,
    start,
)
from app.simulator.load.speech import speech
from app.simulator.load.talker import Habits, Talker
from app.simulator.twilio.ticker import Ticker

READY_S, STOP_S, BACK_S = 60.0, 60.0, 20.0
LOOK_S = 0.1
KEPT_WITHIN_MS = 50.0
DRAIN_S = 2  # until the balancer has noticed that a server is not ready; then every call is moved
HABITS = Habits(talk_ms=1_400, pause_ms=1_300, listen_ms=2_000)
MIND = Mind(think_ms=700, listen_ms=2_000)
_KEPT = re.compile(r'offhook_snapshot_kept_seconds_bucket\{le="([^"]+)"\}')


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large both experiments are, and what is asked of them (ms)."""

    processes: int = 3
    killed_calls: int = 60  # of all processes; those of one are killed
    rolled_calls: int = 60
    ramp_s: float = 12.0
    talk_s: float = 12.0  # before anything happens
    after_s: float = 12.0  # when all are back
    rolling: bool = True
    voice_within_ms: int = 3_000  # after a kill
    stream_within_ms: int = 1_500  # in a rolling restart


SHORT = Sizes(processes=2, killed_calls=4, rolled_calls=4, ramp_s=0.4, talk_s=8.0, after_s=1.5, rolling=False)


@dataclass(slots=True)
class Figures:
    """One experiment."""

    what: str
    balanced_by: str
    calls: int
    moved: int = 0  # streams that ended under a call
    refused: int = 0  # on arrival, told that all lines are busy: no part of what is measured
    lost: list[str] = field(default_factory=list)  # calls, with the reason
    turns_kept: int = 0  # acknowledged by the store before
    turns_lost: int = 0
    stream_ms: list[float] = field(default_factory=list)  # without a stream
    voice_ms: list[float] = field(default_factory=list)  # until a voice is heard
    unanswered: int = 0  # came back, and heard nothing
    snapshots: int = 0
    quick_snapshots: int = 0  # acknowledged within 50 ms of the turn's end
    snapshot_ms: dict[str, float] = field(default_factory=dict)  # p50, p95, p99 and max: at most so much
    ends: dict[str, int] = field(default_factory=dict)  # how streams ended, as telephones saw it
    missed: list[str] = field(default_factory=list)  # what was asked for and is not so

    def of(self, gaps: Sequence[Gap]) -> None:
        self.moved = len(gaps)
        self.ends = dict(Counter(gap.why for gap in gaps))
        self.stream_ms = sorted((gap.stream - gap.lost) / MS for gap in gaps if gap.stream)
        self.voice_ms = sorted((gap.voice - gap.lost) / MS for gap in gaps if gap.voice)
        self.unanswered = sum(1 for gap in gaps if not gap.voice)

    def of_snapshots(self, kept: Mapping[float, int]) -> None:
        self.snapshots = max(kept.values(), default=0)
        self.quick_snapshots = kept.get(KEPT_WITHIN_MS, 0)
        self.snapshot_ms = spread_of_buckets(kept)

    def ask(self, good: bool, what: str) -> None:
        if not good:
            self.missed.append(what)

    def text(self) -> str:
        def spread(values: Sequence[float]) -> str:
            if not values:
                return "-"
            return f"p50 {percentile(values, 0.5):.0f}, max {values[-1]:.0f} ms"

        lines = [
            f"{self.what} ({self.calls} calls, {self.balanced_by})",
            f"  streams ended under a call   {self.moved} {self.ends}",
            f"  refused on arrival           {self.refused}",
            f"  calls lost                   {len(self.lost)} {' '.join(self.lost[:3])}",
            f"  acknowledged turns lost      {self.turns_lost} of {self.turns_kept}",
            f"  snapshots kept within 50 ms  {self.quick_snapshots} of {self.snapshots}{self._kept()}",
            f"  without a stream             {spread(self.stream_ms)}",
            f"  until a voice                {spread(self.voice_ms)}",
            f"  {'all as asked' if not self.missed else 'MISSED: ' + '; '.join(self.missed)}",
        ]
        return "\n".join(lines)

    def _kept(self) -> str:
        return "".join(f", {name} <= {ms:g} ms" for name, ms in self.snapshot_ms.items())


# --- the servers ------------------------------------------------------------------------------------------------------


class Servers:
    """Several `offhook serve` on ports of their own, in one environment."""

    def __init__(self, folder: Path, ports: Sequence[int], env: dict[str, str]) -> None:
        self.ports = ports
        self._folder = folder
        self._env = env
        self._children: dict[int, Child] = {}

    async def start(self, port: int) -> None:
        """Returns when it is ready for calls."""
        env = self._env | {"DATA_DIR": str(self._folder / f"data-{port}")}
        words = ["app.cli", "serve", "--local", "--port", str(port)]
        name = f"server-{port}-{time.monotonic_ns()}"
        child = self._children[port] = await asyncio.to_thread(start, name, words, self._folder, env)
        server = Server(child, port)
        async with asyncio.timeout(READY_S):
            while (await asyncio.to_thread(server.get, "/readyz"))[0] != 200:
                if child.process.poll() is not None:
                    raise RuntimeError(f"a server ended as it started\n{child.tail()}")
                await asyncio.sleep(LOOK_S)

    async def kill(self, port: int) -> None:
        child = self._children[port]
        os.kill(child.process.pid, signal.SIGKILL)
        await asyncio.to_thread(child.process.wait)

    async def drain(self, port: int) -> None:
        child = self._children[port]
        child.process.terminate()
        await asyncio.to_thread(child.process.wait, STOP_S)

    async def stop(self) -> None:
        for child in self._children.values():
            if child.process.poll() is None:
                child.process.kill()
            await asyncio.to_thread(child.stop)

    async def snapshots(self) -> dict[float, int]:
        """How long the store took to acknowledge them, as the servers up now have it: a bound in ms -> how many were
        at most that."""
        kept: Counter[float] = Counter()
        for port in self.ports:
            _, text = await asyncio.to_thread(Server(self._children[port], port).get, "/metrics")
            for series, value in read_metrics(text).items():
                if (bucket := _KEPT.fullmatch(series)) is not None:
                    kept[float(bucket[1]) * 1000] += int(value)
        return dict(kept)

    def holding(self, port: int) -> int:
        """Sockets of calls at this server now."""
        process = psutil.Process(self._children[port].process.pid)
        return sum(1 for c in process.net_connections("tcp") if c.laddr.port == port and c.status == "ESTABLISHED")


@dataclass(slots=True)
class Town:
    """All that stands while an experiment runs."""

    servers: Servers
    store: Store
    voice_url: str
    balanced_by: str


@asynccontextmanager
async def town(folder: Path, sonic: Model, sizes: Sizes, content: Path) -> AsyncIterator[Town]:
    public = free_port()
    ports = [free_port() for _ in range(sizes.processes)]
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(shared_url("", folder))
        store = await stack.enter_async_context(open_store(redis, folder))
        most = max(sizes.killed_calls, sizes.rolled_calls)
        env = {
            "PUBLIC_URL": f"http://127.0.0.1:{public}",
            "REDIS_URL": redis,
            "STREAM_SECRET": secrets.token_hex(16),
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": sonic.endpoint,
            "AWS_CA_BUNDLE": str(sonic.ca),
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "CONTENT_DIR": str(content),
            "FOREIGN_AUDIO": "true",
            "MAX_CALLS": str(most + 20),
            "POOL_SIZE": str(max(2, most // sizes.processes // 3)),
            "NOVA_SONIC_MAX_STREAMS": str(3 * most * sizes.processes),
            "NOVA_SONIC_SESSION_SECONDS": str(LIMITS["session_seconds"]),
            "DRAIN_SECONDS": str(DRAIN_S),
        }
        servers = Servers(folder, ports, env)
        stack.push_async_callback(servers.stop)
        await asyncio.gather(*map(servers.start, ports))
        balanced_by = await stack.enter_async_context(balancer(public, ports, folder))
        await asyncio.sleep(1)  # its first checks
        yield Town(servers, store, f"http://127.0.0.1:{public}/twilio/voice", balanced_by)


# --- the calls --------------------------------------------------------------------------------------------------------


class Crowd:
    """Callers who talk on, whatever happens to the servers."""

    def __init__(self, town: Town, first: int, count: int) -> None:
        self._store = town.store
        self._clock = Ticker(slots=10)
        words = speech(HABITS.talk_ms)
        self.calls = [
            LastingCall(number, town.voice_url, Talker(words, HABITS, number), self._clock)
            for number in range(first, first + count)
        ]
        self._lives: list[asyncio.Task[None]] = []

    async def arrive(self, ramp_s: float) -> None:
        for call in self.calls:
            self._lives.append(asyncio.create_task(call.live()))
            await asyncio.sleep(ramp_s / len(self.calls))

    async def are_up(self) -> None:
        """Until every call not lost has heard something on its stream, or has had its time."""
        until = time.monotonic() + BACK_S
        while not all(call.up or call.trouble for call in self.calls):
            if time.monotonic() > until:
                return
            await asyncio.sleep(LOOK_S)

    async def acknowledged(self) -> dict[str, int]:
        """By call, the turns whose snapshot the store has."""
        kept = {call.call_sid: await self._store.get("snapshot", call.call_sid) for call in self.calls}
        return {call_sid: _turns(snapshot) for call_sid, snapshot in kept.items()}

    def gaps(self, after: int) -> list[Gap]:
        for call in self.calls:
            call.listened()
        return [gap for call in self.calls for gap in call.gaps if gap.lost >= after]

    def lost(self) -> list[str]:
        return [f"{call.number}: {call.trouble}" for call in self.calls if call.trouble and not call.refused]

    async def leave(self) -> None:
        for call in self.calls:
            call.leave()
        await asyncio.wait(self._lives, timeout=BACK_S)


def _turns(snapshot: dict[str, Any] | None) -> int:
    """Answered turns that a snapshot remembers: answers it can repeat, not a number somebody wrote."""
    if snapshot is None:
        return 0
    roles = [line["role"] for line in snapshot["history"]]
    return sum(1 for pair in pairwise(roles) if pair == ("user", "assistant"))


# --- the experiments --------------------------------------------------------------------------------------------------


async def kill_one(town: Town, sizes: Sizes) -> Figures:
    figures = Figures(f"SIGKILL of one of {sizes.processes} servers", town.balanced_by, sizes.killed_calls)
    crowd = Crowd(town, 1, sizes.killed_calls)
    await crowd.arrive(sizes.ramp_s)
    await asyncio.sleep(sizes.talk_s)
    victim = max(town.servers.ports, key=town.servers.holding)
    before, at = await crowd.acknowledged(), time.monotonic_ns()
    await town.servers.kill(victim)
    await asyncio.sleep(0.5)
    await crowd.are_up()
    await asyncio.sleep(sizes.after_s)
    await _judge(figures, town, crowd, before, at)
    figures.ask(not figures.voice_ms or figures.voice_ms[-1] <= sizes.voice_within_ms, "a voice came too late")
    await crowd.leave()
    if sizes.rolling:
        await town.servers.start(victim)
    return figures


async def restart_all(town: Town, sizes: Sizes) -> Figures:
    figures = Figures(f"rolling restart of {sizes.processes} servers", town.balanced_by, sizes.rolled_calls)
    crowd = Crowd(town, 1_001, sizes.rolled_calls)
    await crowd.arrive(sizes.ramp_s)
    await asyncio.sleep(sizes.talk_s)
    before, at = await crowd.acknowledged(), time.monotonic_ns()
    for port in town.servers.ports:
        await town.servers.drain(port)
        await town.servers.start(port)
        await asyncio.sleep(1)
    await crowd.are_up()
    await asyncio.sleep(sizes.after_s)
    await _judge(figures, town, crowd, before, at)
    figures.ask(not figures.stream_ms or figures.stream_ms[-1] <= sizes.stream_within_ms, "too long without a stream")
    await crowd.leave()
    return figures


async def _judge(figures: Figures, town: Town, crowd: Crowd, before: dict[str, int], at: int) -> None:
    after = await crowd.acknowledged()
    figures.of_snapshots(await town.servers.snapshots())
    figures.of(crowd.gaps(at))
    figures.lost = crowd.lost()
    figures.refused = sum(call.refused for call in crowd.calls)
    figures.turns_kept = sum(before.values())
    figures.turns_lost = sum(max(0, turns - after[call_sid]) for call_sid, turns in before.items())
    figures.ask(bool(figures.moved), "nothing was moved")
    few = figures.calls < SHORT.killed_calls * 2  # one refused call is many, and those that came prove enough
    figures.ask(
        few or figures.refused * 10 <= figures.calls, f"{figures.refused} were refused: this machine is too busy"
    )
    figures.ask(not figures.lost, "calls were lost")
    figures.ask(not figures.turns_lost, "acknowledged turns were lost")
    figures.ask(not figures.unanswered, f"{figures.unanswered} came back and heard nothing")


async def run(sizes: Sizes, content: Path, folder: Path) -> list[Figures]:
    with model(folder, MIND) as sonic:
        async with town(folder, sonic, sizes, content) as there:
            killed = await kill_one(there, sizes)
            return [killed, await restart_all(there, sizes)] if sizes.rolling else [killed]


def main() -> None:
    words = set(sys.argv[1:])
    sizes = SHORT if "--short" in words else Sizes()
    content = Settings.read().content_dir.resolve()
    with tempfile.TemporaryDirectory(prefix="offhook-moves-", ignore_cleanup_errors=True) as folder:
        figures = uvloop.run(run(sizes, content, Path(folder)))
    if "--json" in words:
        print(json.dumps([asdict(each) for each in figures], indent=1))
    else:
        print("\n".join(each.text() for each in figures))
    sys.exit(any(each.missed for each in figures))


if __name__ == "__main__":
    main()
