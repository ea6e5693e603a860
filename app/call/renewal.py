"""When a session that works is followed by the next one, because its end is known.

A session lives some minutes (`ends_ms`), a call may last longer. In the last quarter of its life, the **window**, the
next session is **lent** at the first quiet moment, and **begun** in quiet: at once where it was warm, else at the next
quiet moment after it has opened. What has found no quiet moment is **forced** when 6 % of the life are left, in the
middle of anything; only the rest of a reply that is still coming in is waited for, and not for long.

There is one next session at most, and it is lent for half a minute at most: unbegun, it has an idle limit of its own,
so an older one goes back for a fresh one. One that cannot be had, or dies before it was begun, is no failure of the
present session: another is asked for, later each time, for as long as the present one lives.

A session may have to be followed sooner: one that was begun while our own words were in the air knows them as they were
expected to be heard. Where it came otherwise it does not know the truth, and is renewed at the next quiet moment.
"""

from typing import Literal

from app.call.commands import CloseSession, Command
from app.call.setup import Timings

WINDOW, FORCED = 25, 6  # % of a session's life left
YOUNG = 12  # % of a life after it began: whatever its end, nobody is renewed sooner
RETRY_MS, RETRY_MOST_MS = 1_000, 15_000

type Supposed = Literal["heard", "cut"]


class Renewal:
    """Knows when, and which session is next; the call carries it out (`succession`)."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self.session: int | None = None  # the next one: asked for, or at hand
        self.language = ""
        self.ends_ms: int | None = None  # of the next one, once it is lent
        self.asked_at = 0
        self._lent_at: int | None = None
        self._from: int | None = None  # the window of the present one
        self._by: int | None = None
        self._grace = 0
        self._failures = 0
        self._retry_at = 0
        self._supposed: Supposed | None = None

    # --- the present session --------------------------------------------------------------------------------------

    def serves(self, ends_ms: int | None, now: int) -> None:
        """Another session serves the call from now on."""
        self._from = self._by = self._supposed = None
        self._failures = self._retry_at = 0
        if ends_ms is None:
            return
        life = self._timings.session_life
        young = now + life * YOUNG // 100
        self._from = max(ends_ms - life * WINDOW // 100, young)
        self._by = max(ends_ms - life * FORCED // 100, young)
        self._grace = max(0, min(self._timings.reply_grace, (ends_ms - self._by) // 2))

    def served(self) -> None:
        """The session is gone: nothing is renewed until another serves."""
        self._from = self._by = self._supposed = None

    def supposes(self, how: Supposed) -> None:
        """The session was told that what is in the air is heard to its end, or cut."""
        self._supposed = how

    def turned_out(self, how: Supposed, now: int) -> None:
        """What became of it."""
        if self._supposed not in (None, how):
            self._from = now
        self._supposed = None

    def settled(self) -> None:
        """Nothing is in the air any more."""
        self._supposed = None

    # --- the next one ---------------------------------------------------------------------------------------------

    @property
    def lent(self) -> bool:
        return self._lent_at is not None

    def opening(self, now: int) -> bool:
        """Asked for, and not waited for in vain."""
        return self.session is not None and not self.lent and now < self.asked_at + self._timings.attach_limit

    def asks(self, session: int, language: str, now: int) -> None:
        self.session, self.language, self.asked_at, self._lent_at = session, language, now, None

    def is_lent(self, session: int, ends_ms: int | None, now: int) -> bool:
        """False where it is not the one that was asked for."""
        if session != self.session or self.lent:
            return False
        self._lent_at, self.ends_ms = now, ends_ms
        return True

    def fails(self, now: int) -> None:
        """It could not be had, or is gone unbegun."""
        self._failures += 1
        self._retry_at = now + min(RETRY_MOST_MS, RETRY_MS << min(self._failures - 1, 10))
        self._forget()

    def take(self) -> tuple[int, int | None]:
        """It becomes the present one: its number, and when it ends."""
        assert self.session is not None, "there is no next session to take"
        session, ends_ms = self.session, self.ends_ms
        self._forget()
        return session, ends_ms

    def give_back(self) -> list[Command]:
        session = self.session
        self._forget()
        return [] if session is None else [CloseSession(session)]

    def _forget(self) -> None:
        self.session = self._lent_at = self.ends_ms = None

    # --- when -----------------------------------------------------------------------------------------------------

    def lend_at(self, now: int, quiet: bool) -> int | None:
        """When a next session is to be asked for. One that has to be opened takes its time, so what cannot wait for
        quiet is asked for that much before it is forced."""
        if self.session is not None or self._from is None:
            return None
        if quiet:
            return max(self._from, self._retry_at)
        if self._by is None:
            return None
        return max(self._from, self._by - self._timings.attach_limit, self._retry_at)

    def begin_at(self, now: int, quiet: bool, reply_coming: bool) -> int | None:
        """When the next one, which is at hand, takes over."""
        if not self.lent:
            return None
        if quiet:
            return now
        if self._by is None:
            return None
        return self._by + (self._grace if reply_coming else 0)

    def give_up_at(self) -> int | None:
        """When the next one is waited for no longer, or is too old to be begun."""
        if self.session is None:
            return None
        if self._lent_at is None:
            return self.asked_at + self._timings.attach_limit
        return self._lent_at + self._timings.lent_unused
