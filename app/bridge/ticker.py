"""One clock for all calls of the process.

Fifty timers a second a call would be the largest avoidable cost, so there is a single one: every `PERIOD_MS` it looks
at each call's next deadline and steps those that are due. It rests while no call is live. Its own lateness is what
every caller would feel, so it is measured here.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

PERIOD_MS = 20


class Ticking(Protocol):
    due_ms: int | None

    def tick(self) -> None: ...


class Ticker:
    def __init__(self, now_ms: Callable[[], int], lateness: Callable[[float], None] = lambda seconds: None) -> None:
        self._now_ms = now_ms
        self._lateness = lateness
        self._members: set[Ticking] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next_at = 0.0

    def add(self, member: Ticking) -> None:
        self._members.add(member)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._next_at = loop.time()
            self._rearm(loop)

    def remove(self, member: Ticking) -> None:
        self._members.discard(member)
        if not self._members and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rearm(self, loop: asyncio.AbstractEventLoop) -> None:
        # By an absolute grid, so that lateness does not add up; what was missed altogether is skipped.
        period = PERIOD_MS / 1000
        self._next_at = max(self._next_at + period, loop.time())
        self._timer = loop.call_at(self._next_at, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._lateness(max(0.0, loop.time() - self._next_at))
        now = self._now_ms()
        for member in [m for m in self._members if m.due_ms is not None and m.due_ms <= now]:
            member.tick()
        if self._members:
            self._rearm(loop)
        else:
            self._timer = None
