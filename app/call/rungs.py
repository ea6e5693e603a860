"""What was tried of the ladder already, in one call: a person, and the recogniser of a menu's words.

model -> menu (keys, and a few words that a recogniser of our own is sure of) -> a person -> a spoken goodbye: `course`
has these states. A call never climbs: whoever was told that the assistant is out of order is not told otherwise in the
same call. The next call begins at the top.
"""

MISHEARD = 2  # times in a row, then it is a person's turn


class Rungs:
    def __init__(self) -> None:
        self.person_asked = False
        self.listener_lost = False  # keys alone are left
        self._misheard = 0

    def understood(self) -> None:
        self._misheard = 0

    def misheard(self) -> bool:
        """Once more. True where it was once too often."""
        self._misheard += 1
        return self._misheard >= MISHEARD
