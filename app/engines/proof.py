"""Whether a model has read a line as it is written: its words, its end, its pace. Pure.

A speech model may add a greeting, answer instead of reading, stop in the middle or lose its thread. So its own account
of what it said (the FINAL texts) has to match the wording, its turn has to have ended by itself, and the sound must be
as long as the words take to say.
"""

from dataclasses import dataclass

from app.audio.clip import Clip, longest_pause, trimmed
from app.call.events import Stop
from app.content.spoken import same_words, syllables

SLOWEST, FASTEST = 2.0, 6.0  # syllables a second
FASTEST_IN = {"es": 8.0}  # where the syllables of a language are shorter: Spanish is read at 6 to 7
COUNT_ERROR = 1  # syllables: the estimate of a short line may be off by one
LONGEST_PAUSE_MS = 600


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of one attempt. `said` is None where the model never told it, `stop` where its turn did not end."""

    clip: Clip
    said: str | None
    stop: Stop | None


def flaw(reading: Reading, wording: str, language: str) -> str:
    """What is wrong with it, for a person; "" when it may be kept."""
    if reading.stop is not Stop.END_TURN:
        return f"its turn ended with {reading.stop.name}" if reading.stop else "its turn did not end"
    if reading.said is None:
        return "the model did not tell what it had said"
    if not same_words(reading.said, wording, language):
        return f"it said {reading.said!r}"
    fastest = FASTEST_IN.get(language.partition("-")[0], FASTEST)
    return pace_flaw(reading.clip, syllables(wording, language), fastest)


def pace_flaw(clip: Clip, count: int, fastest: float = FASTEST) -> str:
    """What is wrong with the sound of `count` syllables; `fastest`: how many a second may hold."""
    heard = trimmed(clip)
    seconds = heard.ms / 1000
    if not (count - COUNT_ERROR) / fastest <= seconds <= (count + COUNT_ERROR) / SLOWEST:
        return f"{count} syllables took {seconds:.1f} s"
    pause = longest_pause(heard)
    return f"it was silent for {pause} ms" if pause > LONGEST_PAUSE_MS else ""
