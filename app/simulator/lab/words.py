"""What sounds in the laboratory's calls, and what of it was heard. Pure.

A line of the house is one tone; a reply of the model is one tone a word (`app.simulator.tonal`). `compared` lays what
was heard beside what was sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.simulator.prepared_audio import tone
from app.simulator.tonal import Sound, Tones

WORD_MS = 300
WHOLE_MS = 180  # a word was heard if so much of it was; less is a piece of it

PHRASES = {  # by wording: name, Hz, ms
    "Test desk, hello!": ("greeting", 400, 600),
    "One moment.": ("wait", 500, 400),
    "Sorry, I lost my thread.": ("sorry", 600, 500),
    "Are you there?": ("still_there", 700, 400),
    "Please say that again.": ("repeat", 800, 500),
    "There you are again.": ("back_again", 900, 500),
    "Thank you, goodbye!": ("goodbye", 1_000, 800),
    "Our line is out of order. Goodbye.": ("apology", 1_100, 700),
}
CARRIER = ("carrier", 1_200, 600)
# Words of one length: how far a text was heard is told by its share of the sound.
ANSWER = ("alpha", "bravo", "delta", "hotel", "india", "romeo", "tango", "tulip", "amber", "cedar", "maple", "olive")
SECOND = ("lemon", "mango", "peach")
PARDON = ("which",)
PITCHES = {word: 1_300 + 100 * place for place, word in enumerate((*ANSWER, *SECOND, *PARDON))}
TONES = Tones(PHRASES, CARRIER, PITCHES)


def spoken(words: Sequence[str], rate: int) -> bytes:
    """Words of the model as PCM16, one tone each."""
    return b"".join(tone(PITCHES[word], WORD_MS / 1000, rate) for word in words)


@dataclass(frozen=True, slots=True)
class Compared:
    """What was heard beside what was to be heard, each word by its name."""

    sent: tuple[str, ...]
    heard: tuple[str, ...]  # whole words only
    pieces: tuple[str, ...]  # of words that were cut
    lost: tuple[str, ...]
    repeated: tuple[str, ...]

    @property
    def in_order(self) -> bool:
        """Whether every word was heard for the first time in its turn."""
        firsts = list(dict.fromkeys(word for word in self.heard if word in self.sent))
        return firsts == [word for word in self.sent if word in firsts]


def compared(sent: Sequence[str], sounds: Sequence[Sound]) -> Compared:
    own = [sound for sound in sounds if sound.name in sent]
    heard = [sound.name for sound in own if sound.ms >= WHOLE_MS]
    return Compared(
        tuple(sent),
        tuple(heard),
        tuple(sound.name for sound in own if sound.ms < WHOLE_MS),
        tuple(word for word in sent if word not in heard),
        tuple(word for place, word in enumerate(heard) if word in heard[:place]),
    )


type Mark = Literal["heard", "lost", "again", "piece", "line"]


def told(sent: Sequence[str], sounds: Sequence[Sound]) -> list[tuple[str, Mark, int]]:
    """Every sound of a recording as (name, what it was, ms of the track), lost words at the place they should stand."""
    lines: list[tuple[str, Mark, int]] = []
    waiting = list(sent)
    seen: set[str] = set()
    for sound in sounds:
        if sound.name not in sent:
            lines.append((sound.name, "line", sound.at_ms))
        elif sound.ms < WHOLE_MS:
            lines.append((sound.name, "piece", sound.at_ms))
        elif sound.name in seen:
            lines.append((sound.name, "again", sound.at_ms))
        else:
            while waiting and waiting[0] != sound.name and sound.name in waiting:
                lines.append((waiting.pop(0), "lost", sound.at_ms))
            waiting = waiting[1:] if waiting and waiting[0] == sound.name else waiting
            seen.add(sound.name)
            lines.append((sound.name, "heard", sound.at_ms))
    return lines + [(word, "lost", -1) for word in waiting]
