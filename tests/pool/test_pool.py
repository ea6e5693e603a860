"""The pool carries out its plan against an engine of its own tempo, in virtual time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from app.call.events import Failure, UsageReported
from app.engines.engine import EngineError, Session, SessionKey, SessionSpec
from app.pool.observer import Unobserved
from app.pool.plan import PoolOptions, Why
from app.pool.pool import Pool
from tests.pool.plain_engine import PlainEngine, PlainSession
from tests.pool.virtual_time import in_virtual_time, now_ms

DESK = SessionSpec(SessionKey("edition", "desk", "en-US", "model", "us-east-1", 8000), "You answer.", "tiffany")
NIGHT = SessionSpec(replace(DESK.key, agent="night"), "You answer at night.", "matthew")


class Tally(Unobserved):
    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.tokens = {False: 0, True: 0}

    def opened_cold(self, key: SessionKey) -> None:
        self.counted["cold"] += 1

    def lent(self, key: SessionKey, age_ms: int) -> None:
        self.counted["lent"] += 1

    def retired_unused(self, key: SessionKey, why: Why) -> None:
        self.counted[why] += 1

    def failed(self, key: SessionKey, failure: Failure) -> None:
        self.counted[failure] += 1

    def close_hung(self, key: SessionKey) -> None:
        self.counted["hung"] += 1

    def spent(self, key: SessionKey, usage: UsageReported, lent: bool) -> None:
        self.tokens[lent] += usage.text_in


class House:
    """A pool with its engine, and the figures at hand."""

    def __init__(self, engine: PlainEngine, pool: Pool, tally: Tally) -> None:
        self.engine = engine
        self.pool = pool
        self.tally = tally


@asynccontextmanager
async def house(
    *specs: SessionSpec, size: int = 2, streams: int = 20, opens_in: float = 0.5, closes_in: float = 0.1,
    failures: list[Failure | None] | None = None,
) -> AsyncIterator[House]:  # fmt: skip
    engine = PlainEngine(now_ms, opens_in, closes_in)
    engine.failures = failures or []
    tally = Tally()
    options = PoolOptions(size=size, max_streams=streams)
    async with Pool(engine, specs or (DESK,), options, now_ms, tally, jitter=lambda: 0.0) as pool:
        yield House(engine, pool, tally)
    assert engine.streams == 0 or tally.counted["hung"]


async def wait(seconds: float) -> None:
    """Virtual seconds."""
    await asyncio.sleep(seconds)


def begun(session: Session | None) -> PlainSession:
    assert isinstance(session, PlainSession)
    session.begin(1, ())
    return session


def test_it_is_full_after_the_first_filling() -> None:
    async def story() -> None:
        async with house(size=3) as at:
            assert not at.pool.filled
            await at.pool.first_filling()
            assert at.pool.counts().idle == 3

    in_virtual_time(story())


def test_a_first_filling_that_fails_has_ended_too() -> None:
    async def story() -> None:
        async with house(size=2, failures=[Failure.MISCONFIGURED] * 50) as at:
            await at.pool.first_filling()
            state = at.pool.state()
            assert (state.filled, state.counts.idle, state.last_failure) == (True, 0, Failure.MISCONFIGURED)

    in_virtual_time(story())


def test_a_pool_of_size_none_is_filled_at_once_and_opens_at_the_webhook() -> None:
    async def story() -> None:
        async with house(size=0) as at:
            await at.pool.first_filling()
            assert at.engine.asked_ms == []
            at.pool.expect(DESK)
            await wait(1)
            assert at.pool.counts().idle == 1

    in_virtual_time(story())


def test_a_session_is_lent_once_and_replaced() -> None:
    async def story() -> None:
        async with house(size=2) as at:
            await at.pool.first_filling()
            first, second = begun(at.pool.lend(DESK)), begun(at.pool.lend(DESK))
            assert first is not second
            assert at.pool.lend(DESK) is None
            await wait(1)
            assert at.pool.counts().idle == 2
            assert at.pool.counts().live == 2

    in_virtual_time(story())


def test_a_webhook_opens_the_replacement_at_once() -> None:
    async def story() -> None:
        async with house(size=2) as at:
            await at.pool.first_filling()
            at.pool.expect(DESK)
            await wait(0)
            assert at.pool.counts().opening == 1
            begun(at.pool.lend(DESK))
            await wait(0.6)
            assert at.pool.counts().idle == 2

    in_virtual_time(story())


def test_a_call_that_rang_and_never_came_leaves_no_surplus() -> None:
    async def story() -> None:
        async with house(size=2) as at:
            await at.pool.first_filling()
            at.pool.expect(DESK)
            await wait(1)
            assert at.pool.counts().idle == 3
            await wait(17)
            assert at.pool.counts().idle == 2

    in_virtual_time(story())


def test_a_dead_session_is_never_lent() -> None:
    async def story() -> None:
        async with house(size=2) as at:
            await at.pool.first_filling()
            at.engine.sessions[0].die()
            assert at.pool.lend(DESK) is at.engine.sessions[1]
            assert at.pool.lend(DESK) is None

    in_virtual_time(story())


def test_a_dead_session_is_noticed_and_replaced_within_two_seconds() -> None:
    async def story() -> None:
        async with house(size=2) as at:
            await at.pool.first_filling()
            at.engine.sessions[0].die()
            await wait(2)
            assert at.tally.counted["dead"] == 1
            assert at.pool.counts().idle == 2

    in_virtual_time(story())


def test_no_warm_session_reaches_its_idle_limit_and_the_shelf_is_never_empty() -> None:
    async def story() -> None:
        async with house(size=4) as at:
            await at.pool.first_filling()
            for _ in range(2_400):
                await wait(0.1)
                warm = at.engine.open_ones()
                assert all(now_ms() - s.opened_ms <= 45_100 for s in warm)
                assert at.pool.counts().idle >= 1

    in_virtual_time(story())


def test_a_pool_nobody_calls_shrinks_to_one() -> None:
    async def story() -> None:
        async with house(DESK, NIGHT, size=4) as at:
            await at.pool.first_filling()
            assert Counter(s.key.agent for s in at.engine.open_ones()) == {"desk": 2, "night": 2}
            await wait(400)
            assert Counter(s.key.agent for s in at.engine.open_ones()) == {"desk": 1}

    in_virtual_time(story())


def test_what_sessions_use_without_a_call_is_counted_and_that_of_unlent_ones_apart() -> None:
    async def story() -> None:
        async with house(size=1) as at:
            await at.pool.first_filling()
            used = begun(at.pool.lend(DESK))
            at.pool.release(used)
            await wait(60)
            assert at.tally.tokens[True] == 7
            assert at.tally.tokens[False] == 7 * at.tally.counted["too_old"] + 7 * at.tally.counted["turnover"] > 0

    in_virtual_time(story())


def test_a_cold_opening_waits_for_one_that_is_under_way() -> None:
    async def story() -> None:
        async with house(size=1) as at:
            session = await at.pool.open_cold(DESK)
            begun(session)
            assert at.tally.counted["cold"] == 1
            await wait(0.4)
            assert len(at.engine.asked_ms) == 2  # the first filling's, which was taken, and its replacement

    in_virtual_time(story())


def test_each_of_many_callers_gets_a_session_of_its_own() -> None:
    async def story() -> None:
        async with house(size=2, streams=60) as at:
            sessions = await asyncio.gather(*(at.pool.open_cold(DESK) for _ in range(40)))
            assert len({id(s) for s in sessions}) == 40
            assert at.pool.counts().live == 40

    in_virtual_time(story())


def test_a_cold_opening_that_fails_tells_its_caller_why() -> None:
    async def story() -> None:
        async with house(size=0, failures=[Failure.THROTTLED]) as at:
            with pytest.raises(EngineError) as caught:
                await at.pool.open_cold(DESK)
            assert caught.value.failure is Failure.THROTTLED

    in_virtual_time(story())


def test_a_caller_does_not_wait_for_a_back_off() -> None:
    async def story() -> None:
        async with house(size=1, failures=[Failure.THROTTLED] * 5) as at:
            await wait(20)
            assert at.pool.state().backing_off_ms > 0
            at.engine.failures = []
            before = now_ms()
            begun(await at.pool.open_cold(DESK))
            assert now_ms() - before == 500

    in_virtual_time(story())


def test_after_a_throttle_openings_come_one_by_one_and_ever_later() -> None:
    async def story() -> None:
        async with house(size=4, opens_in=0.0, failures=[Failure.THROTTLED] * 9) as at:
            await wait(200)
            first_four, then = at.engine.asked_ms[:4], at.engine.asked_ms[3:9]
            assert len(set(first_four)) == 1
            assert [b - a for a, b in pairwise(then)] == [1_000, 2_000, 4_000, 8_000, 16_000]
            assert at.pool.counts().idle == 4

    in_virtual_time(story())


def test_a_wrong_voice_of_one_agent_does_not_hold_another_back() -> None:
    async def story() -> None:
        async with house(DESK, NIGHT, size=2, failures=[Failure.MISCONFIGURED]) as at:
            await at.pool.first_filling()
            assert at.pool.lend(NIGHT) is not None

    in_virtual_time(story())


def test_a_caller_of_another_agent_gets_the_stream_of_a_warm_session() -> None:
    async def story() -> None:
        async with house(DESK, size=3, streams=3) as at:
            await at.pool.first_filling()
            begun(await at.pool.open_cold(NIGHT))
            assert at.tally.counted["makes_room"] == 1
            assert at.engine.most_streams == 3

    in_virtual_time(story())


def test_when_every_stream_serves_a_call_the_next_caller_is_told_at_once() -> None:
    async def story() -> None:
        async with house(size=2, streams=2) as at:
            await at.pool.first_filling()
            begun(at.pool.lend(DESK)), begun(at.pool.lend(DESK))
            before = now_ms()
            with pytest.raises(EngineError) as caught:
                await at.pool.open_cold(DESK)
            assert caught.value.failure is Failure.THROTTLED
            assert now_ms() == before

    in_virtual_time(story())


def test_a_stream_given_back_serves_the_next_caller_when_it_is_closed() -> None:
    async def story() -> None:
        async with house(size=1, streams=1) as at:
            await at.pool.first_filling()
            used = begun(at.pool.lend(DESK))
            at.pool.release(used)
            at.pool.release(used)
            begun(await at.pool.open_cold(DESK))
            assert used.closed
            assert at.engine.most_streams == 1

    in_virtual_time(story())


def test_a_close_that_hangs_is_counted_and_its_stream_is_free_after_two_seconds() -> None:
    async def story() -> None:
        async with house(size=0, streams=1, closes_in=1_000_000) as at:
            used = begun(await at.pool.open_cold(DESK))
            at.pool.release(used)
            await wait(1.9)
            assert at.pool.counts().closing == 1
            await wait(0.2)
            assert at.pool.counts().streams == 0
            assert at.tally.counted["hung"] == 1

    in_virtual_time(story())


def test_a_caller_who_hangs_up_while_waiting_leaves_a_warm_session_behind() -> None:
    async def story() -> None:
        async with house(size=1) as at:
            caller = asyncio.create_task(at.pool.open_cold(DESK))
            await wait(0.1)
            caller.cancel()
            await at.pool.first_filling()
            assert caller.cancelled()
            assert at.pool.counts().idle == 1

    in_virtual_time(story())


def test_a_caller_who_hangs_up_in_the_moment_it_is_served_costs_no_stream() -> None:
    async def story() -> None:
        async with house(size=0) as at:
            caller = asyncio.create_task(at.pool.open_cold(DESK))
            await wait(0)
            asyncio.get_running_loop().call_later(0.5, caller.cancel)
            await wait(2)
            assert at.pool.counts().live == 0

    in_virtual_time(story())


def test_stop_closes_everything_and_answers_those_who_wait() -> None:
    async def story() -> None:
        engine = PlainEngine(now_ms)
        pool = Pool(engine, [DESK], PoolOptions(size=3), now_ms)
        await pool.start()
        await pool.first_filling()
        begun(pool.lend(DESK))
        waiting = asyncio.create_task(pool.open_cold(NIGHT))
        await wait(0.1)
        await pool.stop()
        assert engine.streams == 0
        with pytest.raises(EngineError):
            await waiting
        with pytest.raises(EngineError):
            await pool.open_cold(DESK)

    in_virtual_time(story())


def test_stop_waits_no_longer_than_the_limit_for_closes_that_hang() -> None:
    async def story() -> None:
        async with house(size=3, closes_in=1_000_000) as at:
            await at.pool.first_filling()
            before = now_ms()
            await at.pool.stop()
            assert now_ms() - before == 2_000

    in_virtual_time(story())


def test_a_busy_day_never_passes_the_account_s_streams() -> None:
    async def call(at: House, rings_in: float, lasts: float) -> None:
        await wait(rings_in)
        at.pool.expect(DESK)
        await wait(1)
        try:
            session = at.pool.lend(DESK) or await at.pool.open_cold(DESK)
        except EngineError:
            return
        begun(session)
        await wait(lasts)
        at.pool.release(session)

    async def story() -> None:
        failures = [None, None, Failure.THROTTLED, None, Failure.LOST, None] * 20
        async with house(size=6, streams=10, failures=failures) as at:
            await asyncio.gather(*(call(at, (n * 37) % 300, 20 + (n * 13) % 60) for n in range(60)))
            assert at.engine.most_streams <= 10
            assert at.tally.counted["lent"] >= 50

    in_virtual_time(story())


LATER = SessionSpec(replace(DESK.key, edition="later"), "You answer kindly.", "tiffany")


def test_another_edition_is_warm_and_the_former_s_spares_are_gone() -> None:
    async def story() -> None:
        async with house(DESK, size=3) as here:
            await asyncio.sleep(5)
            live = here.pool.lend(DESK)
            assert live is not None
            here.pool.change([LATER])
            await asyncio.sleep(5)
            assert [session.key.edition for session in here.engine.open_ones() if session is not live] == ["later"] * 3
            assert here.tally.counted["former"] == 2  # the third serves a call
            assert live in here.engine.open_ones()

    in_virtual_time(story())


def test_a_call_of_a_former_edition_still_gets_its_own_session_and_nothing_of_it_is_kept() -> None:
    async def story() -> None:
        async with house(DESK, size=1) as here:
            await asyncio.sleep(5)
            live = here.pool.lend(DESK)
            assert live is not None
            here.pool.change([LATER])
            await asyncio.sleep(5)
            here.pool.expect(DESK)
            await asyncio.sleep(2)
            second = await here.pool.open_cold(DESK)
            assert second.key == DESK.key
            here.pool.release(live)
            here.pool.release(second)
            await asyncio.sleep(60)
            assert {session.key for session in here.engine.open_ones()} == {LATER.key}

    in_virtual_time(story())


def test_an_edit_taken_back_is_the_edition_before() -> None:
    async def story() -> None:
        async with house(DESK, size=2) as here:
            await asyncio.sleep(5)
            here.pool.change([LATER])
            here.pool.change([DESK])
            await asyncio.sleep(5)
            assert [session.key for session in here.engine.open_ones()] == [DESK.key] * 2

    in_virtual_time(story())
