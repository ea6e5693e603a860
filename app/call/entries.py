"""What the caller is to press at this moment: a menu that is offered, or digits that are asked for.

An entry knows its own state and no clock: each key, and each wait that brought nothing, gives a **verdict**. Its
patience runs only while nobody speaks, so its keeper says when the line falls quiet (`wait`) and when it does not
(`halt`).

Digits of a secret never come here. The house keeps them and tells of each as HIDDEN_KEY: an entry counts what it cannot
know.
"""

from enum import StrEnum

from app.call.events import HIDDEN_KEY
from app.call.runs import Run
from app.call.setup import Choice, Collection, Menu

CANCEL = "*"
DIGITS = frozenset("0123456789") | {HIDDEN_KEY}


class Verdict(StrEnum):
    OPEN = "open"  # nothing is decided
    DONE = "done"
    ASK_AGAIN = "ask_again"  # nothing came
    WRONG = "wrong"  # what came will not do: say so, and ask again
    # Over, without what was asked for.
    NOTHING_ENTERED = "nothing_entered"
    WRONG_LENGTH = "wrong_length"
    UNKNOWN_KEY = "unknown_key"
    CANCELLED = "cancelled"


class Offered:
    """A menu, while its keys may be pressed."""

    def __init__(self, menu: Menu, zero: Choice | None) -> None:
        self.menu = menu
        self.due: int | None = None
        self.choice: Choice | None = None  # once one was made
        self._zero = zero
        self._retries = menu.retries

    def press(self, key: str) -> Verdict:
        self.choice = self.menu.keys.get(key) or (self._zero if key == "0" else None)
        if self.choice is not None:
            return Verdict.DONE
        return self._again(Verdict.WRONG, Verdict.UNKNOWN_KEY)

    def lapse(self) -> Verdict:
        """The wait is over and nothing was pressed."""
        return self._again(Verdict.ASK_AGAIN, Verdict.NOTHING_ENTERED)

    def wait(self, now: int) -> None:
        if self.due is None:
            self.due = now + self.menu.wait_ms

    def halt(self) -> None:
        self.due = None

    def _again(self, verdict: Verdict, at_last: Verdict) -> Verdict:
        self.halt()
        self._retries -= 1
        return verdict if self._retries >= 0 else at_last


class Asked:
    """Digits, while they may be entered. `run` is the tool that waits for them; none where a menu asked."""

    def __init__(self, collection: Collection, run: Run | None) -> None:
        self.collection = collection
        self.run = run
        self.digits = ""
        self.due: int | None = None
        self.broken_off = False  # the last digits had no end: more of them may follow
        self._retries = collection.retries

    def press(self, key: str) -> Verdict:
        self.halt()  # each key begins another wait
        self.broken_off = False
        if key == self.collection.terminator:
            return self._end()
        if key in DIGITS:
            self.digits += key
            return Verdict.DONE if self._full and not self.collection.terminator else Verdict.OPEN
        return Verdict.CANCELLED if key == CANCEL else Verdict.OPEN

    def lapse(self) -> Verdict:
        """The wait is over and no more was pressed: that ends the digits, too."""
        self.broken_off = bool(self.digits)
        return self._end()

    def wait(self, now: int) -> None:
        if self.due is None:
            self.due = now + (self.collection.gap_ms if self.digits else self.collection.first_ms)

    def halt(self) -> None:
        self.due = None

    def restart(self) -> None:
        """From the first digit, without a try being counted."""
        self.halt()
        self.digits = ""

    def _end(self) -> Verdict:
        if self.collection.shortest <= len(self.digits) <= self.collection.longest:
            return Verdict.DONE
        if not self.digits:
            return self._again(Verdict.ASK_AGAIN, Verdict.NOTHING_ENTERED)
        return self._again(Verdict.WRONG, Verdict.WRONG_LENGTH)

    @property
    def _full(self) -> bool:
        return len(self.digits) >= self.collection.longest

    def _again(self, verdict: Verdict, at_last: Verdict) -> Verdict:
        self.restart()
        self._retries -= 1
        return verdict if self._retries >= 0 else at_last
