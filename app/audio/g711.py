"""G.711 mu-law, the sound of the telephone: one byte a sample, 8000 a second.

Silence is 0xFF (positive zero). A sample that went through mu-law once survives any number of further round trips.
"""

import audioop

SILENCE = b"\xff"


def decode(mulaw: bytes) -> bytes:
    """PCM16 little-endian, two bytes for every byte given."""
    return audioop.ulaw2lin(mulaw, 2)


def encode(pcm: bytes) -> bytes:
    """mu-law, one byte for every sample of PCM16. Half a sample is the caller's mistake: `audioop.error`."""
    return audioop.lin2ulaw(pcm, 2)


def round_trip(pcm: bytes) -> bytes:
    """What a telephone makes of PCM16."""
    return decode(encode(pcm))
