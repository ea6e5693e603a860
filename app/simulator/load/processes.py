"""What a load run needs beside its telephones, as child processes: a model, the server that is measured, a bare echo.

A child ends with us, however we end (Linux), and can be kept on some cores. What a server costs is read from outside,
over its whole process tree.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

from app.simulator.load.hosts import LOOPBACK, Host

ROOT = Path(__file__).parents[3]
KEY, SECRET = "AKIALOADRUN", "load-run-secret"
READY_WITHIN_S = 30.0
STOP_WITHIN_S = 8.0
# Variables of the machine's own set-up that would change what is measured.
OURS = ("AWS_", "NOVA_SONIC_", "TWILIO_", "PUBLIC_URL", "REDIS_URL", "STREAM_SECRET", "METRICS_TOKEN", "JOURNAL")

# Runs before the program proper: has the kernel end its own process when the parent ends, keeps to its cores, and goes
# to its host, where it listens for a program that would do so on loopback only.
_BEGIN = """
import ctypes, os, socket, sys
cores, namespace, address, port, *words = sys.argv[1:]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)
    if cores:
        os.sched_setaffinity(0, [int(core) for core in cores.split(",")])
    if namespace:
        os.setns(os.open("/run/netns/" + namespace, os.O_RDONLY), os.CLONE_NEWNET)
        listening = socket.create_server((address, int(port)), backlog=512)
        listening.set_inheritable(True)
        words += ["--listen-on", str(listening.fileno())]
os.execv(sys.executable, [sys.executable, "-m", *words])
"""


class NotStarted(Exception):
    """A child did not come up; the message says which, and the last of what it said."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process tree has used until now."""

    cpu_s: float  # user and system
    rss: int  # bytes


def usage(pid: int) -> Usage:
    """Of a process and all its children. A process that is gone has used nothing."""
    cpu, rss = 0.0, 0
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return Usage(0.0, 0)
    for process in tree:
        try:
            times = process.cpu_times()
            cpu += times.user + times.system
            rss += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return Usage(cpu, rss)


@dataclass(slots=True)
class Child:
    name: str
    process: subprocess.Popen[str]
    said: Path  # its stderr

    def tail(self) -> str:
        return "\n".join(self.said.read_text(errors="replace").splitlines()[-8:])

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def start(
    name: str,
    words: Sequence[str],
    folder: Path,
    env: Mapping[str, str] | None = None,
    cpu: Sequence[int] = (),
    at: Host | None = None,
    port: int = 0,
) -> Child:
    """`python -m` with `words`; its stderr goes to a file in `folder`. On a host of its own it is given the socket of
    `port` there, as `--listen-on`."""
    at = at or Host()
    said = folder / f"{name}.err"
    clean = {variable: value for variable, value in os.environ.items() if not variable.startswith(OURS)}
    environment = {**clean, "PYTHONPATH": str(ROOT), **(env or {})}
    with said.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, ",".join(map(str, cpu)), at.namespace, at.address, str(port), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            cwd=folder,
        )
    return Child(name, process, said)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


# --- the model ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mind:
    """How the simulated model answers: `think_ms` after the last sound, with `listen_ms` of speech. Of what callers
    say it hears one of `hears`, drawn anew each time."""

    think_ms: int
    listen_ms: int
    hears: Sequence[str] = ("well",)

    @property
    def pause_ms(self) -> int:
        """Of silence, before an utterance is over."""
        return min(500, max(200, self.think_ms - 100))

    def script(self) -> str:
        half = self.listen_ms / 2000
        say = [
            {"text": "Let me see what I can do for you.", "seconds": half},
            {"text": "There it is.", "seconds": half},
        ]
        return yaml.safe_dump(
            {
                "listening": {"pause_ms": self.pause_ms},
                "thinking": self.think_ms,
                "shuffled": True,
                "turns": [{"heard": text, "say": say} for text in self.hears],
                "otherwise": {"say": say},
            }
        )


LIMITS = {"streams": 5_000, "session_seconds": 7_200}


@dataclass(slots=True)
class Model:
    child: Child
    endpoint: str
    ca: Path
    log: Path
    positions: Path


@contextmanager
def model(folder: Path, mind: Mind, cpu: Sequence[int] = (), host: str = LOOPBACK) -> Iterator[Model]:
    """A simulated Nova Sonic that listens on `host`. Its log is whole once the block has ended. Raises `NotStarted`."""
    files = {name: folder / name for name in ("mind.yaml", "limits.yaml", "sonic.jsonl", "positions.bin", "ca.pem")}
    files["mind.yaml"].write_text(mind.script())
    files["limits.yaml"].write_text(yaml.safe_dump(LIMITS))
    options = ["--host", host, "--port", "0", "--json", "--verify-every", "50", "--log-audio", "none"]
    options += ["--mind", str(files["mind.yaml"]), "--limits", str(files["limits.yaml"]), "--ca", str(files["ca.pem"])]
    options += ["--log", str(files["sonic.jsonl"]), "--positions", str(files["positions.bin"])]
    keys = ["--access-key", KEY, "--secret-key", SECRET]
    child = start("sonic", ["app.cli", "emulate", "sonic", *options, *keys], folder, cpu=cpu)
    try:
        endpoint = str(json.loads(_first_line(child))["endpoint"])
        yield Model(child, endpoint, files["ca.pem"], files["sonic.jsonl"], files["positions.bin"])
    finally:
        child.stop()


def _first_line(child: Child) -> str:
    assert child.process.stdout is not None
    impatience = threading.Timer(READY_WITHIN_S, child.process.kill)
    impatience.start()
    line = child.process.stdout.readline()
    impatience.cancel()
    if not line:
        raise NotStarted(f"{child.name} did not start\n{child.tail()}")
    return line


# --- the server ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Server:
    child: Child
    port: int
    notes: dict[str, float] = field(default_factory=dict)
    host: str = LOOPBACK

    @property
    def voice_url(self) -> str:
        return f"http://{self.host}:{self.port}/twilio/voice"

    def usage(self) -> Usage:
        return usage(self.child.process.pid)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 while nobody listens."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def warm(self) -> int:
        """Model sessions at hand."""
        metrics = read_metrics(self.get("/metrics")[1])
        return int(metrics.get('offhook_pool_sessions{state="idle"}', 0))


def read_metrics(text: str) -> dict[str, float]:
    """Prometheus text: series -> value."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


@contextmanager
def server(
    folder: Path, calls: int, model: Model, content: Path, cpu: Sequence[int] = (), spare: bool = True
) -> Iterator[Server]:
    """`offhook serve` with room for `calls`, ready for the first. Without `spare` the account allows no more sessions
    than there are calls. Raises `NotStarted`."""
    port = free_port()
    env = {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.endpoint,
        "AWS_CA_BUNDLE": str(model.ca),
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "DATA_DIR": str(folder / "data"),
        "CONTENT_DIR": str(content),
        "FOREIGN_AUDIO": "true",  # phrases are rendered offline here
        "MAX_CALLS": str(calls + 20),
        "POOL_SIZE": str(calls + 10),
        "NOVA_SONIC_MAX_STREAMS": str(3 * calls + 20 if spare else calls),
        "NOVA_SONIC_SESSION_SECONDS": str(LIMITS["session_seconds"]),
        "DRAIN_SECONDS": "1",
    }
    child = start("server", ["app.cli", "serve", "--local", "--port", str(port)], folder, env, cpu)
    try:
        running = Server(child, port)
        until_ready(running)
        yield running
        running.notes = read_metrics(running.get("/metrics")[1])
    finally:
        child.stop()


def until_ready(running: Server) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while running.get("/readyz")[0] != 200:
        if time.monotonic() > until or running.child.process.poll() is not None:
            raise NotStarted(f"the server was not ready\n{running.child.tail()}")
        time.sleep(0.1)


@contextmanager
def neighbours(folder: Path, count: int, cpu: Sequence[int]) -> Iterator[None]:
    """So many processes that are always busy, on these cores."""
    with ExitStack() as running:
        for number in range(count):
            child = start(f"busy-{number}", ["app.simulator.load.busy"], folder, cpu=cpu)
            running.callback(child.stop)
        yield


# --- the bare echo ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Echo:
    child: Child
    url: str


@contextmanager
def bare_echo(folder: Path, cpu: Sequence[int] = ()) -> Iterator[Echo]:
    """A socket that sends back what it gets. Raises `NotStarted`."""
    port = free_port()
    child = start("echo", ["app.simulator.load.echo", str(port)], folder, cpu=cpu)
    try:
        until = time.monotonic() + READY_WITHIN_S
        while not _listens(port):
            if time.monotonic() > until or child.process.poll() is not None:
                raise NotStarted(f"the bare echo did not start\n{child.tail()}")
            time.sleep(0.05)
        yield Echo(child, f"ws://127.0.0.1:{port}/")
    finally:
        child.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
