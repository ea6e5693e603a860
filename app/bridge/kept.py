"""What is kept of each call where other processes find it, and which process has it.

A call's state has one owner: the process that holds its **lease**. Whoever is given a call's next socket or webhook by
the carrier takes the lease from whoever had it, for the carrier connects a caller once; the former owner sees that it
is gone (`app.bridge.fleet`) and ends its copy without a word, and nothing it writes after that is taken.

Nothing here keeps a call waiting: writing is done in errands, one after another for each call, and a store that does
not answer is gone after 250 ms.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import structlog

from app.bridge.incoming import Incoming
from app.cache.store import Store, StoreGone

log = structlog.get_logger()

SNAPSHOT, CALLING, ENDED, EARLY = "snapshot", "calling", "ended", "early"  # kinds of document in the store
CALLING_S = 120  # from the webhook to the stream: its token lives 60 s
ENDED_REMEMBERED_S = 900
LEASE_S = 60
LAST_ERRANDS_S = 2
PATIENCE_S = 1.0
AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """What the store has of a call: how it ended, where it stood, who is calling."""

    ended: str | None = None
    snapshot: dict[str, Any] | None = None
    calling: Incoming | None = None


class CallMemory:
    """One for each process; `process` is its name among all that use the store. `kept` is told how long a snapshot
    took to be acknowledged, in seconds."""

    def __init__(self, store: Store, process: str, kept: Callable[[float], None]) -> None:
        self.process = process
        self._store = store
        self._kept = kept
        self._errands: dict[str, asyncio.Task[None]] = {}  # the last one of each call

    async def close(self) -> None:
        """The last errands get a moment."""
        if self._errands:
            await asyncio.wait(list(self._errands.values()), timeout=LAST_ERRANDS_S)

    # --- what must not keep a call waiting ------------------------------------------------------------------------

    def began(self, incoming: Incoming, read: Callable[[dict[str, Any]], None]) -> None:
        """A call rang here; its socket may come to another process. `read` is given the letter that came before it."""
        self._run_errand(incoming.call_sid, lambda: self._note_caller(incoming, read))

    async def _note_caller(self, incoming: Incoming, read: Callable[[dict[str, Any]], None]) -> None:
        await self._store.take_free(incoming.call_sid, self.process, LEASE_S)
        await self._store.put(CALLING, incoming.call_sid, asdict(incoming), CALLING_S)
        if incoming.agent and (letter := await self._store.get(EARLY, incoming.call_sid)) is not None:
            try:
                read(letter)
            except (KeyError, TypeError, ValueError) as error:  # of another version
                log.warning("! an early letter cannot be read", call=incoming.call_sid, why=repr(error))

    def keep(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None:
        asked = time.monotonic()
        self._run_errand(call_sid, lambda: self._put(call_sid, snapshot, longest_ms, asked))

    def hand_over(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int, then: Callable[[], None]) -> None:
        """Keep the snapshot and let the call go; `then` is called when that is done, or cannot be."""

        asked = time.monotonic()

        async def put_and_let_go() -> None:
            try:
                await self._put(call_sid, snapshot, longest_ms, asked)
                await self._store.let_go(call_sid, self.process)
            finally:
                then()

        self._run_errand(call_sid, put_and_let_go)

    async def _put(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int, asked: float) -> None:
        # Resumable state lives as long as the longest call, and ten minutes.
        ttl_s = longest_ms // 1000 + 600
        if not await self._store.put_held(SNAPSHOT, call_sid, snapshot, ttl_s, self.process):
            log.info("= another process has the call: its state is not written here", call=call_sid)
            return
        self._kept(time.monotonic() - asked)

    def ended(self, call_sid: str, disposition: str) -> None:
        self._run_errand(call_sid, lambda: self._note_end(call_sid, disposition))

    async def _note_end(self, call_sid: str, disposition: str) -> None:
        word = {"disposition": disposition}
        if not await self._store.put_held(ENDED, call_sid, word, ENDED_REMEMBERED_S, self.process):
            return  # it goes on in another process, whatever its copy here has come to
        await self._store.delete(SNAPSHOT, call_sid)
        await self._store.let_go(call_sid, self.process)

    def post(self, call_sid: str, letter: dict[str, Any]) -> None:
        """Word about a call that is not here, for the process that has it."""
        self._run_errand(call_sid, lambda: self._post(call_sid, letter))

    async def _post(self, call_sid: str, letter: dict[str, Any]) -> None:
        [holder] = await self._store.holders([call_sid])
        if holder not in ("", self.process):
            await self._store.post(holder, letter, LEASE_S)

    def post_early(self, call_sid: str, letter: dict[str, Any]) -> None:
        """Word about a call that we placed, which may have come before the call: it waits for whoever is given it."""

        async def wait_and_post() -> None:
            # In this order: whoever takes the call now has its lease before it looks for the letter.
            await self._store.put(EARLY, call_sid, letter, CALLING_S)
            await self._post(call_sid, letter)

        self._run_errand(call_sid, wait_and_post)

    def _run_errand(self, call_sid: str, work: Callable[[], Awaitable[None]]) -> None:
        """One after another for each call: a snapshot must not arrive after the word that the call has ended."""
        task = asyncio.create_task(_after(self._errands.get(call_sid), work), name=f"errand {call_sid}")
        self._errands[call_sid] = task
        task.add_done_callback(lambda done: self._errand_done(call_sid, done))

    def _errand_done(self, call_sid: str, done: asyncio.Task[None]) -> None:
        if self._errands.get(call_sid) is done:
            del self._errands[call_sid]

    # --- what a webhook or a socket waits for ---------------------------------------------------------------------

    async def take(self, call_sid: str) -> bool:
        """The call is ours from now on. True where it was before, as far as anybody knows."""
        try:
            return await self._store.take(call_sid, self.process, LEASE_S) in ("", self.process)
        except StoreGone:
            return True

    async def is_ours(self, call_sid: str) -> bool:
        try:
            return (await self._store.holders([call_sid]))[0] in ("", self.process)
        except StoreGone:
            return True

    async def find(self, call_sid: str, patience_s: float = PATIENCE_S) -> Found:
        """A store that is slow for a moment must not cost a call its memory: it is asked again for `patience_s`."""
        if (errand := self._errands.get(call_sid)) is not None:  # ours, and about to be there
            await asyncio.wait([errand])
        kinds = (ENDED, SNAPSHOT, CALLING)
        ended, snapshot, calling = await asyncio.gather(*(self._get(kind, call_sid, patience_s) for kind in kinds))
        disposition = None if ended is None else str(ended["disposition"])
        return Found(disposition, snapshot, None if calling is None else _incoming(calling))

    async def _get(self, kind: str, call_sid: str, patience_s: float) -> dict[str, Any] | None:
        loop = asyncio.get_running_loop()
        until = loop.time() + patience_s
        while True:
            try:
                return await self._store.get(kind, call_sid)
            except StoreGone:
                if loop.time() > until:
                    return None
            await asyncio.sleep(AGAIN_S)


def _incoming(document: dict[str, Any]) -> Incoming | None:
    names = {field.name for field in fields(Incoming)}
    return Incoming(**document) if names == document.keys() else None


async def _after(previous: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]) -> None:
    if previous is not None:
        await asyncio.wait([previous])
    try:
        await work()
    except StoreGone as gone:
        log.warning("! the store did not take a call's state", why=str(gone))
