"""The model's own account of a run: what it heard when, and when it began to answer. Read from the files of
`offhook emulate sonic --log --positions`."""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from app.simulator.sonic.journal import read_positions

OUTPUT_RATE, SAMPLE_BYTES = 24_000, 2  # PCM16, where a session's opening does not tell the rate

_FOUR_DIGITS = re.compile(r"(?<!\d)\d ?\d ?\d ?\d(?!\d)")  # a history may spell them out


@dataclass(slots=True)
class Heard:
    """One session. `arrivals`: (bytes heard so far, ns); `replies`: when the first audio of each reply was written;
    `texts`: when it sent the words of each utterance; `said_ms`: the speech it generated in all."""

    session: int
    caller: str = ""  # last four digits, as the history told them
    arrivals: list[tuple[int, int]] = field(default_factory=list)
    replies: list[int] = field(default_factory=list)
    texts: list[int] = field(default_factory=list)
    said_ms: float = 0.0
    text_tokens: int = 0  # that it took in
    ended: str = ""
    ended_at: int = 0

    @property
    def heard_bytes(self) -> int:
        return self.arrivals[-1][0] if self.arrivals else 0


def read_model_log(log: Path, positions: Path, callers: Collection[str]) -> list[Heard]:
    """Every session that heard something. `callers`: the last four digits of those who rang."""
    sessions: dict[int, Heard] = {}
    first = defaultdict(lambda: True)
    rates = defaultdict(lambda: OUTPUT_RATE)
    with log.open() as lines:
        for line in lines:
            note = json.loads(line)
            number = note["session"]
            heard = sessions.setdefault(number, Heard(number))
            match note["event"]:
                case "textInput":
                    heard.caller = heard.caller or _caller_in(note["content"], callers)
                case "userText":
                    first[number] = True
                    heard.texts.append(note["ns"])
                case "interrupted":
                    first[number] = True
                case "audioStart" if first[number]:
                    first[number] = False
                    heard.replies.append(note["ns"])
                case "promptStart":
                    rates[number] = note["audioOutputConfiguration"]["sampleRateHertz"]
                case "ended":
                    heard.ended, heard.ended_at = note["how"], note["ns"]
                    heard.said_ms = note.get("said", 0) * 1000 / (rates[number] * SAMPLE_BYTES)
                    heard.text_tokens = note.get("usage", {}).get("input", {}).get("textTokens", 0)
    _add_arrivals(sessions, positions)
    return [heard for heard in sessions.values() if heard.arrivals]


def _caller_in(text: str, callers: Collection[str]) -> str:
    found = (digits.replace(" ", "") for digits in _FOUR_DIGITS.findall(text))
    return next((digits for digits in found if digits in callers), "")


def _add_arrivals(sessions: dict[int, Heard], positions: Path) -> None:
    for number, so_far, ns in read_positions(positions):
        sessions.setdefault(number, Heard(number)).arrivals.append((so_far, ns))


def by_caller(sessions: Iterable[Heard]) -> dict[str, list[Heard]]:
    """A call that went through several sessions has several."""
    found: dict[str, list[Heard]] = defaultdict(list)
    for heard in sessions:
        if heard.caller:
            found[heard.caller].append(heard)
    return found
