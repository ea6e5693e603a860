"""Several real processes behind one port."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.simulator.load.processes import free_port
from app.web.workers import AGAIN_S, again_after

ROOT = Path(__file__).parents[2]
PATIENCE_S = 40.0


class Parent:
    def __init__(self, process: subprocess.Popen[bytes], said: Path, port: int) -> None:
        self.process = process
        self.said = said
        self.url = f"http://127.0.0.1:{port}"

    def started(self) -> list[int]:
        """Process ids of the workers, in the order in which they were started."""
        return [int(pid) for pid in re.findall(r'"pid": (\d+)', self.said.read_text())]

    def get(self, path: str) -> httpx.Response | None:
        try:
            return httpx.get(self.url + path, trust_env=False)
        except httpx.TransportError:
            return None


@contextmanager
def two_workers(folder: Path) -> Iterator[Parent]:
    port, said = free_port(), folder / "said"
    env = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://127.0.0.1:9", "DATA_DIR": str(folder / "data")}
    env |= {"AWS_ACCESS_KEY_ID": "AKIANOBODY", "AWS_SECRET_ACCESS_KEY": "nothing", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "app.cli", "serve", "--local", "--port", str(port), "--workers", "2"]
    with said.open("wb") as errors:
        process = subprocess.Popen(command, env={**os.environ, **env}, cwd=folder, stderr=errors)
    try:
        yield Parent(process, said, port)
    finally:
        process.kill()
        process.wait()


def until(good: object) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not good():  # type: ignore[operator]
        assert time.monotonic() < give_up, "waited too long"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]


def test_a_worker_that_dies_is_started_again_and_one_signal_ends_all(tmp_path: Path) -> None:
    with two_workers(tmp_path) as parent:
        until(lambda: len(parent.started()) == 2 and parent.get("/healthz"))
        first = parent.started()[0]
        os.kill(first, signal.SIGKILL)
        until(lambda: len(parent.started()) == 3)
        shown = parent.get("/metrics")
        assert shown is not None and "offhook_calls_live" in shown.text
        parent.process.terminate()
        assert parent.process.wait(PATIENCE_S) == 0
        assert all(gone(pid) for pid in parent.started())
    assert "worker died" in parent.said.read_text()


@pytest.mark.slow
def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    with two_workers(tmp_path) as parent:
        until(lambda: len(parent.started()) == 2 and parent.get("/healthz"))
        parent.process.kill()
        until(lambda: all(gone(pid) for pid in parent.started()))


def test_a_worker_that_dies_again_and_again_is_given_more_time() -> None:
    assert [again_after(deaths) for deaths in range(6)] == [*AGAIN_S, 30.0, 30.0]
