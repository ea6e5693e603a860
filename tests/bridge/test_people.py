"""What a carrier is told about people outside the stream, and what is made of their answers. In virtual time."""

import asyncio

from fakeredis import FakeAsyncRedis, FakeServer

from app.cache.store import Store
from app.call.continuation import (
    ConnectStream,
    DialTarget,
    HangUpCall,
    JoinConference,
    KeepWaiting,
    LeaveQueue,
    LetThrough,
    RecordMessage,
    SpeakAndHangUp,
    WaitInQueue,
    WhisperToPerson,
)
from app.call.events import LegEnd
from tests.bridge.front import DESTINATIONS, Front, front_desk, incoming
from tests.bridge.test_desk import rehearsed

TRANSFER = "transfer_call"
FLAT_TYRE = '{"target":"workshop","summary":"Ms Lee has a flat tyre"}'
TO_OFFICE = '{"target":"office","summary":"Ms Lee wants her money back"}'
DIALLED = DialTarget("CA1-1", DESTINATIONS["workshop"], "+15035550199", whisper=True)
NOBODY = {"DialCallStatus": "no-answer", "DialBridged": "false"}
TALKED = {"DialCallStatus": "completed", "DialBridged": "true", "DialCallDuration": "30"}


async def caller_hears(front: Front, call_sid: str, stream: str) -> None:
    leg, _ = await front.connect(call_sid, stream)
    await asyncio.sleep(2)
    assert leg.played
    leg.end(LegEnd.STOPPED)
    await asyncio.sleep(1)


@rehearsed
async def test_a_caller_is_dialled_through_once_however_often_the_carrier_asks_and_the_call_ends_with_their_talk() -> (
    None
):
    async with front_desk() as front:
        await front.leaves_by(TRANSFER, FLAT_TYRE)
        assert [await front.desk.continue_call(incoming("CA1")) for _ in range(3)] == [DIALLED] * 3
        word = incoming("CA1", "CA1-1", **TALKED)
        assert [await front.desk.continue_call(word) for _ in range(2)] == [HangUpCall()] * 2
        await asyncio.sleep(1)
        assert front.ended("transferred") == 1
        assert front.phone.done == [], "the carrier rings, we do not"


@rehearsed
async def test_nobody_answers_and_the_caller_is_back_once_however_often_that_is_told() -> None:
    async with front_desk() as front:
        await front.leaves_by(TRANSFER, FLAT_TYRE)
        await front.desk.continue_call(incoming("CA1"))
        word = incoming("CA1", "CA1-1", **NOBODY)
        assert [await front.desk.continue_call(word) for _ in range(3)] == [ConnectStream()] * 3
        await caller_hears(front, "CA1", "MZ2")
        assert await front.desk.continue_call(word) == ConnectStream(), "a late copy is told what the first was"
        assert front.ended("caller_hung_up") == 1


@rehearsed
async def test_another_process_takes_the_word_of_a_caller_who_left_from_this_one() -> None:
    shared = FakeServer()
    async with front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as there:
        async with front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as here:
            await here.leaves_by(TRANSFER, FLAT_TYRE)
            assert await here.desk.continue_call(incoming("CA1")) == DIALLED
        assert here.ended("caller_hung_up") == 0, "a process that ends takes no caller with it who is elsewhere"
        assert await there.desk.people.whisper("CA1-1", "CAperson") == WhisperToPerson(
            "CA1-1",
            "A call from 1 4 1 5 5 5 5 0 1 2 3. Ms Lee has a flat tyre. Press 1 to take it, or hang up.",
        )
        assert await there.desk.continue_call(incoming("CA1", "CA1-1", **NOBODY)) == ConnectStream()
        await caller_hears(there, "CA1", "MZ2")
        assert there.ended("caller_hung_up") == 1


@rehearsed
async def test_a_target_that_is_configured_no_more_is_not_dialled() -> None:
    async with front_desk() as front:
        await front.leaves_by(TRANSFER, '{"target":"closed_down"}')
        assert await front.desk.continue_call(incoming("CA1")) == ConnectStream()


@rehearsed
async def test_no_number_of_the_conversation_is_ever_dialled() -> None:
    async with front_desk() as front:
        await front.desk.answer_call(incoming("CA1"))
        await front.connect("CA1")
        await asyncio.sleep(4)
        for asked in (
            '{"target":"+19005550100"}',
            '{"target":"sip:thief@example.com"}',
            '{"target":"workshop+19005550100"}',
            '{"target":{"to":"+19005550100"}}',
            '{"to":"+19005550100","number":"+19005550100"}',
        ):
            front.call_tool("CA1", TRANSFER, asked)
            await asyncio.sleep(1)
        entry = front.desk.registry.get("CA1")
        assert entry is not None and entry.outside is None and front.phone.done == []
        front.call_tool("CA1", TRANSFER, '{"target":"workshop","summary":"dial +19005550100","to":"+19005550100"}')
        await asyncio.sleep(4)
        answer = await front.desk.continue_call(incoming("CA1"))
        assert isinstance(answer, DialTarget) and answer.destination == DESTINATIONS["workshop"]
        assert answer.caller_id == "+15035550199"


@rehearsed
async def test_several_people_get_a_task_and_the_caller_who_waits_too_long_is_back() -> None:
    async with front_desk() as front:
        await front.leaves_by(TRANSFER, '{"target":"sales","summary":"wants ten bicycles"}')
        answer = await front.desk.continue_call(incoming("CA1"))
        assert isinstance(answer, WaitInQueue) and answer.destination == DESTINATIONS["sales"]
        told = {"team": "sales", "summary": "wants ten bicycles", "caller": "+14155550123"}
        assert told.items() <= dict(answer.attributes).items()
        people = front.desk.people
        assert isinstance(people.wait("CA1-1", "10"), KeepWaiting)
        assert people.wait("CA1-1", "300") == LeaveQueue()
        assert await front.desk.continue_call(incoming("CA1", "CA1-1", QueueResult="leave")) == ConnectStream()


@rehearsed
async def test_a_person_is_rung_asked_and_joined_with_the_caller_who_held() -> None:
    async with front_desk() as front:
        leg = await front.leaves_by(TRANSFER, TO_OFFICE)
        people = front.desk.people
        assert front.phone.done == [("ring", "+15550143", "+15550100", "CA1-1")]
        asked = await people.whisper("CA1-1", "CAperson")
        assert isinstance(asked, WhisperToPerson) and "Ms Lee wants her money back." in asked.text
        assert [await people.accept("CA1-1", "1") for _ in range(2)] == [JoinConference("CA1-1", "person")] * 2
        await asyncio.sleep(0.1)
        assert leg.ended, "the caller leaves the stream to meet them"
        assert await front.desk.continue_call(incoming("CA1")) == JoinConference("CA1-1", "caller")
        await asyncio.sleep(60)
        await people.person_reported("CA1-1", "completed")
        word = incoming("CA1", "CA1-1", DialCallStatus="answered")
        assert await front.desk.continue_call(word) == HangUpCall()
        await asyncio.sleep(1)
        assert front.ended("transferred") == 1 and len(front.phone.done) == 1


@rehearsed
async def test_who_is_rung_and_does_not_accept_leaves_the_caller_with_the_bot() -> None:
    async def rung(front: Front) -> None:
        await front.leaves_by(TRANSFER, TO_OFFICE)
        assert front.phone.done

    for refuses in ("busy", "no-answer", "failed", "completed"):
        async with front_desk() as front:
            await rung(front)
            await front.desk.people.person_reported("CA1-1", refuses)
            await asyncio.sleep(3)
            assert front.session == 2, "another session serves the caller"
            assert isinstance(await front.desk.people.whisper("CA1-1", "CAperson"), SpeakAndHangUp)
    async with front_desk() as front:
        await rung(front)
        assert await front.desk.people.accept("CA1-1", "2") == HangUpCall()
        await asyncio.sleep(3)
        assert isinstance(await front.desk.people.accept("CA1-1", "1"), SpeakAndHangUp)


@rehearsed
async def test_a_call_that_cannot_be_placed_is_told_at_once() -> None:
    async with front_desk() as front:
        front.phone.broken = True
        leg = await front.leaves_by(TRANSFER, TO_OFFICE)
        assert not leg.ended and front.session == 2


@rehearsed
async def test_a_caller_who_hangs_up_while_holding_stops_the_ringing_or_releases_who_has_accepted() -> None:
    async with front_desk() as front:
        leg = await front.leaves_by(TRANSFER, TO_OFFICE)
        leg.end(LegEnd.STOPPED)
        await asyncio.sleep(1)
        assert front.phone.done[1:] == [("hang up", "CAperson")]
    async with front_desk() as front:
        await front.leaves_by(TRANSFER, TO_OFFICE)
        await front.desk.people.accept("CA1-1", "1")
        front.desk.call_reported("CA1", "completed")
        await asyncio.sleep(1)
        assert front.phone.done[1:] == [("say", "CAperson", "The caller has hung up. Goodbye.")]


@rehearsed
async def test_a_caller_does_not_wait_alone_for_a_person_who_left_as_they_came() -> None:
    async with front_desk() as front:
        await front.leaves_by(TRANSFER, TO_OFFICE)
        await front.desk.people.accept("CA1-1", "1")
        await front.desk.continue_call(incoming("CA1"))
        await front.desk.people.person_reported("CA1-1", "completed")
        await asyncio.sleep(1)
        assert front.phone.done[1:] == [("send onward", "CA1", "CA1-1")]
        assert await front.desk.continue_call(incoming("CA1", "CA1-1")) == ConnectStream()


@rehearsed
async def test_without_keys_the_carrier_asks_the_person_and_a_key_lets_the_caller_through() -> None:
    async with front_desk() as front:
        await front.leaves_by(TRANSFER, FLAT_TYRE)
        await front.desk.continue_call(incoming("CA1"))
        people = front.desk.people
        assert isinstance(await people.whisper("CA1-1", "CAchild"), WhisperToPerson)
        assert await people.accept("CA1-1", "") == HangUpCall()
        assert await people.accept("CA1-1", "1") == LetThrough()
        front.desk.call_reported("CA1", "completed")  # the caller hung up on the person
        await asyncio.sleep(1)
        assert front.ended("transferred") == 1


RECORDING = {"RecordingUrl": "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1", "RecordingDuration": "9"}


@rehearsed
async def test_a_message_is_recorded_kept_and_the_caller_is_back() -> None:
    async with front_desk() as front:
        await front.leaves_by("take_message", '{"about":"a wheel"}')
        answer = await front.desk.continue_call(incoming("CA1"))
        assert answer == RecordMessage("CA1-1", "Please leave your message after the tone.")
        assert await front.desk.continue_call(incoming("CA1", "CA1-1", **RECORDING)) == ConnectStream()
        await front.desk.people.recorded("CA1-1", RECORDING | {"RecordingSid": "RE1", "RecordingStatus": "completed"})
        assert {word.key for word in front.inbox.words} == {"RE1"}
        first = front.inbox.words[0]
        assert (first.kind, first.caller, first.agent, first.about, first.seconds) == (
            "voicemail", "+14155550123", "desk", "a wheel", 9
        )  # fmt: skip


@rehearsed
async def test_a_caller_who_hangs_up_after_the_message_has_left_it_in_whatever_order_that_is_told() -> None:
    for over_first in (True, False):
        async with front_desk() as front:
            await front.leaves_by("take_message", "{}")
            await front.desk.continue_call(incoming("CA1"))
            if over_first:
                front.desk.call_reported("CA1", "completed")
            word = incoming("CA1", "CA1-1", Digits="hangup", **RECORDING)
            answer = await front.desk.continue_call(word)
            front.desk.call_reported("CA1", "completed")
            await asyncio.sleep(10)
            assert front.ended("message_left") == 1
            assert len(front.inbox.words) == 1
            assert answer == (HangUpCall() if over_first else ConnectStream())


@rehearsed
async def test_an_empty_recording_and_one_that_failed_are_no_messages() -> None:
    async with front_desk() as front:
        await front.leaves_by("take_message", "{}")
        await front.desk.continue_call(incoming("CA1"))
        people = front.desk.people
        await people.recorded("CA1-1", RECORDING | {"RecordingSid": "RE1", "RecordingStatus": "absent"})
        await people.recorded("CA1-1", RECORDING | {"RecordingSid": "RE1", "RecordingDuration": "0"})
        assert await front.desk.continue_call(incoming("CA1", "CA1-1")) == ConnectStream()
        assert front.inbox.words == []


@rehearsed
async def test_a_recording_s_callback_finds_its_caller_in_any_process() -> None:
    shared = FakeServer()
    async with front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as there:
        async with front_desk(store=Store(FakeAsyncRedis(server=shared), "memory")) as here:
            await here.leaves_by("take_message", '{"about":"a wheel"}')
        await there.desk.people.recorded("CA1-1", RECORDING | {"RecordingSid": "RE1", "RecordingStatus": "completed"})
        (word,) = there.inbox.words
        assert (word.caller, word.called, word.about) == ("+14155550123", "+15035550199", "a wheel")


@rehearsed
async def test_a_wish_to_be_called_back_is_kept_with_the_caller_s_number() -> None:
    async with front_desk() as front:
        await front.leaves_by("request_call_back", '{"about":"a wheel","when":"after five"}')
        (word,) = front.inbox.words
        assert (word.kind, word.caller, word.about, word.wanted_at) == (
            "call_back", "+14155550123", "a wheel", "after five"
        )  # fmt: skip
