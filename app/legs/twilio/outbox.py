"""What waits to go to the telephone: bounded in milliseconds of audio, in order, `clear` ahead of everything. Pure.

It is empty nearly always, because a socket that takes a message at once leaves nothing to wait. When it fills, new
audio is dropped and counted: a caller who hears a gap is better served than one who hears the bot late for ever.
"""

from collections import deque

from app.legs.twilio.messages import Writer

BYTES_PER_MS = 8  # mu-law, 8 kHz
LARGEST_MEDIA = 8_000  # bytes of audio in one message: one second


class Outbox:
    def __init__(self, stream_sid: str, limit_ms: int) -> None:
        self._writer = Writer(stream_sid)
        self._limit = limit_ms * BYTES_PER_MS
        self._waiting: deque[bytes | str] = deque()  # audio, or the name of a mark
        self._audio = 0
        self._clear = False
        self.dropped_ms = 0

    @property
    def waiting_ms(self) -> int:
        return self._audio // BYTES_PER_MS

    def add_audio(self, audio: bytes) -> bool:
        """Queue whole frames. False if there is no room: they are dropped. An empty box takes a piece of any size."""
        if self._audio and self._audio + len(audio) > self._limit:
            self.dropped_ms += len(audio) // BYTES_PER_MS
            return False
        self._waiting.append(audio)
        self._audio += len(audio)
        return True

    def add_mark(self, name: str) -> None:
        self._waiting.append(name)

    def clear(self) -> list[str]:
        """Drop everything that waits and put a clear first. Gives the names of the marks that will never leave."""
        dropped = [item for item in self._waiting if isinstance(item, str)]
        self._waiting.clear()
        self._audio = 0
        self._clear = True
        return dropped

    def next_message(self) -> str | None:
        """The next message to write, taken out of the box; audio that waits in a row goes as one."""
        if self._clear:
            self._clear = False
            return self._writer.clear
        if not self._waiting:
            return None
        item = self._waiting.popleft()
        if isinstance(item, str):
            return self._writer.mark(item)
        return self._writer.media(self._joined(item))

    def _joined(self, audio: bytes) -> bytes:
        size = len(audio)
        pieces = [audio]
        while self._waiting and isinstance(item := self._waiting[0], bytes) and size + len(item) <= LARGEST_MEDIA:
            pieces.append(item)
            size += len(item)
            self._waiting.popleft()
        self._audio -= size
        return audio if len(pieces) == 1 else b"".join(pieces)
