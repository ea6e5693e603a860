"""One limit of streams for several processes. In virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import wraps
from typing import Any

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from app.cache.store import Store
from app.call.events import Failure
from app.engines.engine import EngineError, SessionKey, SessionSpec
from app.pool.plan import PoolOptions
from app.pool.pool import Pool
from app.pool.quota import HELD_MS, FleetQuota
from tests.pool.plain_engine import PlainEngine
from tests.pool.virtual_time import in_virtual_time, now_ms

SPEC = SessionSpec(SessionKey("edition", "desk", "en-US", "model", "us-east-1", 8_000), "You answer.", "tiffany")


def rehearsed(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        in_virtual_time(test())

    return run


def waited_for() -> bool:
    """A caller is there."""
    return True


def for_the_shelf() -> bool:
    return False


def quotas(limit: int, count: int = 2, server: FakeServer | None = None) -> list[FleetQuota]:
    server = server or FakeServer()
    return [
        FleetQuota(Store(FakeAsyncRedis(server=server), "memory"), f"process {number}", limit, now_ms)
        for number in range(count)
    ]


@rehearsed
async def test_all_processes_together_have_so_many_and_no_more() -> None:
    here, there = quotas(3)
    results = await asyncio.gather(
        *(quota.take(waited_for) for quota in (here, there) for _ in range(4)), return_exceptions=True
    )
    refused = [error for error in results if isinstance(error, EngineError)]
    assert (len(results) - len(refused), {error.failure for error in refused}) == (3, {Failure.THROTTLED})
    await here.renew(2)
    assert not here.has_room


@rehearsed
async def test_who_waits_a_little_gets_the_stream_that_is_given_back() -> None:
    here, there = quotas(1)
    ticket = await here.take(waited_for)
    waiting = asyncio.create_task(there.take(waited_for))
    await asyncio.sleep(1)
    assert not waiting.done()
    here.give_back(ticket)
    assert await waiting


@rehearsed
async def test_streams_of_a_process_that_died_are_free_again() -> None:
    here, there = quotas(1)
    await here.take(waited_for)
    with pytest.raises(EngineError):
        await there.take(waited_for)
    await asyncio.sleep(HELD_MS / 1000)
    assert await there.take(waited_for)


@rehearsed
async def test_streams_that_are_renewed_stay_taken() -> None:
    here, there = quotas(1)
    await here.take(waited_for)
    for _ in range(10):
        await asyncio.sleep(1)
        await here.renew(2)
    with pytest.raises(EngineError):
        await there.take(waited_for)


@rehearsed
async def test_without_the_store_each_process_keeps_to_its_share() -> None:
    server = FakeServer()
    here, _ = quotas(4, server=server)
    await here.renew(2)
    server.connected = False
    assert await here.take(waited_for) and await here.take(waited_for)
    with pytest.raises(EngineError):
        await here.take(waited_for)


@rehearsed
async def test_a_session_for_the_shelf_is_not_waited_for_and_never_overtakes_a_caller() -> None:
    here, there = quotas(1)
    ticket = await here.take(for_the_shelf)
    waiting = asyncio.create_task(there.take(waited_for))
    await asyncio.sleep(0.5)
    here.give_back(ticket)
    with pytest.raises(EngineError):
        await here.take(for_the_shelf)
    assert await waiting
    assert not here.has_room


@asynccontextmanager
async def shelves(limit: int, count: int = 2) -> AsyncIterator[list[tuple[Pool, FleetQuota]]]:
    """So many processes, each with a shelf of three and the heartbeat of a fleet."""
    async with AsyncExitStack() as stack:
        both = []
        for quota in quotas(limit, count):
            engine = PlainEngine(now_ms, opens_in=0.1)
            pool = Pool(engine, [SPEC], PoolOptions(size=3), now_ms, jitter=lambda: 0.0, quota=quota)
            quota.shelf = pool
            await stack.enter_async_context(pool)
            await pool.first_filling()
            beating = asyncio.create_task(beat(quota, count))
            stack.callback(beating.cancel)
            both.append((pool, quota))
        yield both


async def beat(quota: FleetQuota, processes: int) -> None:
    while True:
        await quota.renew(processes)
        await asyncio.sleep(1)


@rehearsed
async def test_a_spare_session_gives_way_to_a_caller_of_another_process() -> None:
    async with shelves(limit=4, count=3) as ((full, _), (one, quota), (empty, _)):
        await asyncio.sleep(2)
        pools = (full, one, empty)
        assert [pool.counts().idle for pool in pools] == [3, 1, 0]
        assert quota.has_room  # all streams are in use, and none by a call
        session = await empty.open_cold(SPEC)
        assert [pool.counts().live for pool in pools] == [0, 0, 1]
        assert sum(pool.counts().idle for pool in pools) == 3  # one has given way, and no more than one
        empty.release(session)


@rehearsed
async def test_sessions_that_callers_of_our_own_are_to_have_give_way_to_nobody() -> None:
    async with shelves(limit=3) as ((full, _), (empty, quota)):
        for _ in range(3):
            full.expect(SPEC)
        await asyncio.sleep(4)
        assert not quota.has_room
        with pytest.raises(EngineError) as refused:
            await empty.open_cold(SPEC)
        assert (refused.value.failure, full.counts().idle) == (Failure.THROTTLED, 3)
