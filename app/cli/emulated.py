"""The simulated Nova Sonic as a child process, for commands that need a model on this machine."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

KEY, SECRET = "AKIAEMULATED", "emulated-secret"
READY_WITHIN_S = 15
STOP_WITHIN_S = 5


class NoModel(Exception):
    """The simulator did not start; the message says why."""


@asynccontextmanager
async def emulated_sonic(ca_file: Path, *options: str) -> AsyncIterator[str]:
    """Its endpoint, once it answers. This process's SDK is pointed at it by the environment, keys included."""
    command = [sys.executable, "-m", "app.cli", "emulate", "sonic", "--port", "0", "--json", "--ca", str(ca_file)]
    keys = ["--access-key", KEY, "--secret-key", SECRET]
    child = await asyncio.create_subprocess_exec(*command, *keys, *options, stdout=asyncio.subprocess.PIPE)
    try:
        endpoint = await _endpoint(child)
        os.environ |= {
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        yield endpoint
    finally:
        await _stop(child)


async def _endpoint(child: asyncio.subprocess.Process) -> str:
    assert child.stdout is not None
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            line = await child.stdout.readline()
    except TimeoutError:
        raise NoModel(f"the simulated model did not start within {READY_WITHIN_S} s") from None
    if not line:
        raise NoModel("the simulated model ended at once; its own message stands above")
    return str(json.loads(line)["endpoint"])


async def _stop(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()
