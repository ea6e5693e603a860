"""The processes that answer the same numbers and share a store: who is there, which calls each has, how many there are.

Every second each says that it is alive and what it has, and looks whether its calls are still its own: a call whose
lease another process holds was taken up there, and its copy here ends. Between, it reads its mail. A store that is gone
changes nothing: everybody goes on with what they have.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, Self

import structlog

from app.bridge.kept import LEASE_S
from app.cache.store import Store, StoreGone

log = structlog.get_logger()

BEAT_S = 1.0
MAIL_S = 0.2
DEAD_AFTER_MS = 5_000
PROLONG_EVERY = 10  # beats
GROUP, DOCUMENT = "processes", "process"

type Describe = Callable[[], Mapping[str, Any]]
type Renew = Callable[[int], Awaitable[None]]


class Calls(Protocol):
    """The desk, as the fleet sees it."""

    def live(self) -> Mapping[str, object]:
        """By CallSid, something that is another object when the call was taken up again."""
        ...

    def lost(self, call_sid: str) -> None:
        """Another process has it."""
        ...

    def read(self, letter: Mapping[str, Any]) -> None: ...


class Fleet:
    """One for each process, while inside `async with`. `describe` gives what others may see of it;
    `renew` is called every second with the number of processes alive, and may raise `StoreGone`."""

    def __init__(
        self, store: Store, process: str, calls: Calls, describe: Describe, renew: Renew | None = None
    ) -> None:
        self.size = 1  # processes alive, as far as is known
        self._store = store
        self._process = process
        self._calls = calls
        self._describe = describe
        self._renew = renew
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._beats = 0

    async def __aenter__(self) -> Self:
        await self.beat()
        self._tasks = (
            asyncio.create_task(_every(BEAT_S, self.beat), name="fleet"),
            asyncio.create_task(_every(MAIL_S, self._read_mail), name="mail"),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._store.count_out(GROUP, [self._process])
            await self._store.delete(DOCUMENT, self._process)
        except StoreGone:
            pass

    async def beat(self) -> None:
        try:
            await self._look_at_leases()
            now = time.time_ns() // 1_000_000
            self.size = await self._store.count_in(GROUP, [self._process], now + DEAD_AFTER_MS, now)
            if self._renew is not None:
                await self._renew(self.size)
            document = {"process": self._process, "at_ms": now, **self._describe()}
            await self._store.put(DOCUMENT, self._process, document, 2 * DEAD_AFTER_MS // 1000)
        except StoreGone:
            return

    async def _look_at_leases(self) -> None:
        before = dict(self._calls.live())
        holders = await self._store.holders([*before])
        now = self._calls.live()
        for call_sid, holder in zip(before, holders, strict=True):
            if now.get(call_sid) is not before[call_sid]:
                continue  # ended, or taken up again, while the store was asked
            if not holder:  # the store has lost its memory
                await self._store.take_free(call_sid, self._process, LEASE_S)
            elif holder != self._process:
                self._calls.lost(call_sid)
        self._beats += 1
        if self._beats % PROLONG_EVERY == 0:
            await self._store.prolong([*self._calls.live()], LEASE_S)

    async def _read_mail(self) -> None:
        try:
            letters = await self._store.collect(self._process)
        except StoreGone:
            return
        for letter in letters:
            try:
                self._calls.read(letter)
            except (KeyError, TypeError, ValueError) as error:
                log.warning("! a letter of another process cannot be read", why=repr(error))

    async def listing(self) -> list[dict[str, Any]]:
        """What every process alive has said of itself and its calls. Raises `StoreGone`."""
        found = [await self._store.get(DOCUMENT, name) for name in await self._store.members(GROUP)]
        return [document for document in found if document is not None]


async def _every(seconds: float, work: Callable[[], Any]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await work()
