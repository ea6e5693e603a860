"""What callers say, with the known answer each asks for, and the two halves the figures are reported for.

The half a line belongs to comes from a hash of its words alone, so it was decided before the matcher saw any of them.
`heard.json` holds the same lines as recognised after a telephone line; `recognise.py` makes it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HERE = Path(__file__).parent
HEARD = HERE / "heard.json"
NOTHING = "nothing"
WRITINGS = ("first", "second")

type Half = Literal["tuning", "untouched"]


@dataclass(frozen=True, slots=True)
class Utterance:
    """One caller's words. `answer` is the phrase that answers them, "" for none; `kind` says why none does."""

    text: str
    answer: str
    kind: str
    writing: str

    @property
    def half(self) -> Half:
        return "tuning" if hashlib.sha256(self.text.encode()).digest()[0] % 2 else "untouched"


def utterances() -> list[Utterance]:
    """The English ones, of both writings."""
    return [utterance for writing in WRITINGS for utterance in _written(writing)]


def spanish() -> list[Utterance]:
    return _written("spanish")


def _written(writing: str) -> list[Utterance]:
    found = []
    section = ""
    for line in (HERE / f"{writing}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            section = line.removeprefix("== ")
        elif section and line.strip():
            name, _, kind = section.partition(": ")
            found.append(Utterance(line.strip(), "" if name == NOTHING else name, kind, writing))
    return found


def heard() -> dict[str, str]:
    """Utterance -> the words the recogniser made of it."""
    found: dict[str, str] = json.loads(HEARD.read_text(encoding="utf-8"))
    return found
