"""Real servers behind a real balancer, killed and restarted under live calls. The short one runs each time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.bench_moves import SHORT, Sizes

ROOT = Path(__file__).parents[2]


def moves(*words: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.bench_moves", "--json", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures: list[dict[str, object]] = json.loads(done.stdout)
    return figures


def test_calls_outlive_their_server() -> None:
    [killed] = moves("--short")
    assert killed["calls"] == SHORT.killed_calls
    assert (killed["lost"], killed["turns_lost"]) == ([], 0)


@pytest.mark.slow
def test_calls_outlive_their_server_a_rolling_restart_and_a_host_that_is_cut_off() -> None:
    killed, restarted, *cut = moves()
    assert (killed["calls"], restarted["calls"]) == (Sizes().killed_calls, Sizes().rolled_calls)
    assert [figures["calls"] for figures in cut] in ([], [Sizes().cut_calls])  # hosts of their own take root
