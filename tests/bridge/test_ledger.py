"""The day's allowance of an agent, shared by all processes of a store."""

from dataclasses import replace
from decimal import Decimal

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from app.bridge.incoming import Incoming
from app.bridge.ledger import HELD_MS, Ledger
from app.cache.store import Store, StoreGone
from app.call.allowance import Day, DayCaps
from app.call.continuation import ConnectStream, DialPerson, SpeakAndHangUp
from app.call.prices import Usage
from tests.bridge.front import cast, front_desk, incoming
from tests.pool.virtual_time import in_virtual_time

ANNA, BEN = "+15550001", "+15550002"


def day(date: str = "2026-11-21", **caps: object) -> Day:
    return Day("desk", date, DayCaps(**caps))  # type: ignore[arg-type]


class Fleet:
    """Processes that share a store, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_763_700_000_000
        self.server = FakeServer()
        self.here, self.there = self.process(), self.process()

    def process(self) -> Ledger:
        return Ledger(Store(FakeAsyncRedis(server=self.server), "memory"), "secret", lambda: self.now)

    async def beat(self) -> None:
        for ledger in (self.here, self.there, self.here):
            await ledger.beat()


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def test_calls_of_all_processes_count_together_and_anew_each_day(fleet: Fleet) -> None:
    two = day(calls=2)
    assert await fleet.here.refuses(two, "CA1", ANNA) == ""
    assert await fleet.there.refuses(two, "CA2", ANNA) == ""
    await fleet.beat()
    assert await fleet.here.refuses(two, "CA3", BEN) == "calls"
    assert await fleet.here.refuses(day("2026-11-22", calls=2), "CA4", BEN) == ""


async def test_tokens_money_and_minutes_end_the_day(fleet: Fleet) -> None:
    for cap, use in (
        ({"tokens": 300}, "tokens"),
        ({"money": Decimal("0.02")}, "money"),
        ({"ms": 60_000}, "minutes"),
    ):
        capped = replace(day(**cap), agent=use)
        assert await fleet.here.refuses(capped, "CA1", ANNA) == ""
        account = fleet.here.open(capped, "CA1")
        account.used(Usage(speech_in=299), Decimal("0.01"))
        await fleet.beat()
        assert await fleet.there.refuses(capped, "CA2", ANNA) == ""
        account.used(Usage(text_out=1), None)  # nobody knows what it costs
        account.ended(60_000, Decimal("0.01"))
        await fleet.beat()
        assert await fleet.there.refuses(capped, "CA3", ANNA) == use


async def test_one_caller_is_counted_by_calls_and_not_by_repeated_webhooks(fleet: Fleet) -> None:
    one = day(calls_per_caller=1)
    assert await fleet.here.refuses(one, "CA1", ANNA) == ""
    assert await fleet.there.refuses(one, "CA1", ANNA) == ""
    assert await fleet.there.refuses(one, "CA2", ANNA) == "calls_per_caller"
    assert await fleet.there.refuses(one, "CA3", BEN) == ""
    assert await fleet.there.refuses(one, "CA4", "") == ""  # a number that is withheld is nobody's
    names = [str(name) for name in await FakeAsyncRedis(server=fleet.server).keys("*")]
    assert not any(ANNA.lstrip("+") in name for name in names)


async def test_calls_at_once_are_free_again_when_they_end_or_their_process_does(fleet: Fleet) -> None:
    one = day(at_once=1)
    assert await fleet.here.refuses(one, "CA1", ANNA) == ""
    account = fleet.here.open(one, "CA1")
    assert await fleet.there.refuses(one, "CA2", BEN) == "at_once"
    fleet.now += HELD_MS - 1
    await fleet.here.beat()
    fleet.now += HELD_MS - 1
    assert await fleet.there.refuses(one, "CA2", BEN) == "at_once"
    account.close()
    await fleet.here.beat()
    assert await fleet.there.refuses(one, "CA2", BEN) == ""
    fleet.now += HELD_MS + 1  # that process has died
    assert await fleet.here.refuses(one, "CA3", ANNA) == ""


async def test_without_the_store_nobody_is_refused_and_nothing_is_lost(fleet: Fleet) -> None:
    capped = day(tokens=100, at_once=1)
    assert await fleet.here.refuses(capped, "CA1", ANNA) == ""
    account = fleet.here.open(capped, "CA1")
    await fleet.here.beat()
    fleet.server.connected = False
    account.used(Usage(speech_in=100), None)
    with pytest.raises(StoreGone):
        await fleet.here.beat()
    assert await fleet.there.refuses(capped, "CA2", BEN) == ""
    fleet.server.connected = True
    await fleet.here.beat()
    assert await fleet.process().refuses(capped, "CA3", BEN) == "tokens"


def test_a_caller_over_the_cap_hears_that_lines_are_busy_or_is_put_through() -> None:
    def capped(target: str) -> object:
        def of(call: Incoming) -> object:
            return replace(cast(call), day=day(calls=1, target=target))

        return of

    async def lives(target: str) -> list[object]:
        async with front_desk(cast=capped(target), ledger=True) as front:  # type: ignore[arg-type]
            answers = [await front.desk.answer_call(incoming(f"CA{n}")) for n in (1, 2, 2)]
            assert front.counted("calls_refused", why="cap") == 1
            return list(answers)

    refused = in_virtual_time(lives(""))
    assert isinstance(refused[0], ConnectStream) and isinstance(refused[1], SpeakAndHangUp) and refused[2] == refused[1]
    dialled = in_virtual_time(lives("workshop"))
    assert dialled[1:] == [DialPerson("+15550142")] * 2
