"""Who is heard in a track: tones found again."""

import audioop
import numpy as np

from app.audio.tones import goertzel

WINDOW_MS = 100
LOUD_DB = -34.0


def heard_ms(mulaw: bytes, hz: int) -> int:
    """How long this tone is in the sound, in steps of 100 ms."""
    return WINDOW_MS * len(windows(mulaw, hz))


def windows(mulaw: bytes, hz: int) -> list[int]:
    """The windows of 100 ms, counted from the beginning, that hold the tone."""
    pcm = np.frombuffer(audioop.ulaw2lin(mulaw, 2), np.int16)
    size = 8 * WINDOW_MS
    return [i for i in range(len(pcm) // size) if goertzel(pcm[i * size : (i + 1) * size], hz) > LOUD_DB]
