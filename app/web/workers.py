"""Several processes behind one port: started, watched over, started again when they die, told to stop.

The parent opens the port and every worker inherits the listening socket. That was chosen over SO_REUSEPORT, which gives
each process a queue of its own: connections in the queue of a process that dies are reset, and those of one that hangs
wait for nothing. In one shared queue they wait for whoever accepts next, and a busy loop accepts less.

The parent serves nobody and decides nothing about calls: a signal it gets is passed on, and each worker drains itself.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from prometheus_client.multiprocess import mark_process_dead

log = structlog.get_logger()

AGAIN_S = (0.2, 1.0, 5.0, 30.0)  # after a short life; the last one again and again
SHORT_LIFE_S = 10.0
MISUSED = 2  # a worker that ends with this would do so again


def again_after(short_lives: int) -> float:
    """Seconds until a worker is started again that has died so many times in a row soon after its start."""
    return AGAIN_S[min(short_lives, len(AGAIN_S) - 1)]


@dataclass(slots=True)
class Workers:
    """`command` and `env` start one worker, which is told its number (0 and up) and the inherited socket:
    `command... --worker NUMBER --listen-on FD`."""

    count: int
    command: Sequence[str]
    env: Mapping[str, str]
    listening: socket.socket
    exit_code: int = 0
    _running: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> int:
        """Until a signal has ended every worker. The exit code for the parent."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._pass_on, number)
        async with asyncio.TaskGroup() as group:
            for worker in range(self.count):
                group.create_task(self._keep(worker), name=f"worker {worker}")
        return self.exit_code

    def _pass_on(self, number: int) -> None:
        self._stopping.set()
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    async def _keep(self, worker: int) -> None:
        loop, short_lives = asyncio.get_running_loop(), 0
        while not self._stopping.is_set():
            began = loop.time()
            code = await self._live(worker)
            if self._stopping.is_set():
                return
            if code == MISUSED:
                self.exit_code = code
                self._pass_on(signal.SIGTERM)
                return
            short_lives = short_lives + 1 if loop.time() - began < SHORT_LIFE_S else 0
            delay = again_after(short_lives)
            log.error("! a worker died", worker=worker, code=code, again_in_s=delay)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _live(self, worker: int) -> int:
        fd = self.listening.fileno()
        words = [*self.command, "--worker", str(worker), "--listen-on", str(fd)]
        # A session of its own: a Ctrl-C is for the parent, which passes it on once.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *words, env=dict(self.env), pass_fds=[fd], start_new_session=True
        )
        self._running[worker] = process
        log.info("= worker started", worker=worker, pid=process.pid)
        if self._stopping.is_set():
            process.terminate()
        try:
            return await process.wait()
        finally:
            del self._running[worker]
            mark_process_dead(process.pid, self.env["PROMETHEUS_MULTIPROC_DIR"])  # type: ignore[no-untyped-call]
