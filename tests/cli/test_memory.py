"""The allocator gives back what calls have held, once and while nobody is on the telephone. In virtual time."""

import asyncio

import pytest

from app.cli import memory
from tests.pool.virtual_time import in_virtual_time


def test_pages_are_given_back_when_the_last_call_has_been_over_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    live, trims = [0], []

    async def at_once(work: object, *given: int) -> None:
        trims.append(given)

    async def day() -> list[int]:
        counts = []
        async with memory.giving_back(lambda: live[0]):
            for calls, seconds in ((0, 60), (3, 60), (0, 2), (1, 60), (0, 60), (2, 10), (0, 600)):
                live[0] = calls
                await asyncio.sleep(seconds)
                counts.append(len(trims))
        return counts

    monkeypatch.setattr(asyncio, "to_thread", at_once)
    assert in_virtual_time(day()) == [0, 0, 0, 0, 1, 1, 2]
