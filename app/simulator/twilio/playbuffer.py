"""What waits to be played to the caller: bytes of mu-law, drained at 8000 a second by the clock that is passed in.

The buffer knows the time only as the integer milliseconds it is told, and plays exactly 8 bytes for each: what waits,
else silence. So its account of what was heard is continuous, and 8 bytes of it are one millisecond of the call.
A mark stands at a place in the buffer and is reached when all before it has been played.
"""

from collections import deque
from dataclasses import dataclass

BYTES_PER_MS = 8
SILENCE = b"\xff"  # mu-law +0


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a clear threw away: bytes never played, and the marks that stood among them, in order."""

    audio_bytes: int
    marks: tuple[str, ...]


class PlayBuffer:
    def __init__(self, now_ms: int = 0) -> None:
        self._clock_ms = now_ms
        self._waiting: deque[bytes] = deque()
        self._offset = 0  # bytes of the first waiting piece already played
        self._marks: deque[tuple[int, str]] = deque()  # (place in bytes since the beginning, name)
        self._heard = bytearray()
        self.added = 0  # bytes ever put in and not dropped
        self.played = 0  # bytes of those that the caller heard
        self.dry_since_ms = now_ms  # since when nothing waits; meaningful while `queued` is 0

    @property
    def queued(self) -> int:
        """Bytes that wait to be played."""
        return self.added - self.played

    def add(self, audio: bytes) -> None:
        """Append audio of any length; call `advance` with the time of arrival first."""
        if audio:
            self._waiting.append(audio)
            self.added += len(audio)

    def mark(self, name: str) -> bool:
        """Set a mark behind all that waits. True when nothing waits: it is reached at once and not kept."""
        if not self.queued:
            return True
        self._marks.append((self.added, name))
        return False

    def clear(self) -> Dropped:
        """Throw away all that waits. The marks among it are given back: Twilio echoes them although unheard."""
        dropped = Dropped(self.queued, tuple(name for _, name in self._marks))
        self._waiting.clear()
        self._marks.clear()
        self._offset = 0
        self.added = self.played
        self.dry_since_ms = self._clock_ms
        return dropped

    def advance(self, now_ms: int) -> list[str]:
        """Play until `now_ms` (never backwards) and return the names of the marks reached, in order."""
        wanted = (now_ms - self._clock_ms) * BYTES_PER_MS
        if wanted <= 0:
            return []
        ready = min(wanted, self.queued)
        self._take(ready)
        self._heard += SILENCE * (wanted - ready)
        if ready and not self.queued:
            self.dry_since_ms = self._clock_ms + -(-ready // BYTES_PER_MS)
        self._clock_ms = now_ms
        return self._reached()

    def take_heard(self, size: int) -> bytes:
        """The next `size` bytes of what the caller heard, silence included; b"" while there are fewer."""
        if len(self._heard) < size:
            return b""
        frame = bytes(self._heard[:size])
        del self._heard[:size]
        return frame

    def _take(self, count: int) -> None:
        self.played += count
        while count:
            piece = self._waiting[0]
            part = piece[self._offset : self._offset + count]
            self._heard += part
            count -= len(part)
            self._offset += len(part)
            if self._offset == len(piece):
                self._waiting.popleft()
                self._offset = 0

    def _reached(self) -> list[str]:
        names = []
        while self._marks and self._marks[0][0] <= self.played:
            names.append(self._marks.popleft()[1])
        return names
