"""From the CRT's threads into the event loop: one wake-up for a whole batch.

A wake-up costs far more than what it brings. So whoever posts while one is already on its way only adds to the deque.
Order is kept over all posts. `deque.append` and `popleft` are atomic; the flag is lowered before the deque is emptied,
so a post is seen by this emptying or schedules the next.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any


class Mailbox:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._posts: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._awake = False
        self.wakeups = 0

    def post(self, deliver: Callable[..., None], *args: Any) -> None:
        """From any thread: `deliver(*args)` will be called in the loop."""
        self._posts.append((deliver, args))
        if self._awake:
            return
        self._awake = True
        try:
            self._loop.call_soon_threadsafe(self._empty)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            self._posts.clear()

    def _empty(self) -> None:
        self._awake = False
        self.wakeups += 1
        posts = self._posts
        while posts:
            deliver, args = posts.popleft()
            try:
                deliver(*args)
            except Exception as error:
                self._loop.call_exception_handler({"message": "a post of the transport failed", "exception": error})
