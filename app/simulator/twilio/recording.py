"""Recordings of a call: begun by TwiML or REST, paused, resumed, stopped, reported by callback. (twilio.md 1.9, 5.1)"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.audio import clip as sound
from app.audio.tones import mix
from app.simulator.lines import stereo_wav
from app.simulator.twilio.callbacks import rfc2822

BYTES_PER_MS = 8


@dataclass(slots=True)
class Recording:
    """`spans` are call times in ms during which it ran; the last one is open while it is in progress."""

    sid: str
    source: str
    channels: int
    began_ms: int
    callback: str = ""
    callback_method: str = "POST"
    events: Sequence[str] = ("completed",)
    skip_pauses: bool = False
    status: str = "in-progress"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    spans: list[tuple[int, int | None]] = field(default_factory=list)
    audio: bytes = b""  # the WAV, once it is over

    def __post_init__(self) -> None:
        self.spans.append((self.began_ms, None))

    def pause(self, now_ms: int, skip: bool) -> None:
        if self.status == "in-progress":
            self.skip_pauses = skip
            self._close_span(now_ms)
            self.status = "paused"

    def resume(self, now_ms: int) -> None:
        if self.status == "paused":
            self.spans.append((now_ms, None))
            self.status = "in-progress"

    def complete(self, now_ms: int, said: bytes, heard: bytes) -> None:
        """Stop for good and make the WAV of what the call's tracks hold."""
        self._close_span(now_ms)
        self.status = "completed"
        left, right = self._cut(said), self._cut(heard)
        self.audio = stereo_wav(left, right) if self.channels == 2 else mono_wav(left, right)

    @property
    def duration_ms(self) -> int:
        return sum((end if end is not None else begin) - begin for begin, end in self.spans)

    def fields(self, account_sid: str, call_sid: str, url: str) -> dict[str, str]:
        """What its callback says."""
        return {
            "AccountSid": account_sid,
            "CallSid": call_sid,
            "RecordingSid": self.sid,
            "RecordingUrl": url,
            "RecordingStatus": self.status,
            "RecordingDuration": str(round(self.duration_ms / 1000)),
            "RecordingChannels": str(self.channels),
            "RecordingStartTime": rfc2822(self.started),
            "RecordingSource": self.source,
            "RecordingTrack": "both",
        }

    def _close_span(self, now_ms: int) -> None:
        begin, end = self.spans[-1]
        if end is None:
            self.spans[-1] = (begin, now_ms)

    def _cut(self, track: bytes) -> bytes:
        """The recorded part of a track: pauses are silence, or left out when asked so."""
        pieces, last = [], None
        for begin, end in self.spans:
            if last is not None and not self.skip_pauses:
                pieces.append(b"\xff" * ((begin - last) * BYTES_PER_MS))
            pieces.append(track[begin * BYTES_PER_MS : (end or begin) * BYTES_PER_MS])
            last = end
        return b"".join(pieces)


def mono_wav(left_mulaw: bytes, right_mulaw: bytes) -> bytes:
    """Both tracks as one."""
    both = mix(sound.from_mulaw(left_mulaw).samples, sound.from_mulaw(right_mulaw).samples)
    return sound.wav_bytes(sound.Clip(8000, both))
