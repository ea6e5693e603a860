"""Clients that know nothing of us talk with `offhook emulate sonic`. Slow: each installs itself once."""

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("peer", ["pipecat_sonic", "node_sonic"])
def test_a_peer_holds_a_conversation(peer: str) -> None:
    run = subprocess.run([sys.executable, "-m", f"tests.peers.{peer}"], capture_output=True, text=True, timeout=580)
    assert run.returncode == 0, run.stdout + run.stderr
