"""A telephone's play buffer as arithmetic: when it runs dry, and which marks have been reached. Pure.

8 bytes of mu-law are one millisecond. Nothing is played byte by byte: audio that arrives only moves the moment at which
the buffer will be dry, so a telephone costs nothing between two messages.
"""

from collections import deque

NS_A_BYTE = 125_000  # 8000 bytes a second


class Playback:
    def __init__(self) -> None:
        self.dry_at = 0  # ns; in the future while something waits
        self._marks: deque[tuple[int, str]] = deque()  # when reached, name

    def playing(self, now: int) -> bool:
        return self.dry_at > now

    def add(self, size: int, now: int) -> int:
        """`size` bytes arrived. For how long (ns) the buffer had been dry; 0 when it was not."""
        dry = max(0, now - self.dry_at)
        self.dry_at = max(self.dry_at, now) + size * NS_A_BYTE
        return dry

    def mark(self, name: str, now: int) -> None:
        """A mark behind all that waits: `reached` gives it when that has been played."""
        self._marks.append((max(self.dry_at, now), name))

    def clear(self, now: int) -> list[str]:
        """Throw away what waits. The marks that stood in it, which a telephone echoes at once."""
        names = [name for _, name in self._marks]
        self._marks.clear()
        self.dry_at = min(self.dry_at, now)
        return names

    def reached(self, now: int) -> list[str]:
        """The marks reached by now, in order, once each."""
        names = []
        while self._marks and self._marks[0][0] <= now:
            names.append(self._marks.popleft()[1])
        return names
