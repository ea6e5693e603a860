"""How far down a call has come where no model serves it.

model -> menu (keys, and a few words that a recogniser of our own is sure of) -> a person -> a spoken goodbye. A call
never climbs: whoever was told that the assistant is out of order is not told otherwise in the same call. The next call
begins at the top.
"""

from enum import StrEnum

MISHEARD = 2  # times in a row, then it is a person's turn


class Rung(StrEnum):
    MODEL = "model"
    MENU = "menu"
    PERSON = "person"
    GOODBYE = "goodbye"


class Rungs:
    def __init__(self) -> None:
        self.rung = Rung.MODEL
        self.fallen = False  # the present rung holds no longer: the next is looked for in this very step
        self.person_asked = False
        self.listener_lost = False  # keys alone are left
        self._misheard = 0

    @property
    def with_model(self) -> bool:
        return self.rung is Rung.MODEL and not self.fallen

    def fall(self) -> None:
        self.fallen = True

    def stand_on(self, rung: Rung) -> None:
        self.rung, self.fallen = rung, False
        self.person_asked |= rung is Rung.PERSON

    def understood(self) -> None:
        self._misheard = 0

    def misheard(self) -> bool:
        """Once more. True where it was once too often."""
        self._misheard += 1
        return self._misheard >= MISHEARD
