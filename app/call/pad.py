"""The keypad: what keys mean at this moment, and whether what is pressed must stay unknown.

The **guard** stands while a secret is entered: the house hides audio and digits, and pauses a recording. It is asked
for, and only once it stands is the caller asked for the secret. It is lifted a little after the last key, because a
telephone's tone may sound on after its key was told; and later where the digits ended without an end, because whoever
only looked for the rest of them enters it now.
"""

from app.call.commands import Command, DropSecret, GuardCaller
from app.call.dtmf import Keys
from app.call.entries import Asked, Offered
from app.call.runs import Run
from app.call.setup import Timings

LOOKING_FOR_THE_REST_MS = 3_000

type Entry = Offered | Asked


class Guard:
    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._asked_at: int | None = None
        self._key_at: int | None = None
        self._tail = timings.guard_tail
        self.on = False
        self.wanted = False  # a secret is being entered

    @property
    def awaited(self) -> bool:
        """Asked for, and not known to stand."""
        return self._asked_at is not None

    def request(self, now: int) -> list[Command]:
        self.on = self.wanted = True
        self._asked_at = now
        self._tail = self._timings.guard_tail
        return [GuardCaller(True)]

    def stands(self) -> list[Command]:
        """What was pressed before the caller was asked is nothing they were asked for."""
        self._asked_at = None
        return [DropSecret()]

    def pressed(self, now: int) -> None:
        self._key_at = now

    def release(self, now: int, broken_off: bool = False) -> None:
        """The secret is entered, or given up: the guard stays for the tail of the last tone, or for more digits."""
        self._asked_at = None
        self.wanted = False
        if broken_off:
            self._key_at, self._tail = now, LOOKING_FOR_THE_REST_MS

    def lift(self) -> list[Command]:
        if not self.on:
            return []
        self.on = self.wanted = False
        self._asked_at = self._key_at = None
        return [GuardCaller(False)]

    def overdue_at(self) -> int | None:
        """When the house has taken too long to raise it."""
        return None if self._asked_at is None else self._asked_at + self._timings.guard_limit

    def lifts_at(self, now: int) -> int | None:
        if not self.on or self.wanted:
            return None
        return now if self._key_at is None else self._key_at + self._tail


class Pad:
    def __init__(self, timings: Timings) -> None:
        self.entry: Entry | None = None
        self.strays = Keys()  # keys nobody asked for
        self.guard = Guard(timings)
        self.secrets = 0  # entered until now: their tokens are numbered
        self.menu_left = ""  # the menu that was open when another process lost the call
        self._late_key: tuple[str, int] | None = None

    @property
    def collecting(self) -> bool:
        """The caller owes us digits: nothing else is owed."""
        return isinstance(self.entry, Asked)

    @property
    def offering(self) -> bool:
        return isinstance(self.entry, Offered)

    @property
    def menu(self) -> str:
        return self.entry.menu.name if isinstance(self.entry, Offered) else self.menu_left

    @property
    def run(self) -> Run | None:
        """The tool that waits for the digits being entered."""
        return self.entry.run if isinstance(self.entry, Asked) else None

    def asked_by(self, run: str) -> bool:
        return self.run is not None and self.run.run == run

    def pending_in(self, session: int) -> bool:
        return self.run is not None and self.run.session == session

    def caller_said(self) -> None:
        """Whoever speaks wants no menu."""
        self.menu_left = ""
        if self.offering:
            self.entry = None

    def close(self) -> list[Command]:
        """The call takes another way: nothing is asked for any more."""
        guarded, self.entry = self.guard.on, None
        return [DropSecret(), *self.guard.lift()] if guarded else []

    def restore(self, menu: str, secrets: int) -> None:
        """From a snapshot: the menu is offered again, and no token of before comes twice."""
        self.menu_left, self.secrets = menu, secrets

    def next_token(self, name: str) -> str:
        self.secrets += 1
        return f"secret_{name}_{self.secrets}"

    # --- a key after the end --------------------------------------------------------------------------------------

    def ended(self, entry: Asked, now: int) -> None:
        """Many press pound though the length alone has ended the entry."""
        self._late_key = ("#", now + entry.collection.gap_ms)

    def swallows(self, key: str, now: int) -> bool:
        late, self._late_key = self._late_key, None
        return late is not None and key == late[0] and now < late[1]
