"""The AWS SDK for JavaScript, from its registry, talks with `offhook emulate sonic`.

    python -m tests.peers.node_sonic

Exits 0 only when a user's text, an assistant's text and audio came back, and the session ended in order.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.peers.emulator import CACHE, HERE, KEYS, emulator

SOURCE = HERE / "node"


def project() -> Path:
    """A folder with the locked packages installed; made once for each lock."""
    lock = SOURCE / "package-lock.json"
    folder = CACHE / f"node-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "talk.mjs"):
        shutil.copy(SOURCE / name, folder / name)
    if not (folder / "complete").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True)
        (folder / "complete").touch()
    return folder


def main() -> int:
    folder = project()
    with tempfile.TemporaryDirectory() as certificates, emulator(Path(certificates)) as sonic:
        own = {"SONIC_ENDPOINT": sonic.endpoint, "NODE_EXTRA_CA_CERTS": sonic.ca_file, **KEYS}
        return subprocess.run(["node", "talk.mjs"], cwd=folder, env={**os.environ, **own}, timeout=120).returncode


if __name__ == "__main__":
    sys.exit(main())
