"""What the day's calls have used, in the store that all processes share.

Every second each process adds what its calls have used since, and reads what all have used together; so a day's cap may
be overdrawn by what begins or is spent within a second. Calls at once and calls of one caller are counted as each call
comes, exactly. A caller's number is kept as a keyed hash, and only until the day is over. Without the store nobody is
refused.
"""

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
from hashlib import blake2b

from app.cache.store import Store, StoreGone
from app.call.allowance import MICROS, Day, DayUse, used_up
from app.call.prices import Usage

DAY_S = 26 * 3600  # longer than any day, whatever the clocks are set to
HELD_MS = 5_000  # a live call is counted, unless its process moves this on
NOTHING = DayUse()


class Account:
    """One call's, while it lives in this process."""

    def __init__(self, ledger: "Ledger", day: Day, call_sid: str) -> None:
        self._ledger = ledger
        self._day = day
        self._call_sid = call_sid

    def used(self, usage: Usage, money: Decimal | None) -> None:
        self._ledger.add(self._day, DayUse(tokens=usage.total, micros=_micros(money)))

    def ended(self, ms: int, carrier: Decimal | None) -> None:
        self._ledger.add(self._day, DayUse(ms=ms, micros=_micros(carrier)))

    def close(self) -> None:
        """The call has left this process."""
        self._ledger.left(self._day, self._call_sid)


class Ledger:
    """One for each process. `key`: what callers' numbers are hashed with; `wall_ms`: Unix time."""

    def __init__(self, store: Store, key: str, wall_ms: Callable[[], int]) -> None:
        self._store = store
        self._key = blake2b(key.encode()).digest()
        self._wall_ms = wall_ms
        self._days: dict[str, DayUse] = {}  # of everybody, as last read
        self._own: dict[str, DayUse] = {}  # not told yet
        self._live: dict[str, set[str]] = {}  # of agents whose calls at once are limited
        self._gone: dict[str, set[str]] = {}  # ... and what has left since

    async def refuses(self, day: Day, call_sid: str, caller: str) -> str:
        """Which cap leaves no room for this call; "" for a call that is welcome, which counts from now on."""
        if not day.caps.any:
            return ""
        try:
            why = await self._look(day, call_sid, caller)
        except StoreGone:
            why = ""
        if not why:
            self.add(day, DayUse(calls=1))
        return why

    async def _look(self, day: Day, call_sid: str, caller: str) -> str:
        if day.name not in self._days:
            self._days[day.name] = await self._tell(day.name, NOTHING)
        caps, now = day.caps, self._wall_ms()
        if why := used_up(caps, self._days[day.name] + self._own.get(day.name, NOTHING)):
            return why
        if caps.calls_per_caller is not None and caller:
            who = f"{day.name}:{blake2b(caller.encode(), key=self._key, digest_size=16).hexdigest()}"
            if await self._store.different("calls", who, call_sid, DAY_S) > caps.calls_per_caller:
                return "calls_per_caller"
        if caps.at_once is not None:
            group = _live_group(day.agent)
            if await self._store.count_in(group, [call_sid], now + HELD_MS, now) > caps.at_once:
                await self._store.count_out(group, [call_sid])
                return "at_once"
        return ""

    def open(self, day: Day, call_sid: str) -> Account:
        """For a call that lives in this process from now on."""
        if day.caps.at_once is not None:
            self._live.setdefault(day.agent, set()).add(call_sid)
        return Account(self, day, call_sid)

    def left(self, day: Day, call_sid: str) -> None:
        if day.caps.at_once is not None:
            self._live.get(day.agent, set()).discard(call_sid)
            self._gone.setdefault(day.agent, set()).add(call_sid)

    def add(self, day: Day, use: DayUse) -> None:
        if day.caps.any:
            self._own[day.name] = self._own.get(day.name, NOTHING) + use

    async def beat(self) -> None:
        """Tell the store, and read what others have told. Raises `StoreGone`; nothing is lost then."""
        for name in {*self._days, *self._own}:
            use = self._own.pop(name, NOTHING)
            try:
                self._days[name] = await self._tell(name, use)
            except StoreGone:
                self._own[name] = self._own.get(name, NOTHING) + use
                raise
        now = self._wall_ms()
        for agent, left in list(self._gone.items()):
            await self._store.count_out(_live_group(agent), sorted(left))
            self._gone[agent] = self._gone[agent] - left
        for agent, here in self._live.items():
            await self._store.count_in(_live_group(agent), sorted(here), now + HELD_MS, now)

    async def _tell(self, name: str, use: DayUse) -> DayUse:
        return DayUse(**await self._store.tally("day", name, asdict(use), DAY_S))


def _live_group(agent: str) -> str:
    return f"live:{agent}"


def _micros(money: Decimal | None) -> int:
    return 0 if money is None else round(money * MICROS)
