"""`offhook emulate sonic` for a peer that knows nothing of us: started as its users start it, on a free port."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".data" / "peers"
COMMAND = [sys.executable, "-c", "from app.cli.emulate import app; app()", "sonic"]
KEYS = {"AWS_ACCESS_KEY_ID": "PEER", "AWS_SECRET_ACCESS_KEY": "peer-secret"}


@dataclass(frozen=True, slots=True)
class Emulator:
    endpoint: str
    ca_file: str


@contextmanager
def emulator(folder: Path) -> Iterator[Emulator]:
    """With the scripted mind of `parcels.yaml`, every signature checked, and its certificate in `folder`."""
    arguments = ["--port", "0", "--ca", str(folder / "ca.pem"), "--mind", str(HERE / "parcels.yaml"), "--json"]
    environment = {**os.environ, **KEYS}
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            where = json.loads(process.stdout.readline())
            assert where["signatures"] == "checked"
            yield Emulator(where["endpoint"], where["ca"])
        finally:
            process.terminate()
