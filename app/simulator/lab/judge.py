"""What a recording says of a call in which something broke. Pure.

Times are ms of the caller's track, which begins when the call is answered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.simulator.lab.cells import Cell
from app.simulator.lab.words import ANSWER, SECOND, Compared, compared
from app.simulator.tonal import Sound

BREAK_MS = 200  # a longer pause between words is a break
FRAME_MS = 20
SLACK_MS = 100  # what a loaded machine may add to a limit before a cell is marked
HEARD_SHARE = 0.9  # of the caller's question, by the session that heard most of it
GOOD_ENDS = frozenset({"caller_hung_up", "completed"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one call: what the caller heard, when they stopped speaking, when it broke (None: it never did), how much of
    the question the model heard best, and how it ended."""

    sounds: Sequence[Sound]
    asked_until_ms: int
    struck_ms: int | None
    question_ms: int
    question_heard_ms: int
    disposition: str
    sessions: int


@dataclass(frozen=True, slots=True)
class Verdict:
    cell: Cell
    silence_ms: int
    recovery_ms: int  # from the break to the next word of an answer, where there was a pause; -1: none came
    answer: Compared
    second: Compared
    question_lost: bool
    disposition: str
    sessions: int
    lines: tuple[str, ...]  # of the house, after the greeting
    struck: bool
    broken: tuple[str, ...]  # promises, in words

    @property
    def good(self) -> bool:
        return not self.broken

    def document(self) -> dict[str, Any]:
        return {
            "fault": self.cell.fault,
            "stage": self.cell.stage,
            "silence_ms": self.silence_ms,
            "limit_ms": self.cell.limit_ms,
            "recovery_ms": self.recovery_ms,
            "answer": _plain(self.answer),
            "second": _plain(self.second),
            "question_lost": self.question_lost,
            "disposition": self.disposition,
            "sessions": self.sessions,
            "lines": list(self.lines),
            "struck": self.struck,
            "broken": list(self.broken),
        }


def _plain(found: Compared) -> Mapping[str, Any]:
    return {name: list(value) for name, value in asdict(found).items() if name != "sent"}


def judge(cell: Cell, seen: Evidence) -> Verdict:
    struck = seen.struck_ms is not None
    from_ms = max(seen.asked_until_ms, seen.struck_ms or 0)
    asked_again = _asked_again(seen)
    # A caller who was asked to say it again is answered anew, from the beginning and to the end.
    counted = [sound for sound in seen.sounds if asked_again is None or sound.at_ms >= asked_again]
    answer, second = compared(ANSWER, counted), compared(SECOND, counted)
    given_up = next((s.at_ms for s in seen.sounds if s.name == "apology"), None) if cell.for_good else None
    until_ms = given_up or (asked_again if asked_again is not None and asked_again >= from_ms - FRAME_MS else None)
    silence = longest_silence(seen.sounds, from_ms, until_ms or _end(seen.sounds, from_ms))
    question_lost = asked_again is None and seen.question_heard_ms < HEARD_SHARE * seen.question_ms
    broken = [] if struck or cell.fault in ("none", "line-loses") else ["the fault never struck"]
    if silence > cell.limit_ms + SLACK_MS:
        broken.append(f"{silence} ms of silence, {cell.limit_ms} promised")
    if cell.for_good:
        broken += _untold(given_up is not None, seen.disposition)
    else:
        broken += _unanswered(cell, seen, answer, second if asked_again is None else None, question_lost)
    if seen.disposition == "never" and not seen.sessions:
        broken = ["the call was refused: this machine is too busy for so many calls at once, see --at-once"]
    return Verdict(
        cell,
        silence,
        _recovery(seen),
        answer,
        second,
        question_lost,
        seen.disposition,
        seen.sessions,
        tuple(s.name for s in seen.sounds if s.name not in (*ANSWER, *SECOND, "greeting")),
        struck,
        tuple(broken),
    )


def _asked_again(seen: Evidence) -> int | None:
    """When the caller was asked to say it again, as they may be where it broke."""
    since = (seen.asked_until_ms if seen.struck_ms is None else seen.struck_ms) - FRAME_MS
    return next((sound.at_ms for sound in seen.sounds if sound.name == "repeat" and sound.at_ms >= since), None)


def _unanswered(
    cell: Cell, seen: Evidence, answer: Compared, second: Compared | None, question_lost: bool
) -> Iterator[str]:
    """`second`: of the next question; None where the caller was asked to say the first one again, and did."""
    if answer.lost:
        yield "the answer was lost" if not answer.heard else f"lost: {' '.join(answer.lost)}"
    if len(answer.repeated) > cell.breaks:  # of a word that was cut the caller may have heard most
        yield f"repeated: {' '.join(answer.repeated)}"
    if not answer.in_order:
        yield "words out of order"
    if question_lost:
        yield f"the model heard {seen.question_heard_ms} of {seen.question_ms} ms of the question"
    if second is not None and second.lost:
        yield "the next question was not answered"
    if seen.disposition not in GOOD_ENDS:
        yield f"ended {seen.disposition}"


def _untold(told: bool, disposition: str) -> Iterator[str]:
    """Where no try can help, the caller is told, and the call ends as it says."""
    if not told:
        yield "the caller was not told"
    if disposition != "engine_failed":
        yield f"ended {disposition}"


def longest_silence(sounds: Sequence[Sound], from_ms: int, until_ms: int) -> int:
    """In ms, between two moments of a track."""
    longest, quiet_since = 0, from_ms
    for sound in sounds:
        if sound.end_ms <= from_ms:
            continue
        if sound.at_ms >= until_ms:
            break
        longest = max(longest, sound.at_ms - quiet_since)
        quiet_since = max(quiet_since, sound.end_ms)
    return max(longest, until_ms - quiet_since)


def _recovery(seen: Evidence) -> int:
    """The words that were already on their way when it broke are no recovery: it is the first word behind a pause."""
    if seen.struck_ms is None:
        return 0
    words = [s for s in seen.sounds if s.name in (*ANSWER, *SECOND) and s.end_ms > seen.struck_ms]
    before = max((s.end_ms for s in seen.sounds if s.name in ANSWER and s.at_ms <= seen.struck_ms), default=0)
    for word in words:
        if word.at_ms - before > BREAK_MS:
            return max(0, word.at_ms - seen.struck_ms) if word.name in ANSWER else 0
        before = word.end_ms
    return 0 if words else -1


def _end(sounds: Sequence[Sound], at_least: int) -> int:
    """The end of the answer; of everything, where there was none."""
    words = [s.end_ms for s in sounds if s.name in ANSWER] or [s.end_ms for s in sounds]
    return max(words, default=at_least)
