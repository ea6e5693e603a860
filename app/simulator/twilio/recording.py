"""Recordings of a call: begun by TwiML or REST, paused, resumed, stopped, reported by callback. (twilio.md 1.9, 5.1)"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import audioop

from app.audio import clip as sound
from app.audio.tones import mix
from app.simulator.lines import sounding, stereo_wav
from app.simulator.twilio.callbacks import rfc2822

BYTES_PER_MS = 8
SILENCE = b"\xff"


@dataclass(slots=True)
class Recording:
    """What sounded in a call from `began_ms` of its time on. `pauses` are (from, to, skipped) in call ms; the last
    one's end is None while it lasts."""

    sid: str
    source: str
    channels: int
    began_ms: int
    callback: str = ""
    callback_method: str = "POST"
    events: Sequence[str] = ("completed",)
    track: str = "both"  # or inbound (the person's own words), outbound (what the person heard)
    trim: bool = False  # silence at both ends is left out
    status: str = "in-progress"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    pauses: list[tuple[int, int | None, bool]] = field(default_factory=list)
    audio: bytes = b""  # the WAV, once it is over
    duration_ms: int = 0  # of that

    def pause(self, now_ms: int, skip: bool) -> None:
        if self.status == "in-progress":
            self.pauses.append((now_ms, None, skip))
            self.status = "paused"

    def resume(self, now_ms: int) -> None:
        if self.status == "paused":
            self._end_pause(now_ms)
            self.status = "in-progress"

    def complete(self, now_ms: int, said: bytes, heard: bytes) -> None:
        """Stop for good and make the WAV of what the call's tracks hold; without sound in it, it is `absent`."""
        self._end_pause(now_ms)
        left, right = (self._cut(track, now_ms) for track in (said, heard))
        if self.track == "inbound":
            right = SILENCE * len(left)
        elif self.track == "outbound":
            left = SILENCE * len(right)
        if self.trim:
            left, right = trimmed(left, right)
        self.duration_ms = max(len(left), len(right)) // BYTES_PER_MS
        self.status = "completed" if self.duration_ms else "absent"
        self.audio = stereo_wav(left, right) if self.channels == 2 else mono_wav(left, right)

    @property
    def over(self) -> bool:
        return self.status in ("completed", "absent")

    @property
    def seconds(self) -> int:
        return round(self.duration_ms / 1000) or int(self.duration_ms > 0)

    def fields(self, account_sid: str, call_sid: str, url: str) -> dict[str, str]:
        """What its callback says."""
        return {
            "AccountSid": account_sid,
            "CallSid": call_sid,
            "RecordingSid": self.sid,
            "RecordingUrl": url,
            "RecordingStatus": self.status,
            "RecordingDuration": str(self.seconds),
            "RecordingChannels": str(self.channels),
            "RecordingStartTime": rfc2822(self.started),
            "RecordingSource": self.source,
            "RecordingTrack": self.track,
        }

    def _end_pause(self, now_ms: int) -> None:
        if self.pauses and self.pauses[-1][1] is None:
            begin, _, skip = self.pauses[-1]
            self.pauses[-1] = (begin, now_ms, skip)

    def _cut(self, track: bytes, now_ms: int) -> bytes:
        """The recorded part of a track: a pause is silence, or left out when asked so."""
        track = track[: now_ms * BYTES_PER_MS].ljust(now_ms * BYTES_PER_MS, SILENCE)
        pieces, at = [], self.began_ms
        for begin, end, skip in self.pauses:
            assert end is not None
            pieces.append(track[at * BYTES_PER_MS : begin * BYTES_PER_MS])
            pieces.append(b"" if skip else SILENCE * ((end - begin) * BYTES_PER_MS))
            at = end
        return b"".join([*pieces, track[at * BYTES_PER_MS :]])


def trimmed(left: bytes, right: bytes) -> tuple[bytes, bytes]:
    """Both tracks from the first sound in either to the last; empty when nothing sounds."""
    ends = [ends for ends in (sounding(audioop.ulaw2lin(track, 2)) for track in (left, right)) if ends[1]]
    if not ends:
        return b"", b""
    begin, end = min(first for first, _ in ends) * BYTES_PER_MS, max(last for _, last in ends) * BYTES_PER_MS
    return left[begin:end], right[begin:end]


def mono_wav(left_mulaw: bytes, right_mulaw: bytes) -> bytes:
    """Both tracks as one."""
    both = mix(sound.from_mulaw(left_mulaw).samples, sound.from_mulaw(right_mulaw).samples)
    return sound.wav_bytes(sound.Clip(8000, both))
