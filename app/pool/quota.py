"""How many streams of the model the whole fleet may have: the account's limit is one for all its processes.

A counting semaphore in the store. Each stream is a member of a group until a moment that its process moves on every
second, so that those of a process that died are free again after `HELD_MS`. Nothing can be overdrawn: a member is
entered first, counted then, and taken out again where it was one too many. Without the store each process keeps to its
share of the limit.
"""

import asyncio
import random
import time
from collections.abc import Callable
from itertools import count
from typing import Protocol

from app.cache.store import Store, StoreGone
from app.call.events import Failure
from app.engines.engine import EngineError

GROUP = "streams"
HELD_MS = 5_000
QUEUE_S = 2.0  # a caller hears "one moment" meanwhile
LOOK_AGAIN_S = 0.1


class Quota(Protocol):
    async def take(self) -> str:
        """A ticket for one stream; waits a little for one. Raises `EngineError` (THROTTLED): there is none."""
        ...

    def give_back(self, ticket: str) -> None: ...


class Unlimited:
    """For a process that is alone: the pool's own limit is all there is."""

    async def take(self) -> str:
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
        self._used = 0  # by the fleet, as last counted
        self._share = limit
        self._errands: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        """As last counted: for admission, which must not wait."""
        return self._used < self._limit

    async def take(self) -> str:
        until = asyncio.get_running_loop().time() + QUEUE_S
        while True:
            ticket = f"{self._process}:{next(self._numbers)}"
            if await self._enter(ticket):
                return ticket
            if asyncio.get_running_loop().time() >= until:
                raise EngineError(Failure.THROTTLED, f"all {self._limit} streams of the fleet are in use")
            await asyncio.sleep(LOOK_AGAIN_S * (0.5 + random.random()))

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
        task = asyncio.create_task(self._leave(ticket), name="quota")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _leave(self, ticket: str) -> None:
        try:
            await self._store.count_out(GROUP, [ticket])
        except StoreGone:
            return  # it lapses by itself

    async def renew(self, processes: int) -> None:
        """Raises `StoreGone`."""
        self._share = max(1, self._limit // max(1, processes))
        now = self._wall_ms()
        self._used = await self._store.count_in(GROUP, sorted(self._held), now + HELD_MS, now)

    async def close(self) -> None:
        """What was given back is told; what is still held lapses."""
        if self._errands:
            await asyncio.wait(set(self._errands))
