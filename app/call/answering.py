"""What is known of who answered a call that we placed."""

from collections.abc import Iterable

from app.call.events import Answerer
from app.call.history import Role

MACHINES = {Answerer.MACHINE, Answerer.BEEP}
ECHO_MS = 200  # a beep may end a little after it was recognised


class Answering:
    def __init__(self) -> None:
        self.verdict: Answerer | None = None  # not yet acted upon
        self.leaving = False  # a message, to a machine
        self._leaving_since = 0
        self._pressed = False  # a key: its tone may be taken for a beep

    def restore(self, leaving: bool) -> None:
        """Another process was leaving the message: it is left once more, from its beginning."""
        if leaving:
            self.verdict = Answerer.BEEP

    def pressed(self) -> None:
        self._pressed = True

    def is_machine(self, verdict: Answerer, roles: Iterable[Role]) -> bool:
        """`roles`: who has spoken, in order. The end of a greeting without a beep is often a person's pause, and who
        has answered what we said is one. A beep is believed, unless keys were pressed."""
        if verdict not in MACHINES or self._pressed:
            return False
        return verdict is Answerer.BEEP or not _is_dialogue(roles)

    def leave(self, now: int) -> None:
        self.leaving, self._leaving_since = True, now

    def shows_person(self, began_ms: int) -> bool:
        """Speech that began at this time: machines are silent while they record."""
        return began_ms >= self._leaving_since + ECHO_MS

    def person(self) -> None:
        self.leaving = False


def _is_dialogue(roles: Iterable[Role]) -> bool:
    """The other side spoke, we did, and they spoke again."""
    turns: list[Role] = []
    for role in roles:
        if turns[-1:] != [role]:
            turns.append(role)
    return turns.count("user") >= 2
