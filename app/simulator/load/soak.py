"""A server under rounds of calls for minutes, read from outside all the time; after each round it is idle a moment."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from app.simulator.lab.soaking import Sample
from app.simulator.load.figures import MS
from app.simulator.load.orders import Orders, RunResult
from app.simulator.load.processes import Mind, Server, model, read_metrics, server
from app.simulator.load.stages import START_MS, Plan, generate
from app.simulator.load.talker import Habits

EVERY_S = 1.0
ROUND_S, RAMP_S = 40.0, 6.0
QUIET_S = 12.0  # until calls are over, sessions closed and the pool full again
POOL = "offhook_pool_sessions{"


class Watch:
    """Looks at a server every second, in a thread of its own."""

    def __init__(self, house: Server) -> None:
        self._house = house
        self._process = psutil.Process(house.child.process.pid)
        self._began = time.monotonic()
        self._over = threading.Event()
        self.samples: list[Sample] = []

    @contextmanager
    def looking(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look_on, name="soak", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def look(self, idle: bool = False) -> Sample:
        state = json.loads(self._house.get("/readyz")[1] or "{}")
        metrics = read_metrics(self._house.get("/metrics")[1])
        return Sample(
            at_s=time.monotonic() - self._began,
            idle=idle,
            rss_mb=self._house.usage().rss / 1e6,
            calls=int(state.get("calls", 0)),
            tasks=int(state.get("tasks", 0)),
            sockets=len(self._process.net_connections(kind="inet")),
            descriptors=self._process.num_fds(),
            sessions=round(sum(value for name, value in metrics.items() if name.startswith(POOL))),
            lateness_ms=float(state.get("lateness_ms", 0.0)),
        )

    def _look_on(self) -> None:
        while not self._over.wait(EVERY_S):
            self.samples.append(self.look())


def soak(
    folder: Path, content: Path, calls: int, minutes: float, tell: Callable[[str, float], None]
) -> tuple[list[Sample], RunResult]:
    """Samples in the order of their times, and what the callers met. `tell` is told how much of the whole is done.
    Raises `NotStarted`."""
    habits = Habits.for_shares(700)
    began_s, lasts_s = time.monotonic(), minutes * 60

    def tell_of_whole(what: str, _: float) -> None:
        tell(what, min(1.0, (time.monotonic() - began_s) / lasts_s))

    plan = Plan(content, tell=tell_of_whole)
    met = RunResult()
    with model(folder, Mind(700, habits.listen_ms)) as sonic, server(folder, calls, sonic, content) as house:
        watch = Watch(house)
        until, number = time.monotonic() + lasts_s, 0
        with watch.looking():
            while not number or time.monotonic() < until:
                number += 1
                began = time.monotonic_ns() + START_MS * MS
                end = began + int((RAMP_S + ROUND_S) * 1000) * MS
                numbers = [*range(1_000 * number, 1_000 * number + calls)]
                window = (began, end)
                orders = Orders(
                    house.voice_url, numbers, calls, began, int(RAMP_S * 1000), end, window, habits, first=numbers[0]
                )
                met.add(generate([orders], folder, plan, f"round {number} of {calls} calls", end))
                time.sleep(QUIET_S)
                watch.samples.append(watch.look(idle=True))
    return sorted(watch.samples, key=lambda sample: sample.at_s), met
