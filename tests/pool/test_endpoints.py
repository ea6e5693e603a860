"""Sessions are opened where one can be had, and nobody finds out twice what the process knows; in virtual time."""

import asyncio
from dataclasses import replace

import pytest

from app.call.breaker import BreakerLimits
from app.call.events import Failure
from app.engines.engine import Endpoint, EngineError, SessionKey, SessionSpec
from app.pool.endpoints import EndpointOptions, Endpoints
from app.pool.plan import PoolOptions
from app.pool.pool import Pool
from tests.pool.plain_engine import PlainEngine, PlainSession
from tests.pool.virtual_time import in_virtual_time, now_ms

HOME, AWAY = Endpoint("us-east-1", "sonic"), Endpoint("us-west-2", "sonic")
DESK = SessionSpec(SessionKey("edition", "desk", "en-US", HOME.model, HOME.region, 8000), "You answer.", "tiffany")
LIMITS = BreakerLimits(failures=3, window_ms=60_000, open_ms=15_000)


class Regions(PlainEngine):
    """Fails where it is told to, for as long as it is told to."""

    def __init__(self) -> None:
        super().__init__(now_ms, opens_in=0.1)
        self.down: dict[Endpoint, Failure] = {}
        self.silent: set[Endpoint] = set()
        self.asked: list[Endpoint] = []

    async def open(self, spec: SessionSpec) -> PlainSession:
        self.asked.append(spec.where)
        if spec.where in self.silent:
            await asyncio.sleep(3600)
        if spec.where in self.down:
            raise EngineError(self.down[spec.where], "as told")
        return await super().open(spec)


def endpoints(engine: Regions, *fallbacks: Endpoint) -> Endpoints:
    return Endpoints(engine, EndpointOptions(fallbacks, LIMITS), now_ms)


async def refused(ends: Endpoints, times: int = 1) -> list[Failure]:
    failures = []
    for _ in range(times):
        with pytest.raises(EngineError) as error:
            await ends.open(DESK)
        failures.append(error.value.failure)
        await asyncio.sleep(0.01)
    return failures


def test_after_three_failures_nobody_asks_but_the_probe_which_opens_it_to_all() -> None:
    async def story() -> None:
        engine = Regions()
        ends, told = endpoints(engine), []
        ends.recovered = lambda: told.append(now_ms())
        engine.down[HOME] = Failure.LOST
        assert await refused(ends, 5) == [Failure.LOST] * 3 + [Failure.UNAVAILABLE] * 2
        assert ends.down() == {str(HOME): True}
        assert len(engine.asked) == 3
        await asyncio.sleep(31)  # two probes
        assert len(engine.asked) == 5 and await refused(ends) == [Failure.UNAVAILABLE]
        del engine.down[HOME]
        await asyncio.sleep(15)
        assert ends.down() == {str(HOME): False} and len(told) == 1
        assert all(session.closed for session in engine.sessions), "a probe keeps no session"
        assert (await ends.open(DESK)).key == DESK.key
        await ends.close()

    in_virtual_time(story())


def test_the_next_endpoint_serves_under_the_same_key_and_the_first_is_skipped_once_it_is_known_to_be_down() -> None:
    async def story() -> None:
        engine = Regions()
        ends = endpoints(engine, AWAY)
        engine.down[HOME] = Failure.UNSTABLE
        for _ in range(4):
            assert (await ends.open(DESK)).key == DESK.key
        assert engine.asked == [HOME, AWAY] * 3 + [AWAY]
        assert ends.down() == {str(HOME): True, str(AWAY): False}
        await ends.close()

    in_virtual_time(story())


def test_an_endpoint_that_is_silent_is_waited_for_a_little_where_there_is_another() -> None:
    async def story() -> None:
        engine = Regions()
        ends = endpoints(engine, AWAY)
        engine.silent.add(HOME)
        began = now_ms()
        await ends.open(DESK)
        assert now_ms() - began == 2_600
        await ends.close()

    in_virtual_time(story())


@pytest.mark.parametrize(("failure", "asked"), [(Failure.THROTTLED, [HOME, AWAY]), (Failure.BAD_INPUT, [HOME])])
def test_a_quota_is_full_in_one_region_and_our_own_mistakes_are_the_same_anywhere(
    failure: Failure, asked: list[Endpoint]
) -> None:
    async def story() -> None:
        engine = Regions()
        ends = endpoints(engine, AWAY)
        engine.down = {HOME: failure, AWAY: failure}
        assert await refused(ends, 5) == [failure] * 5, "neither means that it is down"
        assert engine.asked == asked * 5
        await ends.close()

    in_virtual_time(story())


def test_openings_that_fail_together_are_one_failure() -> None:
    async def story() -> None:
        engine = Regions()
        ends = endpoints(engine)
        engine.failures = [Failure.LOST] * 10
        lost = await asyncio.gather(*(ends.open(DESK) for _ in range(10)), return_exceptions=True)
        assert all(isinstance(error, EngineError) for error in lost)
        assert ends.down() == {str(HOME): False}
        await ends.close()

    in_virtual_time(story())


def test_another_model_is_another_endpoint() -> None:
    other = replace(DESK, key=replace(DESK.key, model="older"))

    async def story() -> None:
        engine = Regions()
        ends = endpoints(engine)
        engine.down[HOME] = Failure.MISCONFIGURED
        await refused(ends, 4)
        await ends.open(other)
        assert ends.down() == {str(HOME): True, "us-east-1:older": False}
        await ends.close()

    in_virtual_time(story())


def test_the_pool_fills_at_once_when_an_endpoint_is_well_again() -> None:
    async def story() -> None:
        engine = Regions()
        ends = endpoints(engine)
        engine.down[HOME] = Failure.LOST
        pool = Pool(ends, [DESK], PoolOptions(size=2), now_ms, jitter=lambda: 0.0)
        ends.recovered = pool.try_again
        async with pool:
            await asyncio.sleep(200)  # by now the pool tries once a minute
            assert pool.counts().idle == 0
            del engine.down[HOME]
            await asyncio.sleep(16)
            assert pool.counts().idle >= 1
            await ends.close()

    in_virtual_time(story())
