"""The simulated Nova Sonic as a child process, for commands that need a model on this machine."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.cache.private_server import TIED_TO_US

KEY, SECRET = "AKIAEMULATED", "emulated-secret"
READY_WITHIN_S = 15
STOP_WITHIN_S = 5


class NoModel(Exception):
    """The simulator did not start; the message says why."""


class EmulatedSonic:
    """Starts at once; there is time to do other things (imports take a second) before `ready` is asked."""

    def __init__(self, ca_file: Path, *options: str) -> None:
        command = [sys.executable, "-m", "app.cli", "emulate", "sonic", "--port", "0", "--json", "--ca", str(ca_file)]
        keys = ["--access-key", KEY, "--secret-key", SECRET]
        tied = [sys.executable, "-c", TIED_TO_US, str(os.getpid())]  # however we end, it ends too
        self._child = subprocess.Popen([*tied, *command, *keys, *options], stdout=subprocess.PIPE, text=True)

    def ready(self) -> None:
        """Wait until it answers, and point this process's SDK at it, keys included. Blocks. Raises `NoModel`."""
        assert self._child.stdout is not None
        impatience = threading.Timer(READY_WITHIN_S, self._child.kill)
        impatience.start()
        line = self._child.stdout.readline()
        impatience.cancel()
        if not line:
            raise NoModel(f"the simulated model did not start within {READY_WITHIN_S} s, or ended at once")
        os.environ |= {
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": str(json.loads(line)["endpoint"]),
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


@contextmanager
def emulated_sonic(ca_file: Path, *options: str) -> Iterator[EmulatedSonic]:
    """A child for as long as the block lasts. Ask `ready` before the first session."""
    sonic = EmulatedSonic(ca_file, *options)
    try:
        yield sonic
    finally:
        sonic.stop()
