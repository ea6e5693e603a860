"""Speech to text, each caller by a process of its own (see `decoder` for what runs there).

A `Recogniser` takes audio from its first moment: what comes before its process is up waits in a bounded backlog. Texts
come back one for each phrase, in order. `Recognisers` keeps one spare process loaded, so that a caller's first words do
not wait for the model.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import structlog

from app.engines.offline.decoder import HEADER

HOUSE = Path(__file__).parents[3]  # where `app` is found, whatever the current folder
WAITING_BYTES = 20_000 * 32  # 20 s at 16 kHz, then audio is dropped: the process hangs or the machine is far too slow
END_LIMIT_S = 2.0
DECODER = "app.engines.offline.decoder"

log = structlog.get_logger()


class Recogniser:
    """One process. `begin` once, then `hear` and `phrase_ended`; none of them waits. `close` ends it. `program` is the
    module that runs there: `decoder` for free speech, `grammar` for the words of a menu."""

    def __init__(self, program: str = DECODER) -> None:
        self._program = program
        self._backlog: list[bytes] = []
        self._waiting = 0
        self._dropped = 0
        self._texts: deque[asyncio.Future[str]] = deque()
        self._process: Process | None = None
        self.loaded = asyncio.Event()
        self._life = asyncio.create_task(self._live())

    def begin(self, rate: int, words: Iterable[str] = ()) -> None:
        """`rate` of the audio to come, in Hz, and words that are likely (names, products: whatever the prompt has)."""
        self._send(b"V", json.dumps({"rate": rate, "words": sorted(words)}).encode())

    def hear(self, pcm: bytes) -> None:
        """PCM16 little-endian mono of the phrase that is open. Dropped (and logged once) when 20 s of it wait."""
        if self._unwritten() > WAITING_BYTES:
            if not self._dropped:
                log.warning("recogniser does not keep up; audio dropped")
            self._dropped += len(pcm)
            return
        self._send(b"A", pcm)

    def phrase_ended(self) -> asyncio.Future[str]:
        """End the phrase; its words come with the future (small letters, no figures; empty when nothing was
        understood, or when the process is lost)."""
        text: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self._life.done():
            text.set_result("")
        else:
            self._texts.append(text)
            self._send(b"E")
        return text

    @property
    def lost(self) -> bool:
        """The process has ended."""
        return self._life.done()

    async def close(self) -> None:
        """End the process: by the end of its input, or by force after two seconds."""
        process = self._process
        if process is None:
            self._life.cancel()
        elif process.stdin is not None:
            process.stdin.close()
        done, _ = await asyncio.wait([self._life], timeout=END_LIMIT_S)
        if not done and process is not None:
            process.kill()
        await asyncio.gather(self._life, return_exceptions=True)

    def _send(self, kind: bytes, body: bytes = b"") -> None:
        message = HEADER.pack(kind, len(body)) + body
        if self._process is None:
            self._backlog.append(message)
            self._waiting += len(message)
        elif self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(message)

    def _unwritten(self) -> int:
        stdin = self._process.stdin if self._process is not None else None
        return stdin.transport.get_write_buffer_size() if stdin is not None else self._waiting

    async def _live(self) -> None:
        """Start the process, hand it what waits, and read it to its end."""
        path = os.pathsep.join(filter(None, [str(HOUSE), os.environ.get("PYTHONPATH", "")]))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._program, stdin=PIPE, stdout=PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        try:
            self._adopt(process)
            await self._read(process)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # its output ended
        finally:
            self._forget()
            if process.returncode is None:
                await self._end(process)

    def _adopt(self, process: Process) -> None:
        assert process.stdin is not None
        process.stdin.write(b"".join(self._backlog))
        self._backlog.clear()
        self._process = process

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        while True:
            kind, length = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
            body = await process.stdout.readexactly(length)
            if kind == b"R":
                self.loaded.set()
            elif self._texts and not (text := self._texts.popleft()).done():
                text.set_result(body.decode())

    async def _end(self, process: Process) -> None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_LIMIT_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _forget(self) -> None:
        """Nobody waits for a text that will never come."""
        while self._texts:
            if not (text := self._texts.popleft()).done():
                text.set_result("")


class Recognisers:
    """Hands out recognisers; keeps one spare loaded from `start` to `close`, which ends those still out as well."""

    def __init__(self, program: str = DECODER) -> None:
        self._program = program
        self._spare: Recogniser | None = None
        self._out: set[Recogniser] = set()
        self._open = False

    async def start(self) -> None:
        """Load the spare; returns when it is ready (about half a second). Without it the first caller's wait is
        longer, nothing else."""
        self._open = True
        if self._spare is None:
            self._spare = Recogniser(self._program)
        await self._spare.loaded.wait()

    def take(self) -> Recogniser:
        """The spare (or a new one that is still loading); the next spare starts at once."""
        taken = self._spare or Recogniser(self._program)
        self._spare = Recogniser(self._program) if self._open else None
        self._out.add(taken)
        return taken

    async def give_back(self, recogniser: Recogniser) -> None:
        """A recogniser serves one caller: this ends it."""
        self._out.discard(recogniser)
        await recogniser.close()

    async def close(self) -> None:
        self._open = False
        everyone = [*self._out, *([self._spare] if self._spare is not None else [])]
        self._out.clear()
        self._spare = None
        await asyncio.gather(*(recogniser.close() for recogniser in everyone))
