"""One call, several processes: who has it, and what becomes of it where it was. In virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fakeredis import FakeAsyncRedis, FakeServer

from app.bridge.fleet import Fleet
from app.cache.store import Store
from app.call.continuation import ConnectStream, HangUpCall, JoinConference
from app.call.events import Answerer, LegEnd
from tests.bridge.front import Front, PlainLeg, front_desk, incoming
from tests.bridge.test_desk import rehearsed


@asynccontextmanager
async def processes(count: int = 2) -> AsyncIterator[list[Front]]:
    """So many, on one store."""
    shared, fronts = FakeServer(), []
    async with AsyncExitStack() as stack:
        for number in range(count):
            store = Store(FakeAsyncRedis(server=shared), "memory")
            name = f"process {number}"
            front = await stack.enter_async_context(front_desk(store=store, process=name))
            front.fleet = await stack.enter_async_context(Fleet(store, name, front.desk, front.desk.describe))
            fronts.append(front)
        yield fronts


async def meets_a_machine(front: Front) -> bool:
    """Whether the only call, which is answered now, takes whoever answers for one."""
    _, served = await front.connect("CA1")
    async with asyncio.timeout(4):
        await served
    return front.ended("voicemail") == 1


@rehearsed
async def test_a_verdict_on_who_answered_waits_for_its_call_whichever_process_is_told_of_either() -> None:
    for told, asked in ((0, 0), (0, 1)):
        async with processes(2) as fronts:
            fronts[told].desk.answerer_known("CA1", Answerer.BEEP)
            await asyncio.sleep(1)
            assert isinstance(await fronts[asked].desk.answer_placed(incoming("CA1"), "desk", {}), ConnectStream)
            assert await meets_a_machine(fronts[asked])


@rehearsed
async def test_a_verdict_that_comes_to_another_process_reaches_the_call() -> None:
    async with processes(2) as (here, there):
        await here.desk.answer_placed(incoming("CA1"), "desk", {})
        await asyncio.sleep(0.5)
        there.desk.answerer_known("CA1", Answerer.BEEP)
        assert await meets_a_machine(here)


@rehearsed
async def test_who_accepts_and_hangs_up_is_known_to_every_process() -> None:
    for accepted_by, told in ((1, 1), (1, 0), (0, 1)):
        for after_s, fetched in ((1, [("send onward", "CA1", "CA1-1")]), (9, [])):
            async with processes(2) as fronts:
                leg = await fronts[0].leaves_by("transfer_call", '{"target":"office","summary":"Ms Lee"}')
                assert await fronts[accepted_by].desk.people.accept("CA1-1", "1") == JoinConference("CA1-1", "person")
                await asyncio.sleep(0.5)
                assert leg.ended, "the caller leaves the stream to meet them"
                assert await fronts[0].desk.continue_call(incoming("CA1")) == JoinConference("CA1-1", "caller")
                await asyncio.sleep(after_s)
                await fronts[told].desk.people.person_reported("CA1-1", "completed")
                await asyncio.sleep(1)
                entry = fronts[0].desk.registry.get("CA1")
                assert entry is not None and entry.outside is not None, "nobody has refused"
                assert fronts[told].phone.done[0 if told else 1 :] == fetched


async def hang_up(leg: PlainLeg, served: asyncio.Task[None]) -> None:
    leg.end(LegEnd.STOPPED)
    await served


@rehearsed
async def test_the_process_that_gets_the_socket_takes_a_new_call_up() -> None:
    async with processes() as (rang, connected):
        await rang.desk.answer_call(incoming("CA1"))
        await asyncio.sleep(0.1)
        token = rang.desk.stream_token("CA1")
        assert await connected.desk.claim_leg("CA1", "MZ1", token) == 1
        leg = PlainLeg(1)
        served = asyncio.create_task(connected.desk.serve_leg("CA1", leg))
        await asyncio.sleep(2)
        assert leg.played
        assert rang.desk.registry.live_count() == 0
        assert rang.counted("notes", what="phrase") == 0
        assert await rang.desk.claim_leg("CA1", "MZ2", token) is None
        await hang_up(leg, served)
        assert connected.ended("caller_hung_up") == 1
        await asyncio.sleep(1)
        assert await rang.desk.continue_call(incoming("CA1")) == HangUpCall()


@rehearsed
async def test_a_socket_that_is_quicker_than_the_word_of_who_rang_is_not_refused() -> None:
    async with processes() as (rang, connected):
        await rang.desk.answer_call(incoming("CA1"))
        token = rang.desk.stream_token("CA1")
        assert await rang.store.get("calling", "CA1") is None
        assert await connected.desk.claim_leg("CA1", "MZ1", token) == 1


@rehearsed
async def test_a_call_taken_up_elsewhere_ends_here_without_an_end_and_writes_no_more() -> None:
    async with processes() as (here, there):
        await here.desk.answer_call(incoming("CA1"))
        leg, served = await here.connect("CA1")
        await asyncio.sleep(4)
        assert await there.desk.continue_call(incoming("CA1")) == ConnectStream()  # the socket broke without a word
        second, serving = await there.connect("CA1", "MZ2")
        await asyncio.sleep(2)
        await served
        assert leg.ended and second.played
        assert (here.desk.registry.live_count(), here.ended("caller_lost")) == (0, 0)
        kept = await here.store.get("snapshot", "CA1")
        assert not await here.store.put_held("snapshot", "CA1", {}, 60, "process 0")
        assert await here.store.get("snapshot", "CA1") == kept
        await hang_up(second, serving)


@rehearsed
async def test_a_moved_call_goes_on_where_the_carrier_asks() -> None:
    async with processes() as (here, there):
        await here.desk.answer_call(incoming("CA1"))
        leg, served = await here.connect("CA1")
        await asyncio.sleep(4)
        here.desk.registry.draining = True
        here.desk.move_calls()
        await served
        assert leg.ended
        assert await there.desk.continue_call(incoming("CA1")) == ConnectStream()
        entry = there.desk.registry.get("CA1")
        assert entry is not None and entry.life is not None
        assert [line.text for line in entry.life.bridge.call.transcript()] == ["(greeting)"]
        second, serving = await there.connect("CA1", "MZ2")
        await asyncio.sleep(1)
        assert second.played
        assert here.counted("calls_ended") == 0
        await hang_up(second, serving)


@rehearsed
async def test_the_carrier_s_word_reaches_the_process_that_has_the_call() -> None:
    async with processes() as (here, there):
        await here.leaves_by("transfer_call", '{"target":"office"}')
        await there.desk.people.accept("CA1-1", "1")
        await asyncio.sleep(1)
        entry = here.desk.registry.get("CA1")
        assert entry is not None and entry.outside is not None and entry.outside.way == "join"
        there.desk.call_reported("CA1", "completed")
        await asyncio.sleep(10)
        assert here.desk.registry.live_count() == 0


@rehearsed
async def test_every_process_sees_who_is_there_and_what_they_have() -> None:
    async with processes(3) as fronts:
        await fronts[0].desk.answer_call(incoming("CA1"))
        await asyncio.sleep(2)
        listing = {document["process"]: document for document in await fronts[2].fleet.listing()}
        assert sorted(listing) == ["process 0", "process 1", "process 2"]
        assert [call["call"] for call in listing["process 0"]["calls"]] == ["CA1"]
        assert "+1415" not in str(listing)
        assert {front.fleet.size for front in fronts} == {3}


@rehearsed
async def test_of_two_processes_that_are_asked_at_once_what_follows_exactly_one_has_the_call() -> None:
    async with processes(3) as (before, one, other):
        await before.desk.answer_call(incoming("CA1"))
        _, served = await before.connect("CA1")
        await asyncio.sleep(4)
        answers = await asyncio.gather(*(front.desk.continue_call(incoming("CA1")) for front in (one, other)))
        assert answers == [ConnectStream(), ConnectStream()]  # the carrier opens one stream, wherever it has asked last
        await asyncio.sleep(2)
        await served
        assert sum(front.desk.registry.live_count() for front in (before, one, other)) == 1


@rehearsed
async def test_of_two_sockets_with_one_token_exactly_one_carries_the_call() -> None:
    async with processes(3) as (before, one, other):
        await before.desk.answer_call(incoming("CA1"))
        await asyncio.sleep(0.1)
        token = before.desk.stream_token("CA1")
        legs = await asyncio.gather(one.desk.claim_leg("CA1", "MZ1", token), other.desk.claim_leg("CA1", "MZ2", token))
        assert sorted(leg is None for leg in legs) == [False, True]
        await asyncio.sleep(2)
        assert [front.desk.registry.live_count() for front in (before, one, other)] == [
            0,
            *(int(bool(x)) for x in legs),
        ]


@rehearsed
async def test_a_copy_that_ends_after_its_lease_is_gone_ends_the_call_for_nobody() -> None:
    async with processes() as (here, there):
        await here.desk.answer_call(incoming("CA1"))
        leg, served = await here.connect("CA1")
        await asyncio.sleep(4.5)
        assert await there.desk.continue_call(incoming("CA1")) == ConnectStream()
        await hang_up(leg, served)  # before it has looked at its lease
        await asyncio.sleep(0.1)
        assert (await here.store.get("ended", "CA1"), there.desk.registry.live_count()) == (None, 1)
        assert await here.store.get("snapshot", "CA1") is not None
