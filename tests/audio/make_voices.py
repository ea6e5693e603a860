"""Makes tests/audio/voices/ anew: `python -m tests.audio.make_voices` (needs the program flite and its voices).

Each file is one utterance as a telephone carries it: mono, 8000 Hz, mu-law, at the level of the labelled set.
"""

import subprocess
import tempfile
from pathlib import Path

from app.audio.clip import levelled, read_wav, resample, trimmed, write_wav
from app.audio.labelled import SPEECH_DBFS

HERE = Path(__file__).parent / "voices"
VOICES = {"rms": "a man", "slt": "a woman"}
UTTERANCES = (
    "Hello",
    "Stop",
    "Yes please",
    "No thank you",
    "Wait a moment",
    "Excuse me",
    "I have a question",
    "Can I speak to someone",
    "What time do you open",
    "My order is late",
    "Five five one two",
    "Actually that is wrong",
    "Okay go ahead",
    "Right",
    "Agent",
    "Help me please",
    "Sorry say that again",
    "Nine o'clock tomorrow",
    "How much does it cost",
    "Thanks goodbye",
)


def make(voice: str, number: int, words: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.wav"
        subprocess.run(["flite", "-voice", voice, "-t", words, "-o", str(raw)], check=True)
        clip = resample(read_wav(raw), 8_000)
    write_wav(HERE / f"{voice}-{number:02}.wav", trimmed(levelled(clip, SPEECH_DBFS), keep_ms=60), mulaw=True)


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for voice in VOICES:
        for number, words in enumerate(UTTERANCES, 1):
            make(voice, number, words)


if __name__ == "__main__":
    main()
