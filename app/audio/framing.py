"""Cutting a stream of bytes into whole frames; what does not fill one is carried to the next push."""

from collections.abc import Iterator

from app.audio.g711 import SILENCE

MULAW_FRAME = 160  # bytes of 20 ms at 8000 Hz


class Framer:
    """Gives back whole frames only. Nothing is lost: out + `carried` is always in."""

    __slots__ = ("_carry", "_size")

    def __init__(self, size: int = MULAW_FRAME) -> None:
        self._size = size
        self._carry = b""

    @property
    def carried(self) -> bytes:
        """What waits for the rest of its frame."""
        return self._carry

    def push(self, audio: bytes) -> bytes:
        """All whole frames there are now, joined together; perhaps none."""
        if self._carry:
            audio = self._carry + audio
        over = len(audio) % self._size
        if not over:
            self._carry = b""
            return audio
        self._carry = audio[-over:]
        return audio[:-over]

    def flush(self, silence: bytes = SILENCE) -> bytes:
        """The last frame, filled up with silence; empty when nothing was carried."""
        last, self._carry = self._carry, b""
        return pad(last, self._size, silence)

    def reset(self) -> None:
        """Forget what was carried."""
        self._carry = b""


def pad(audio: bytes, size: int = MULAW_FRAME, silence: bytes = SILENCE) -> bytes:
    """`audio` filled up with `silence` (one byte) to a whole number of frames."""
    return audio + silence * (-len(audio) % size)


def frames(audio: bytes, size: int = MULAW_FRAME) -> Iterator[bytes]:
    """Frame by frame; a last one that is not whole comes as it is."""
    for start in range(0, len(audio), size):
        yield audio[start : start + size]
