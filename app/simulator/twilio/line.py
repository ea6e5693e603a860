"""The telephone line between a caller and Twilio: echo, noise, and frames that come late, in bursts or not at all.

Pure and seeded: the same line does the same again. `Line.carry` is told the frame the caller spoke and the frame the
caller heard in the same 20 ms; `Delivery` says when a frame is handed over.
"""

import random
from collections import deque
from dataclasses import dataclass

import audioop

from app.audio.tones import white

FRAME_MS = 20
FRAME_BYTES = 160
QUIET_FRAME = b"\xff" * FRAME_BYTES
FULL_SCALE = 32_768.0
NOISE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class LineOptions:
    """A clean line by default. Levels are dB against full scale (noise) and against what is played (echo)."""

    echo_db: float | None = None  # such as -25: what is played comes back, 25 dB weaker
    echo_ms: int = 150  # how late it comes back
    noise_db: float | None = None  # such as -50: noise of that RMS level all the time
    late_ms: int = 0  # every frame is up to this much late
    burst_frames: int = 1  # so many frames are held and handed over together
    drop_share: float = 0.0  # of the frames that never arrive
    stall_at_ms: int | None = None  # at this time nothing is delivered ...
    stall_ms: int = 1000  # ... for so long; then all of it at once
    tone_ms: int = (
        0  # a pressed key's tone stays in the audio for so long, as some carriers leave it; 0: it is taken out
    )
    mute_after_ms: int | None = None  # from then on no audio comes from the carrier at all (31953)
    seed: int = 1

    @property
    def colours_sound(self) -> bool:
        return self.echo_db is not None or self.noise_db is not None

    @property
    def disturbs_delivery(self) -> bool:
        return bool(self.late_ms or self.drop_share or self.stall_at_ms is not None or self.burst_frames > 1)


class Line:
    """Mixes echo and noise into the caller's frames: 160 bytes of mu-law in, 160 out."""

    def __init__(self, options: LineOptions) -> None:
        self._options = options
        self._echo_gain = 0.0 if options.echo_db is None else 10 ** (options.echo_db / 20)
        delay = max(0, options.echo_ms) // FRAME_MS
        self._played: deque[bytes] = deque([bytes(2 * FRAME_BYTES)] * delay)
        self._rng = random.Random(options.seed)
        level, ms = options.noise_db, NOISE_SECONDS * 1000
        self._noise = b"" if level is None else white(ms, level, options.seed).tobytes()

    def carry(self, spoken: bytes, heard: bytes) -> bytes:
        if not self._options.colours_sound:
            return spoken
        mixed = audioop.ulaw2lin(spoken, 2)
        if self._echo_gain:
            self._played.append(audioop.mul(audioop.ulaw2lin(heard, 2), 2, self._echo_gain))
            mixed = audioop.add(mixed, self._played.popleft(), 2)
        if self._noise:
            # A place at random in a few seconds of noise costs far less than fresh noise and never sounds a period.
            start = 2 * self._rng.randrange(len(self._noise) // 2 - FRAME_BYTES)
            mixed = audioop.add(mixed, self._noise[start : start + 2 * FRAME_BYTES], 2)
        return audioop.lin2ulaw(mixed, 2)


class Delivery:
    """When each frame of a stream is handed over: never before it was spoken, never out of order."""

    def __init__(self, options: LineOptions) -> None:
        self._options = options
        self._rng = random.Random(options.seed + 1)
        self._last_ms = 0

    def due_ms(self, index: int) -> int | None:
        """When frame `index` arrives, in ms since the stream began; None when it is lost on the way.

        Must be asked for each frame once, in order.
        """
        options = self._options
        if options.drop_share and self._rng.random() < options.drop_share:
            return None
        burst = max(1, options.burst_frames)
        due = (index // burst + 1) * burst * FRAME_MS
        if options.late_ms:
            due += self._rng.randrange(options.late_ms + 1)
        if options.stall_at_ms is not None and options.stall_at_ms <= due < options.stall_at_ms + options.stall_ms:
            due = options.stall_at_ms + options.stall_ms
        self._last_ms = max(self._last_ms, due)
        return self._last_ms
