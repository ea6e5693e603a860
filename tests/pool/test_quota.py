"""One limit of streams for several processes. In virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from app.cache.store import Store
from app.call.events import Failure
from app.engines.engine import EngineError
from app.pool.quota import HELD_MS, FleetQuota
from tests.pool.virtual_time import in_virtual_time, now_ms


def rehearsed(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        in_virtual_time(test())

    return run


def quotas(limit: int, count: int = 2, server: FakeServer | None = None) -> list[FleetQuota]:
    server = server or FakeServer()
    return [
        FleetQuota(Store(FakeAsyncRedis(server=server), "memory"), f"process {number}", limit, now_ms)
        for number in range(count)
    ]


@rehearsed
async def test_all_processes_together_have_so_many_and_no_more() -> None:
    here, there = quotas(3)
    results = await asyncio.gather(*(quota.take() for quota in (here, there) for _ in range(4)), return_exceptions=True)
    refused = [error for error in results if isinstance(error, EngineError)]
    assert (len(results) - len(refused), {error.failure for error in refused}) == (3, {Failure.THROTTLED})
    await here.renew(2)
    assert not here.has_room


@rehearsed
async def test_who_waits_a_little_gets_the_stream_that_is_given_back() -> None:
    here, there = quotas(1)
    ticket = await here.take()
    waiting = asyncio.create_task(there.take())
    await asyncio.sleep(1)
    assert not waiting.done()
    here.give_back(ticket)
    assert await waiting


@rehearsed
async def test_streams_of_a_process_that_died_are_free_again() -> None:
    here, there = quotas(1)
    await here.take()
    with pytest.raises(EngineError):
        await there.take()
    await asyncio.sleep(HELD_MS / 1000)
    assert await there.take()


@rehearsed
async def test_streams_that_are_renewed_stay_taken() -> None:
    here, there = quotas(1)
    await here.take()
    for _ in range(10):
        await asyncio.sleep(1)
        await here.renew(2)
    with pytest.raises(EngineError):
        await there.take()


@rehearsed
async def test_without_the_store_each_process_keeps_to_its_share() -> None:
    server = FakeServer()
    here, _ = quotas(4, server=server)
    await here.renew(2)
    server.connected = False
    assert await here.take() and await here.take()
    with pytest.raises(EngineError):
        await here.take()
