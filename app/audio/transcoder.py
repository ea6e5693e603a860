"""One call's sound between its leg and its engine: formats and rates both ways, and the speech detector on the way in.

The reference. `played` takes what is handed to the telephone; the detector must know what the telephone plays *now*. No
clock is needed: a telephone plays 20 ms while it sends 20 ms, so every 20 ms pushed takes 20 ms from the reference, as
the telephone takes them from its buffer. `cleared` empties it as `clear` empties the telephone's.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

import audioop

from app.audio import g711
from app.audio.framing import Framer
from app.audio.resample import Resampler
from app.audio.vad import FRAME_BYTES, FRAME_MS, RATE, Edge, Sensitivity, SpeechBegan, SpeechDetector, SpeechStopped

type Encoding = Literal["mulaw", "pcm16"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What one push gave: PCM16 at the engine's input rate, its whole milliseconds, and perhaps one edge of speech.

    The edge is dated from the end of `pcm`. A burst may hold several edges: each comes with a push of its own.
    """

    pcm: bytes
    ms: int
    edge: Edge | None = None


class Transcoder:
    """For one leg and the sessions that serve it. Keeps the detector's knowledge of the line: make one for each leg.

    `encoding` and `rate` are the leg's (mu-law is 8000 Hz); engine rates are of PCM16, in Hz. `ValueError` for a rate
    that is no multiple of 400 between 8000 and 48000.
    """

    __slots__ = (
        "_down",
        "_ear",
        "_edges",
        "_heard_ms",
        "_line",
        "_ms_bytes",
        "_mulaw",
        "_odd",
        "_playing",
        "_reference",
        "_to_ear",
        "_up",
        "_vad",
    )

    def __init__(
        self,
        encoding: Encoding,
        rate: int,
        engine_input_rate: int = 16_000,
        engine_output_rate: int = 8_000,
        sensitivity: Sensitivity | None = None,
    ) -> None:
        self._mulaw = encoding == "mulaw"
        if self._mulaw and rate != RATE:
            raise ValueError(f"mu-law at {rate} Hz")
        width = 1 if self._mulaw else 2
        self._ms_bytes = rate * width // 1000
        self._line = Framer(self._ms_bytes)
        self._up = Resampler(rate, engine_input_rate)
        self._down = Resampler(engine_output_rate, rate)
        self._odd = Framer(2)  # an engine may cut its audio in the middle of a sample
        self._to_ear = Resampler(rate, RATE)
        self._ear = Framer(FRAME_BYTES)
        self._vad = SpeechDetector(sensitivity)
        self._edges: deque[tuple[Edge, int]] = deque()  # with the line's age in ms when it was found
        self._heard_ms = 0
        self._reference = Framer(self._ms_bytes * FRAME_MS)
        self._playing: deque[int] = deque()  # RMS of each 20 ms that the telephone has yet to play

    @property
    def speaking(self) -> bool:
        """Whether the caller is speaking, as far as the detector knows."""
        return self._vad.speaking

    def push(self, line_audio: bytes) -> Heard:
        """Caller audio as the leg carries it, of any length; less than a millisecond waits for the next push."""
        line = self._line.push(line_audio)
        ms = len(line) // self._ms_bytes
        linear = g711.decode(line) if self._mulaw else line
        self._heard_ms += ms
        self._listen(self._to_ear.push(linear))
        return Heard(self._up.push(linear), ms, self._next_edge() if self._edges else None)

    def reply(self, pcm: bytes) -> bytes:
        """Speech of the engine (PCM16 at its output rate, any length) in the leg's format; not cut into frames."""
        linear = self._down.push(self._odd.push(pcm))
        return g711.encode(linear) if self._mulaw else linear

    def reset_reply(self) -> None:
        """After a cut: the next reply begins after silence. Fitting between any two replies, too."""
        self._down.reset()
        self._odd.reset()

    def played(self, audio: bytes) -> None:
        """Audio in the leg's format that has just been handed to the telephone, behind all that was handed before."""
        frames = self._reference.push(audio)
        size = self._ms_bytes * FRAME_MS
        for start in range(0, len(frames), size):
            frame = frames[start : start + size]
            self._playing.append(audioop.rms(g711.decode(frame) if self._mulaw else frame, 2))

    def cleared(self) -> None:
        """The telephone was told to drop what it had not played. What it did play may still be echoed."""
        self._playing.clear()
        self._reference.reset()

    def _listen(self, linear: bytes) -> None:
        frames = self._ear.push(linear)
        for start in range(0, len(frames), FRAME_BYTES):
            playing = self._playing.popleft() if self._playing else 0
            edge = self._vad.hear(frames[start : start + FRAME_BYTES], playing)
            if edge:
                waiting_ms = len(self._ear.carried) // (2 * RATE // 1000)
                left_ms = (len(frames) - start) // FRAME_BYTES * FRAME_MS - FRAME_MS
                self._edges.append((edge, self._heard_ms - waiting_ms - left_ms))

    def _next_edge(self) -> Edge:
        edge, found_at_ms = self._edges.popleft()
        late_ms = self._heard_ms - found_at_ms
        if isinstance(edge, SpeechBegan):
            return SpeechBegan(edge.ago_ms + late_ms)
        return SpeechStopped(edge.spoken_ms, edge.ago_ms + late_ms)
