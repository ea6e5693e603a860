"""What processes use, read from outside at both ends of a stage's window."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from app.simulator.load.processes import Usage, usage


@contextmanager
def watching(server_pid: int, model_pid: int | None, window: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """Read what processes have used at both ends of the window; the dictionary is full when the block ends."""
    seen: dict[str, Any] = {}
    pids = [server_pid] if model_pid is None else [server_pid, model_pid]

    def watch() -> None:
        _sleep_until(window[0])
        before = [usage(pid) for pid in pids]
        psutil.cpu_percent()
        _sleep_until(window[1])
        busy = psutil.cpu_percent() / 100
        after = [usage(pid) for pid in pids]
        seconds = (window[1] - window[0]) / 1e9
        seen.update(
            server_cpu=_cores(before[0], after[0], seconds),
            model_cpu=_cores(before[-1], after[-1], seconds) if model_pid is not None else 0.0,
            machine_busy=busy,
            full_rss=after[0].rss,
        )

    watcher = threading.Thread(target=watch, name="watching", daemon=True)
    watcher.start()
    yield seen
    watcher.join()


def _cores(before: Usage, after: Usage, seconds: float) -> float:
    return (after.cpu_s - before.cpu_s) / seconds


def _sleep_until(at: int) -> None:
    time.sleep(max(0, at - time.monotonic_ns()) / 1e9)
