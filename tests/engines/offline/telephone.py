"""What a telephone line does to speech, and how a server hands it on."""

import audioop
import numpy as np
import soxr

from app.engines.offline.endpoint import Endpointer, PhraseEnded, Voice
from app.engines.offline.recognise import Recogniser


def over_the_line(pcm: bytes) -> bytes:
    """8 kHz PCM16 through mu-law and back, at the 16 kHz that engines are given."""
    narrow = audioop.ulaw2lin(audioop.lin2ulaw(pcm, 2), 2)
    return bytes(soxr.resample(np.frombuffer(narrow, "<i2"), 8000, 16000).tobytes())


async def heard(recogniser: Recogniser, pcm: bytes, rate: int) -> str:
    """All that is understood of `pcm`, with a second of quiet on each side."""
    endpointer, texts = Endpointer(rate, 800), []
    quiet = bytes(rate * 2)
    for mark in endpointer.push(quiet + pcm + quiet):
        match mark:
            case Voice(audio):
                recogniser.hear(audio)
            case PhraseEnded():
                texts.append(recogniser.phrase_ended())
    return " ".join([await text for text in texts])
