"""How many streams of the model the whole fleet may have: the account's limit is one for all its processes.

A counting semaphore in the store. Each stream is a member of a group until a moment that its process moves on every
second, so that those of a process that died are free again after `HELD_MS`. Nothing can be overdrawn: a member is
entered first, counted then, and taken out again where it was one too many. Without the store each process keeps to its
share of the limit.

A caller who waits for a stream goes before any session that is kept warm for callers to come, in whatever process: the
wish is posted, and within a second one process that has a spare session closes it (exactly one for each wish). No
session is opened for the shelf while a caller waits.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, Protocol

from app.cache.store import Store, StoreGone
from app.call.events import Failure
from app.engines.engine import EngineError

GROUP, SPARE, WANTED = "streams", "spare streams", "wanted streams"
HELD_MS = 5_000
SPARE_MS = 1_500  # a count that is told every second
QUEUE_S = 3.0  # a caller hears the greeting, or "one moment", meanwhile
WISH_S = 10  # remembered as granted
LOOK_AGAIN_S = 0.1


class Quota(Protocol):
    async def take(self, waited_for: Callable[[], bool]) -> str:
        """A ticket for one stream. Where there is none it is waited for a little, as long as `waited_for` says that a
        caller waits. Raises `EngineError` (THROTTLED)."""
        ...

    def give_back(self, ticket: str) -> None: ...


class Shelf(Protocol):
    """The pool, as the quota sees it: sessions that no caller who has rung is to have."""

    def spare(self) -> int: ...

    def give_way(self) -> None:
        """Close one of them."""
        ...


class Unlimited:
    """For a process that is alone: the pool's own limit is all there is."""

    async def take(self, waited_for: Callable[[], bool]) -> str:
        return ""

    def give_back(self, ticket: str) -> None: ...


class FleetQuota:
    """One for each process; `renew` is called every second with the number of processes alive."""

    def __init__(self, store: Store, process: str, limit: int, wall_ms: Callable[[], int] | None = None) -> None:
        self._store = store
        self._process = process
        self._limit = limit
        self._wall_ms = wall_ms or (lambda: time.time_ns() // 1_000_000)
        self._numbers = count(1)
        self._held: set[str] = set()
        self.shelf: Shelf | None = None  # ours, as soon as there is one
        self._used = 0  # by the fleet, as last counted
        self._spare = 0  # ... and how many of them serve nobody
        self._share = limit
        self._errands: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        """As last counted: for admission, which must not wait."""
        return self._used - self._spare < self._limit

    async def take(self, waited_for: Callable[[], bool]) -> str:
        loop = asyncio.get_running_loop()
        ticket, until, posted = f"{self._process}:{next(self._numbers)}", loop.time() + QUEUE_S, False
        try:
            while True:
                if (waited_for() or not await self._others_wait()) and await self._enter(ticket):
                    return ticket
                if not waited_for() or loop.time() >= until:
                    raise EngineError(Failure.THROTTLED, f"all {self._limit} streams of the fleet are in use")
                posted = posted or await self._post_wish(ticket)
                await asyncio.sleep(LOOK_AGAIN_S * (0.5 + random.random()))
        finally:
            if posted:
                self._spawn(self._leave(WANTED, ticket))

    async def _others_wait(self) -> bool:
        now = self._wall_ms()
        try:
            return await self._store.count_in(WANTED, (), now, now) > 0
        except StoreGone:
            return False

    async def _post_wish(self, ticket: str) -> bool:
        now = self._wall_ms()
        try:
            await self._store.count_in(WANTED, [ticket], now + round(QUEUE_S * 1000), now)
        except StoreGone:
            return False
        return True

    async def _enter(self, ticket: str) -> bool:
        now = self._wall_ms()
        self._held.add(ticket)  # before the answer: a beat between must not forget it
        try:
            self._used = await self._store.count_in(GROUP, [ticket], now + HELD_MS, now)
            if self._used <= self._limit:
                return True
            await self._store.count_out(GROUP, [ticket])
        except StoreGone:
            if len(self._held) <= self._share:
                return True
        self._held.discard(ticket)
        return False

    def give_back(self, ticket: str) -> None:
        self._held.discard(ticket)
        self._spawn(self._leave(GROUP, ticket))

    async def _leave(self, group: str, ticket: str) -> None:
        try:
            await self._store.count_out(group, [ticket])
        except StoreGone:
            return  # it lapses by itself

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="quota")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def renew(self, processes: int) -> None:
        """Raises `StoreGone`."""
        self._share = max(1, self._limit // max(1, processes))
        now = self._wall_ms()
        spare = [f"{self._process}:{number}" for number in range(self.shelf.spare() if self.shelf else 0)]
        self._used = await self._store.count_in(GROUP, sorted(self._held), now + HELD_MS, now)
        self._spare = await self._store.count_in(SPARE, spare, now + SPARE_MS, now)
        if self.shelf is not None and spare and self._used >= self._limit and await self._others_wait():
            await self._give_way(self.shelf)

    async def _give_way(self, shelf: Shelf) -> None:
        for wish in await self._store.members(WANTED):
            if shelf.spare() and await self._store.claim(f"stream for {wish}", WISH_S, self._process):
                shelf.give_way()

    async def close(self) -> None:
        """What was given back is told; what is still held lapses."""
        if self._errands:
            await asyncio.wait(set(self._errands))
