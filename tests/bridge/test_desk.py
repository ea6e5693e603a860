"""What the desk tells a carrier, and what it keeps of a call. In virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from fakeredis import FakeAsyncRedis, FakeServer

from app.cache.store import Store
from app.call.continuation import ConnectStream, DialPerson, HangUpCall, RejectCall, SpeakAndHangUp
from app.call.events import LegEnd
from tests.bridge.front import Front, front_desk, incoming
from tests.pool.virtual_time import in_virtual_time


def rehearsed(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Runs a test in virtual time, where nothing may be left alive."""

    @wraps(test)
    def run() -> None:
        in_virtual_time(test())

    return run


@rehearsed
async def test_a_repeated_webhook_gets_the_same_answer_and_counts_once() -> None:
    async with front_desk(limit=1) as front:
        answers = [await front.desk.answer_call(incoming("CA1")) for _ in range(3)]
        assert answers == [ConnectStream()] * 3
        assert front.desk.registry.live_count() == 1
        assert len({front.desk.stream_token("CA1") for _ in range(3)}) == 1


@rehearsed
async def test_at_the_limit_a_call_is_told_so_in_words_or_refused() -> None:
    async with front_desk(limit=1, busy_text="Busy.") as front:
        await front.desk.answer_call(incoming("CA1"))
        assert await front.desk.answer_call(incoming("CA2")) == SpeakAndHangUp("Busy.")
    async with front_desk(limit=0, at_limit="reject") as front:
        assert await front.desk.answer_call(incoming("CA1")) == RejectCall()


@rehearsed
async def test_a_call_that_was_refused_takes_no_place() -> None:
    async with front_desk(limit=1) as front:
        await front.desk.answer_call(incoming("CA1"))
        await front.desk.answer_call(incoming("CA2"))
        front.desk.call_reported("CA1", "completed")
        assert await front.desk.answer_call(incoming("CA3")) == ConnectStream()


@rehearsed
async def test_a_token_opens_one_stream_of_its_own_call() -> None:
    async with front_desk() as front:
        for call in ("CA1", "CA2"):
            await front.desk.answer_call(incoming(call))
        token = front.desk.stream_token("CA1")
        assert await front.desk.claim_leg("CA2", "MZ1", token) is None
        assert await front.desk.claim_leg("CA1", "MZ1", "") is None
        assert await front.desk.claim_leg("CA1", "MZ1", token) == 1
        assert await front.desk.claim_leg("CA1", "MZ2", token) is None
        assert await front.desk.claim_leg("CA9", "MZ1", front.desk.stream_token("CA9")) is None
        assert await front.desk.claim_leg("CA1", "MZ2", front.desk.stream_token("CA1")) == 2


@rehearsed
async def test_a_token_used_in_another_process_is_used_up_here_too() -> None:
    shared = FakeServer()
    async with (
        front_desk(store=Store(FakeAsyncRedis(server=shared), "memory"), process="here") as here,
        front_desk(store=Store(FakeAsyncRedis(server=shared), "memory"), process="there") as there,
    ):
        for front in (here, there):
            await front.desk.answer_call(incoming("CA1"))
        token = here.desk.stream_token("CA1")
        assert await there.desk.claim_leg("CA1", "MZ1", token) == 1
        assert await here.desk.claim_leg("CA1", "MZ1", token) is None


@rehearsed
async def test_without_the_store_a_token_is_still_good_once() -> None:
    gone = FakeServer()
    gone.connected = False
    async with front_desk(store=Store(FakeAsyncRedis(server=gone), "memory")) as front:
        await front.desk.answer_call(incoming("CA1"))
        token = front.desk.stream_token("CA1")
        assert await front.desk.claim_leg("CA1", "MZ1", token) == 1
        assert await front.desk.claim_leg("CA1", "MZ2", token) is None


@rehearsed
async def test_after_a_lost_stream_the_call_goes_on_and_the_question_may_be_repeated() -> None:
    async with front_desk() as front:
        await front.desk.answer_call(incoming("CA1"))
        await front.lives_and_dies("CA1", "MZ1", 8.0)
        assert [await front.desk.continue_call(incoming("CA1")) for _ in range(3)] == [ConnectStream()] * 3
        leg, served = await front.connect("CA1", "MZ2")
        assert leg.ordinal == 2
        await asyncio.sleep(1)
        assert leg.played  # "there you are again"
        leg.end(LegEnd.STOPPED)
        await served
        assert await front.desk.continue_call(incoming("CA1")) == HangUpCall()
        assert front.ended("caller_hung_up") == 1


@rehearsed
async def test_three_streams_that_lived_too_short_end_the_call_or_go_to_a_person() -> None:
    async def three_short(front: Front) -> object:
        await front.desk.answer_call(incoming("CA1"))
        for stream in ("MZ1", "MZ2", "MZ3"):
            await front.lives_and_dies("CA1", stream, 0.5)
            front.desk.stream_reported("CA1", stream, "stream-error", "broken pipe")  # of a stream that did live
            answer = await front.desk.continue_call(incoming("CA1"))
        return answer

    async with front_desk(goodbye_text="Goodbye.") as front:
        assert await three_short(front) == SpeakAndHangUp("Goodbye.")
        await asyncio.sleep(1)
        assert front.desk.registry.live_count() == 0
    async with front_desk(goodbye_text="One moment.", person_number="+15550100") as front:
        assert await three_short(front) == DialPerson("+15550100", "One moment.")


@rehearsed
async def test_a_stream_that_never_opens_counts_once_as_short_however_often_it_is_told() -> None:
    async with front_desk(goodbye_text="Goodbye.") as front:
        await front.desk.answer_call(incoming("CA1"))
        for _ in range(4):
            front.desk.stream_reported("CA1", "MZ1", "stream-error", "refused")
        assert await front.desk.continue_call(incoming("CA1")) == ConnectStream()
        front.desk.stream_reported("CA1", "MZ2", "stream-error", "refused")
        front.desk.stream_reported("CA1", "MZ3", "stream-error", "refused")
        front.desk.stream_reported("CA1", "MZ3", "stream-stopped", "")
        await front.lives_and_dies("CA1", "MZ4", 8.0)
        assert await front.desk.continue_call(incoming("CA1")) == SpeakAndHangUp("Goodbye.")


@rehearsed
async def test_a_call_whose_stream_never_comes_is_given_up() -> None:
    async with front_desk(limit=1) as front:
        await front.desk.answer_call(incoming("CA1"))
        await asyncio.sleep(120)
        assert front.desk.registry.live_count() == 0
        assert front.ended("never_connected") == 1


@rehearsed
async def test_a_final_status_ends_the_call_and_others_do_not() -> None:
    async with front_desk() as front:
        await front.desk.answer_call(incoming("CA1"))
        leg, served = await front.connect("CA1")
        for status in ("ringing", "in-progress", "answered", ""):
            front.desk.call_reported("CA1", status)
        await asyncio.sleep(1)
        assert not served.done()
        front.desk.call_reported("CA1", "completed")
        await served
        assert leg.played
        assert front.desk.registry.live_count() == 0
        front.desk.call_reported("CA1", "completed")
        front.desk.call_reported("nobody", "completed")
        assert front.ended("caller_hung_up") == 1


@rehearsed
async def test_a_call_nobody_knows_is_taken_up_once_and_begins_with_an_apology() -> None:
    async with front_desk() as front:
        answers = await asyncio.gather(*(front.desk.continue_call(incoming("CA1")) for _ in range(3)))
        assert answers == [ConnectStream()] * 3
        assert front.desk.registry.live_count() == 1


@rehearsed
async def test_a_call_that_ended_elsewhere_is_over_here_too() -> None:
    shared = FakeServer()
    async with front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as front:
        await front.desk.answer_call(incoming("CA1"))
        leg, served = await front.connect("CA1")
        leg.end(LegEnd.STOPPED)
        await served
        await asyncio.sleep(1)
        assert await front.store.get("snapshot", "CA1") is None
    async with front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as front:
        assert await front.desk.continue_call(incoming("CA1")) == HangUpCall()


@rehearsed
async def test_what_is_known_of_a_call_waits_where_another_process_finds_it() -> None:
    shared = FakeServer()
    async with (
        front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as here,
        front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as there,
    ):
        await here.desk.answer_call(incoming("CA1"))
        await here.lives_and_dies("CA1", "MZ1", 8.0)
        kept = await there.store.get("snapshot", "CA1")
        assert kept is not None and kept["facts"]["call_sid"] == "CA1"
        assert await there.desk.continue_call(incoming("CA1")) == ConnectStream()
        leg, served = await there.connect("CA1", "MZ2")
        await asyncio.sleep(1)
        leg.end(LegEnd.STOPPED)
        await served


@rehearsed
async def test_the_fallback_speaks_and_lets_go_of_the_call() -> None:
    async with front_desk(fallback_text="Sorry.") as front:
        await front.desk.answer_call(incoming("CA1"))
        assert await front.desk.fall_back(incoming("CA1")) == SpeakAndHangUp("Sorry.")
        assert await front.desk.fall_back(incoming("nobody")) == SpeakAndHangUp("Sorry.")
        assert front.desk.registry.live_count() == 0


@rehearsed
async def test_a_desk_that_closes_leaves_its_calls_to_others() -> None:
    shared = FakeServer()
    async with front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as front:
        await front.desk.answer_call(incoming("CA1"))
        _, served = await front.connect("CA1")
        await asyncio.sleep(1)
    await served
    assert front.counted("calls_ended") == 0
    assert all(session.closed for session in front.engine.sessions)
    async with front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as front:
        assert await front.desk.continue_call(incoming("CA1")) == ConnectStream()
        assert front.desk.registry.live_count() == 1


@rehearsed
async def test_a_call_is_recorded_from_its_first_document_on_and_no_later_one_begins_another() -> None:
    async with front_desk(record_calls=True) as front:
        assert [await front.desk.answer_call(incoming("CA1")) for _ in range(2)] == [ConnectStream(record=True)] * 2
        await front.lives_and_dies("CA1", "MZ1", 1.0)
        assert await front.desk.continue_call(incoming("CA1")) == ConnectStream()
