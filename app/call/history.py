"""What was said, as heard: the one account that transcripts, snapshots and every session's history are made from.

The model plans a sentence (SPECULATIVE text), speaks it (the audio content that follows), and tells later what it said
(FINAL text). A sentence enters the account when its audio begins, and counts as far as that was heard: whole, or the
share of its words that the heard share of its sound gives, cut at a word and marked with an ellipsis. What no ear
reached was not said.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

type Role = Literal["user", "assistant"]

CUT = "…"
MS_A_CHARACTER = 60  # of speech, to guess the length of a sentence whose audio has not all arrived
MOST_LINES = 40
MOST_BYTES = 8_000  # the strictest limit of the service that users have met lies near 10,000 characters
CALL_BEGINS = "(The call begins.)"


@dataclass(frozen=True, slots=True)
class Line:
    """One block of conversation as a model session gets it."""

    role: Role
    text: str


@dataclass(slots=True)
class Said:
    role: Role
    text: str
    key: str = ""  # of its audio; none for what the caller said
    session: int = 0
    corrected: bool = False  # FINAL wording is here
    answered: bool = True  # only a caller's line can wait for its answer
    withheld: bool = False  # no session is told of it
    heard_ms: int = 0
    arrived_ms: int = 0
    ended: bool = False

    @property
    def heard_text(self) -> str:
        return self.text_up_to(self.heard_ms)

    def text_up_to(self, heard_ms: int) -> str:
        """As many of its words as so much of its sound gives."""
        if self.role == "user" or (self.ended and heard_ms >= self.arrived_ms):
            return self.text if self.role == "user" or heard_ms else ""
        words = self.text.split()
        length_ms = self.arrived_ms if self.ended else max(self.arrived_ms, len(self.text) * MS_A_CHARACTER)
        heard = len(words) * heard_ms // length_ms if length_ms else 0
        return " ".join(words[:heard]) + CUT if heard else ""


class Account:
    def __init__(self) -> None:
        self._said: list[Said] = []
        self._voiced: dict[str, Said] = {}  # by key, while its audio is still to be heard
        self._planned: dict[str, str] = {}  # SPECULATIVE text by content, until its audio begins

    # --- what is said ---------------------------------------------------------------------------------------------

    def caller_said(self, text: str) -> None:
        self._said.append(Said("user", text, answered=False))

    def phrase(self, key: str, text: str) -> None:
        self._voice(Said("assistant", text, key, corrected=True))

    def plan(self, content: str, text: str) -> None:
        """SPECULATIVE text, in one piece or several."""
        self._planned[content] = self._planned.get(content, "") + text

    def forget_plans(self) -> None:
        """A reply is over: the audio of what was planned and not begun will not come."""
        self._planned.clear()

    def speak(self, key: str, session: int) -> None:
        """An audio content begins: it speaks what was planned before it."""
        if key in self._voiced:
            return
        text = " ".join(self._planned.values())
        self._planned.clear()
        self._voice(Said("assistant", text, key, session))

    def correct(self, session: int, text: str) -> None:
        """FINAL text. It comes late and under an id of its own, in the order of the sentences of its session.

        Of a sentence that was interrupted it may hold the beginning only: then the planned wording says more, and how
        much of that was heard we know ourselves.
        """
        for said in self._said:
            if said.session == session and not said.corrected and _same_sentence(said.text, text):
                said.corrected = True
                if not said.text or not _begins(said.text, text):
                    said.text = text
                return

    def heard(self, key: str, heard_ms: int, arrived_ms: int, ended: bool) -> None:
        """How much of a piece of audio was heard until now. `ended`: what has arrived is all of it."""
        said = self._voiced.get(key)
        if said is not None:
            said.heard_ms, said.arrived_ms, said.ended = max(said.heard_ms, heard_ms), arrived_ms, ended

    def settled(self, key: str) -> None:
        """Nothing more of this audio will be heard."""
        self._voiced.pop(key, None)

    # --- turns without an answer ----------------------------------------------------------------------------------

    def answered(self) -> None:
        """The model answers: all the caller said until now has been dealt with."""
        for said in self._unanswered():
            said.answered = True

    def take_back_unanswered(self) -> None:
        """The caller's last words will be heard again by another session, which will tell us what they were."""
        self._said = [said for said in self._said if said.answered]

    def withhold_turn(self) -> None:
        """No session may be told again what the caller said last, nor what we said to it."""
        for said in reversed(self._said):
            said.withheld = True
            if said.role == "user":
                return

    def unanswered(self) -> str:
        return " ".join(said.text for said in self._unanswered())

    # --- what it comes to -----------------------------------------------------------------------------------------

    def lines(self) -> list[Line]:
        """All that was said and heard, one line a sentence or utterance, in order."""
        return [Line(said.role, text) for said in self._said if (text := said.heard_text)]

    def for_session(self, opening: str, short: bool = False, heard_on: bool = False) -> list[Line]:
        """The history a new session begins with: call facts, then what was said, alternating, the oldest left out
        where it is too long. What the caller said last and unanswered is not in it: it goes in live. `heard_on`: what
        is still to be heard counts as heard, as far as it has arrived."""
        spoken = [Line(s.role, text) for s in self._told_of() if (text := self._told(s, heard_on))]
        if not opening and not spoken:
            return []
        first = Line("user", opening or CALL_BEGINS)
        blocks = _merged(spoken)
        return _merged([first, *_latest(blocks, MOST_BYTES // (2 if short else 1) - len(first.text.encode()))])

    def restore(self, lines: Iterable[Line]) -> None:
        """Take up an account kept in a snapshot. A last word of the caller has not been answered."""
        for line in lines:
            self._said.append(Said(line.role, line.text, corrected=True, heard_ms=1, arrived_ms=1, ended=True))
        for said in reversed(self._said):
            if said.role != "user":
                return
            said.answered = False

    # --- inside ---------------------------------------------------------------------------------------------------

    def _told_of(self) -> Iterable[Said]:
        return (said for said in self._said if said.answered and not said.withheld)

    def _told(self, said: Said, heard_on: bool) -> str:
        in_the_air = heard_on and said.key in self._voiced
        return said.text_up_to(said.arrived_ms) if in_the_air else said.heard_text

    def _voice(self, said: Said) -> None:
        self._said.append(said)
        self._voiced[said.key] = said

    def _unanswered(self) -> list[Said]:
        return [said for said in self._said if not said.answered]


def _merged(lines: Iterable[Line]) -> list[Line]:
    """Neighbours of one role become one block: the service wants roles to alternate."""
    merged: list[Line] = []
    for line in lines:
        if merged and merged[-1].role == line.role:
            between = " " if line.role == "assistant" else "\n"
            merged[-1] = Line(line.role, f"{merged[-1].text}{between}{line.text}")
        else:
            merged.append(line)
    return merged


def _latest(blocks: list[Line], room: int) -> list[Line]:
    """The last blocks that fit."""
    kept: list[Line] = []
    for line in reversed(blocks[-(MOST_LINES - 1) :]):
        room -= len(line.text.encode())
        if room < 0:
            break
        kept.insert(0, line)
    return kept


def _words(text: str) -> list[str]:
    return [bare for word in text.casefold().split() if (bare := word.strip(".,;:!?…\"'()-–—"))]


def _same_sentence(planned: str, final: str) -> bool:
    """Is `final` the corrected wording of `planned` (or of the beginning of it), or of audio that had no text?"""
    ours, theirs = _words(planned), _words(final)
    if not ours or not theirs:
        return not planned
    return _begins(planned, final) or 2 * len(set(ours) & set(theirs)) >= max(len(set(ours)), len(set(theirs)))


def _begins(planned: str, final: str) -> bool:
    """Is `final` no more than the first words of `planned`?"""
    ours, theirs = _words(planned), _words(final)
    return len(theirs) < len(ours) and ours[: len(theirs)] == theirs
