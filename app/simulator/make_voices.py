"""`python -m app.simulator.make_voices` [FILE]: make the audio of the caller's lines.

Reads the lines (one a row) from FILE, else from the shipped index, and writes `app/simulator/voices/`. Needs flite.
"""

import re
import sys
import wave
from pathlib import Path

from app.engines.offline.speak import speak
from app.simulator import voices

VOICE = "rms"


def file_name(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower())[:10]) + ".wav"


def make(texts: list[str], folder: Path) -> None:
    """One WAV a line and the index. Files of lines no longer listed are removed."""
    for old in folder.glob("*.wav"):
        old.unlink()
    for text in texts:
        with wave.open(str(folder / file_name(text)), "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(voices.RATE)
            wav.writeframes(speak(text, VOICE, voices.RATE))
    (folder / "index.txt").write_text("".join(f"{file_name(text)}\t{text}\n" for text in texts), encoding="utf-8")


def main() -> None:
    given = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines() if sys.argv[1:] else list(voices.lines())
    make([text.strip() for text in given if text.strip()], Path(voices.__file__).parent)


if __name__ == "__main__":
    main()
