"""What the simulator received and sent, so that a test or a bench can prove that nothing was lost, repeated or late.

Times are CLOCK_MONOTONIC in nanoseconds, which processes of one host share. Audio is numbered: each arrival is noted
with the position of its last byte in the session's audio, so that an event written elsewhere can be matched by
position.

In process, read `SessionRecord`. In files, one JSON line a note ({"ns", "session", "dir": "<" in or ">" out, "event",
...}); audio arrivals as lines (all, or one in N), not at all, or packed in a file of their own (`POSITION` records)
for load.
"""

import asyncio
import json
import struct
import threading
import time
from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from app.simulator.mind import Brief

POSITION = struct.Struct("<IQQ")  # session's number, bytes heard so far, ns
BATCH = 512 * POSITION.size


@dataclass(frozen=True, slots=True)
class Note:
    ns: int
    direction: str  # "<" from the client, ">" to the client
    event: str
    detail: dict[str, Any]


@dataclass(slots=True)
class SessionRecord:
    """One session as it went."""

    number: int  # in the simulator's life, from 1
    access_key: str
    model: str
    opened_ns: int
    brief: Brief | None = None  # once the first audio or live text was here
    notes: list[Note] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)  # what was heard, if audio is kept
    audio_bytes: int = 0
    positions: array[int] = field(default_factory=lambda: array("Q"))  # pairs: bytes heard so far, ns
    said_bytes: int = 0
    events_in: int = 0
    signatures_verified: int = 0
    usage: dict[str, dict[str, int]] = field(default_factory=dict)
    ended: str = ""  # "" while open; "closed", "refused: ...", "lost", or a fault's name

    def events(self, event: str, direction: str | None = None) -> list[dict[str, Any]]:
        """Details of all notes of one event."""
        return [note.detail for note in self.notes if note.event == event and direction in (None, note.direction)]

    def audio_arrivals(self) -> list[tuple[int, int]]:
        """(bytes heard so far, ns) of each arrival."""
        return list(zip(self.positions[::2], self.positions[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class Keeping:
    """What of a session is kept, and where it is written."""

    log: Path | None = None  # JSON lines
    audio_lines: int = 1  # every Nth arrival of audio is a line; 0 for none
    positions: Path | None = None  # packed arrivals of audio
    dump: Path | None = None  # folder for what each session heard: N.pcm
    audio: bool = True  # keep what was heard, and when, in the record


class Journal:
    """Takes notes on the loop; a thread of its own writes them, so that no disk is waited for."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._packed = bytearray()
        self._queue: SimpleQueue[tuple[Path, bytes] | None] = SimpleQueue()
        self._writer: threading.Thread | None = None
        self.sessions: list[SessionRecord] = []

    def open(self) -> None:
        """Empty the files and start to write. Blocks: call it off the loop. Raises `OSError`."""
        for path in (self._keeping.log, self._keeping.positions):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"")
        if self._keeping.dump is not None:
            self._keeping.dump.mkdir(parents=True, exist_ok=True)
        if self._keeping.log or self._keeping.positions or self._keeping.dump:
            self._writer = threading.Thread(target=self._write, name="sonic-journal", daemon=True)
            self._writer.start()

    async def close(self) -> None:
        """Return when everything is written."""
        self._flush_positions()
        if self._writer is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._writer.join)

    def _write(self) -> None:
        with ExitStack() as files:
            opened: dict[Path, BinaryIO] = {}
            while (item := self._queue.get()) is not None:
                path, data = item
                if path.suffix == ".pcm":  # a dump: whole, and one of many
                    path.write_bytes(data)
                    continue
                if path not in opened:
                    opened[path] = files.enter_context(path.open("ab"))
                opened[path].write(data)
                if self._queue.empty():
                    for file in opened.values():
                        file.flush()

    def begin(self, access_key: str, model: str) -> SessionRecord:
        record = SessionRecord(len(self.sessions) + 1, access_key, model, time.monotonic_ns())
        self.sessions.append(record)
        self.note(record, "<", "open", {"accessKey": access_key, "model": model})
        return record

    def note(self, record: SessionRecord, direction: str, event: str, detail: dict[str, Any]) -> None:
        note = Note(time.monotonic_ns(), direction, event, detail)
        record.notes.append(note)
        self._line(record, note)

    def heard(self, record: SessionRecord, pcm: bytes) -> None:
        """Number an arrival of audio."""
        record.audio_bytes += len(pcm)
        now = time.monotonic_ns()
        keeping = self._keeping
        if keeping.audio:
            record.positions.append(record.audio_bytes)
            record.positions.append(now)
            record.audio += pcm
        if keeping.positions is not None:
            self._packed += POSITION.pack(record.number, record.audio_bytes, now)
            if len(self._packed) >= BATCH:
                self._flush_positions()
        if keeping.log is not None and keeping.audio_lines and record.events_in % keeping.audio_lines == 0:
            self._line(record, Note(now, "<", "audioInput", {"bytes": len(pcm), "to": record.audio_bytes}))

    def end(self, record: SessionRecord, how: str) -> None:
        """A session is over. Only the first reason counts."""
        if record.ended:
            return
        record.ended = how
        detail = {"how": how, "heard": record.audio_bytes, "said": record.said_bytes, "usage": record.usage}
        self.note(record, ">", "ended", detail)
        self._flush_positions()
        if self._keeping.dump is not None:
            self._queue.put((self._keeping.dump / f"{record.number}.pcm", bytes(record.audio)))

    def _line(self, record: SessionRecord, note: Note) -> None:
        if self._keeping.log is None:
            return
        head = {"ns": note.ns, "session": record.number, "dir": note.direction, "event": note.event}
        self._queue.put((self._keeping.log, json.dumps({**head, **note.detail}, default=str).encode() + b"\n"))

    def _flush_positions(self) -> None:
        if self._packed and self._keeping.positions is not None:
            self._queue.put((self._keeping.positions, bytes(self._packed)))
            self._packed.clear()


def read_positions(path: Path) -> Sequence[tuple[int, int, int]]:
    """(session's number, bytes heard so far, ns) of each packed arrival."""
    return list(POSITION.iter_unpack(path.read_bytes()))
