"""The contract of every way a caller reaches us."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from app.call.events import KeyPressed, LegAttached, LegEnded, LegStalled, MarkEchoed


@dataclass(frozen=True, slots=True)
class AudioFormat:
    encoding: Literal["mulaw", "pcm16"]
    rate: int  # Hz
    frame_bytes: int  # of 20 ms

    @property
    def silence(self) -> bytes:
        return b"\xff" if self.encoding == "mulaw" else b"\x00"


MULAW_8K = AudioFormat("mulaw", 8_000, 160)


@dataclass(frozen=True, slots=True)
class LineAudio:
    """Caller audio as the leg carries it; the bridge's transcoder makes it the machine's `CallerAudio`."""

    leg: int
    audio: bytes


@dataclass(frozen=True, slots=True)
class LineMeasured:
    """How the caller's audio came in the last second: the widest gap between two messages, how much later than the most
    punctual one of the leg the last came, and frames that the other end counts and that never came."""

    leg: int
    gap_s: float
    delay_s: float
    missing: int


type LegReport = LegAttached | LineAudio | LineMeasured | KeyPressed | MarkEchoed | LegStalled | LegEnded


class Leg(Protocol):
    """One open way to the caller. Commands never wait; a full outbox comes back as `LegStalled`."""

    @property
    def ordinal(self) -> int: ...

    @property
    def format(self) -> AudioFormat: ...

    def events(self) -> AsyncIterator[LegReport]:
        """What comes from the caller, until the leg ends. The last one is `LegEnded`."""
        ...

    def send_frames(self, audio: bytes) -> None:
        """Whole frames in `format`."""
        ...

    def send_mark(self, name: str) -> None: ...

    def clear(self) -> None:
        """Drop what waits in the outbox and tell the telephone to drop its buffer, ahead of everything else."""
        ...

    def hang_up(self) -> None:
        """Send what waits, then close."""
        ...
