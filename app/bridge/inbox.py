"""What callers leave for staff, on its way to the database: off the loop, and not lost while the database is gone.

A word that the database does not take waits in this process and, in case that ends first, in the store; it is tried
again at growing intervals. Whoever starts next takes up what waits in the store.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any, Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.cache.store import Store, StoreGone
from app.records.messages import MessageBook, Word

log = structlog.get_logger()

WORD = "word"  # kind of document in the store
KEPT_S = 7 * 24 * 3600
TRY_AGAIN_S = (1, 5, 20, 60)  # then every last one of them
LAST_TRY_S = 2


class Inbox:
    """`async with Inbox(book, store) as inbox`, then `inbox.keep(word)` from the loop: it waits for nothing."""

    def __init__(self, book: MessageBook, store: Store) -> None:
        self._book = book
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._spawn(self._take_up())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Words still on their way get a moment; those the database does not take stay in the store."""
        if self._tasks:
            late = (await asyncio.wait(self._tasks, timeout=LAST_TRY_S))[1]
            for task in late:
                task.cancel()
        await asyncio.to_thread(self._book.close)

    def keep(self, word: Word) -> None:
        self._spawn(self._keep(word))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="inbox")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self, word: Word, waited: bool = False) -> None:
        tries = 0
        while not await self._taken(word):
            if not waited:
                waited = await self._leave_in_store(word)
            await asyncio.sleep(TRY_AGAIN_S[min(tries, len(TRY_AGAIN_S) - 1)])
            tries += 1
        if waited:
            await self._remove_from_store(word)

    async def _taken(self, word: Word) -> bool:
        try:
            await asyncio.to_thread(self._book.keep, word)
        except (SQLAlchemyError, OSError) as error:
            # The name of the error only: its text holds what the caller left.
            log.warning("! the database does not take a message", call=word.call_sid, error=type(error).__name__)
            return False
        return True

    async def _leave_in_store(self, word: Word) -> bool:
        try:
            await self._store.put(WORD, word.key, asdict(word), KEPT_S)
        except StoreGone:
            return False
        return True

    async def _remove_from_store(self, word: Word) -> None:
        try:
            await self._store.delete(WORD, word.key)
        except StoreGone:
            log.warning("! a message stays in the store, and is kept once more at the next start", call=word.call_sid)

    async def _take_up(self) -> None:
        try:
            waiting = await self._store.all(WORD)
        except StoreGone:
            return
        for document in waiting:
            self._spawn(self._keep(Word(**document), waited=True))
