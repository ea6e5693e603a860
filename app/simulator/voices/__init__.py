"""The caller's lines as shipped audio, so that a scripted caller needs no synthesiser.

`index.txt` has one line for each file: its name, a tab, the words. The files are WAV, 8 kHz, mono, 16 bit, made by
`python -m app.simulator.make_voices` with flite's voice rms, the one that the offline recogniser understands best.
"""

import wave
from functools import cache
from importlib.resources import files

from app.engines.offline.words import words_of

RATE = 8000


def lines() -> dict[str, str]:
    """Every shipped line: its words -> the name of its file."""
    rows = files(__name__).joinpath("index.txt").read_text(encoding="utf-8").splitlines()
    return {text: name for name, text in (row.split("\t", 1) for row in rows if row)}


@cache
def line(text: str) -> bytes | None:
    """The audio of a shipped line as PCM16 little-endian, mono, 8000 Hz; None when it is not shipped. Capitals and
    punctuation do not matter. Reads a file of about 30 KB the first time."""
    wanted = words_of(text)
    name = next((name for said, name in lines().items() if words_of(said) == wanted), None)
    if name is None:
        return None
    with files(__name__).joinpath(name).open("rb") as file, wave.open(file) as wav:
        return bytes(wav.readframes(wav.getnframes()))
