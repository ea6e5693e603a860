"""Tones on a telephone line: of keys that the carrier does not take out, of people who hum, of beeps and ringing."""

from functools import lru_cache

import audioop
import numpy as np

from app.audio.g711 import encode
from app.audio.tones import dtmf, goertzel, level, signal, sine

FRAME_BYTES = 160
FRAME_MS = 20
RECOGNISED_MS = 40  # a key is told apart after so much of its tone
BEEP_HZ = 1000


class KeyTones:
    """The tones of pressed keys, when the carrier leaves them in.

    A key sounds for `tone_ms`; the message that it was pressed goes out 40 ms after its beginning, so that the rest of
    the tone follows the message. 0: no tone, and the message goes out at once.
    """

    def __init__(self, tone_ms: int = 0) -> None:
        self.tone_ms = tone_ms
        self._frames: list[bytes] = []
        self._digit = ""
        self._sounded_ms = 0

    def press(self, digit: str) -> bool:
        """True when the message is due at once; else `frame` says when."""
        if not self.tone_ms:
            return True
        self._frames = key_tone(digit, self.tone_ms)
        self._digit, self._sounded_ms = digit, 0
        return False

    def frame(self) -> tuple[str, bytes]:
        """(key whose message is due now, 20 ms of tone); both empty when no key is down."""
        if not self._frames:
            return "", b""
        due = ""
        if self._digit and self._sounded_ms >= RECOGNISED_MS:
            due, self._digit = self._digit, ""
        self._sounded_ms += FRAME_MS
        return due, self._frames.pop(0)


def key_tone(digit: str, ms: int) -> list[bytes]:
    return frames_of(encode(dtmf(digit, on_ms=-(-ms // FRAME_MS) * FRAME_MS, off_ms=0).tobytes()))


@lru_cache(maxsize=16)
def hum(hz: int) -> tuple[bytes, ...]:
    """A second of a tone of whole hertz, in frames: its end meets its beginning."""
    return tuple(frames_of(encode(sine(hz, 1000, -26.0).tobytes())))


def frames_of(mulaw: bytes) -> list[bytes]:
    return [mulaw[i : i + FRAME_BYTES] for i in range(0, len(mulaw), FRAME_BYTES)]


@lru_cache(maxsize=4)
def beep(ms: int = 400) -> bytes:
    """Before a voicemail is recorded, or when somebody enters a conference; mu-law."""
    return encode(sine(BEEP_HZ, ms).tobytes())


@lru_cache(maxsize=1)
def ringing() -> bytes:
    """Six seconds of what a caller hears while another telephone rings, mu-law."""
    return encode(signal("ring", 6000).tobytes())


@lru_cache(maxsize=1)
def hold_music() -> bytes:
    """Where the service plays classical music: four seconds of a slow tune, mu-law."""
    return b"".join(encode(sine(hz, 1000, -30.0).tobytes()) for hz in (262, 330, 392, 330))


def is_beep(heard: bytes) -> bool:
    """Whether a frame holds the beep and nothing else."""
    samples = np.frombuffer(audioop.ulaw2lin(heard, 2), np.int16)
    return goertzel(samples, BEEP_HZ) > level(samples) - 1.0
