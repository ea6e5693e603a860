"""pipecat, from its registry and in an environment of its own, talks with `offhook emulate sonic`.

    python -m tests.peers.pipecat_sonic

Exits 0 only when a user's text, an assistant's text and audio came back, and a tool was run.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.peers.emulator import CACHE, HERE, emulator

LOCK = HERE / "pipecat.lock"


def environment() -> Path:
    """The Python of an environment with what the lock names; made once for each lock."""
    folder = CACHE / f"pipecat-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([str(python), *install, "-r", str(LOCK)], check=True)
        (folder / "complete").touch()
    return python


def main() -> int:
    python = environment()
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder)) as sonic:
        own = {"SONIC_ENDPOINT": sonic.endpoint, "SSL_CERT_FILE": sonic.ca_file}
        talk = [str(python), str(HERE / "pipecat_talk.py")]
        return subprocess.run(talk, env={**os.environ, **own}, timeout=180).returncode


if __name__ == "__main__":
    sys.exit(main())
