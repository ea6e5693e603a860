"""Each call's journal as a file: what it was told, and when, words masked. Written by one thread for all calls."""

import queue
import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import structlog

from app.call import events as e
from app.call.commands import Command
from app.call.journal import Mask, write

log = structlog.get_logger()

CLOSE_WITHIN_S = 3.0
WAITING_LINES = 100_000  # a disk that stands still costs journals, never a call


class JournalKeeper:
    """`with JournalKeeper(folder) as keeper`, then `keeper.note(...)` from the event loop: it takes microseconds.

    Lines go to `folder/<CallSid>.jsonl`. What the disk does not take is dropped and counted in `dropped`.
    """

    def __init__(self, folder: Path) -> None:
        self.dropped = 0
        self._folder = folder
        self._masks: dict[str, Mask] = {}
        self._lines: queue.Queue[tuple[str, e.Event, int, Mask, Sequence[Command]] | None] = queue.Queue(WAITING_LINES)
        self._thread = threading.Thread(target=self._keep, name="journal", daemon=True)

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """A disk that stands still keeps nobody from ending: what it has not taken is lost."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=CLOSE_WITHIN_S)
            self._thread.join(CLOSE_WITHIN_S)

    def note(self, call_sid: str, at_ms: int, event: e.Event, commands: Sequence[Command] = ()) -> None:
        mask = self._masks.get(call_sid)
        if mask is None:
            mask = self._masks[call_sid] = Mask(secrets.token_bytes(16))
        try:
            self._lines.put_nowait((call_sid, event, at_ms, mask, commands))
        except queue.Full:
            self.dropped += 1

    def forget(self, call_sid: str) -> None:
        """The call has ended: nobody can ever unmask its words now."""
        self._masks.pop(call_sid, None)

    def _keep(self) -> None:
        while (job := self._lines.get()) is not None:
            call_sid, event, at_ms, mask, commands = job
            try:
                with (self._folder / f"{call_sid}.jsonl").open("a", encoding="utf-8", errors="replace") as file:
                    file.write(write(event, at_ms, mask, commands) + "\n")
            except Exception as error:  # one call's line must not end all calls' journals
                self.dropped += 1
                log.warning("! a journal's line was not written", error=type(error).__name__)
