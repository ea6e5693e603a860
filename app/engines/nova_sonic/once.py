"""Something costly that is made by whoever needs it first, and shared by all. A failure is not kept."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Once[T]:
    def __init__(self, make: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._make = make
        self._making: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Raises what making it raised. Cancelling one wait does not stop the making."""
        if self._making is None or (self._making.done() and self.made() is None):
            self._making = asyncio.create_task(self._make())
        return await asyncio.shield(self._making)

    def made(self) -> T | None:
        making = self._making
        if making is None or not making.done() or making.cancelled() or making.exception() is not None:
            return None
        return making.result()

    async def stop(self) -> T | None:
        """No more making; what was made, to be put away."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.wait({self._making})
        return self.made()
