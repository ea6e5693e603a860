"""What goes wrong on the telephone's side: garbage, lost sockets, streams that never live."""

import base64
import json
from dataclasses import replace

from app.simulator.twilio.streaming import StreamFaults
from tests.whole.conftest import OpenHouse
from tests.whole.hand import Hand
from tests.whole.house import PATIENT, PUBLIC, together, until
from tests.whole.sounds import sentence, turn
from tests.whole.test_model_trouble import heard_of

ONE_QUESTION = """
    wait for speech
    wait for quiet 300ms
    say "where is it"
    wait for speech
    wait for quiet 300ms
    hang up
"""
STRANGE = (
    "this is not JSON",
    '{"event":"weather","streamSid":"MZ1"}',
    '["not","an","object"]',
    '{"event":"media"}',
    '{"event":"media","media":{"payload":12}}',
    '{"event":"media","media":{"payload":"***"}}',
    '{"event":"mark","mark":{}}',
    '{"event":"dtmf","dtmf":{"digit":"X"}}',
    '{"event":"start","start":null}',
    "{" * 2_000,
    "\x00\ufffd",
    "",
)


async def test_garbage_on_the_socket_is_passed_over_and_the_next_frame_is_heard(house: OpenHouse) -> None:
    async with house(mind=[turn("Where is it?", "one")]) as here, Hand.rings(here) as hand:
        await hand.hears("greeting")
        for strange in STRANGE:
            await hand.send(strange)
        await hand.send(b"\x00\x01")
        await hand.says("where is it")
        await hand.hears("one")


async def test_a_message_too_large_closes_the_socket_and_the_call_goes_on_behind_it(house: OpenHouse) -> None:
    async with house(mind=[turn("Where is it?", "one")]) as here, Hand.rings(here) as hand:
        await hand.hears("greeting")
        await hand.send(json.dumps({"event": "media", "media": {"payload": "A" * 70_000}}))
        assert await hand.closed() == 1009
        assert "<Connect>" in await hand.goes_on()
        await hand.hears("back_again")
        await hand.says("where is it")
        await hand.hears("one")


async def test_a_caller_whose_socket_was_lost_comes_back_to_the_same_conversation(house: OpenHouse) -> None:
    async with house(mind=[turn("Where is it?", sentence("one", 2.2)), turn("And?", "two")]) as here:
        call = await here.call(
            """
            wait for speech
            wait for quiet 300ms
            say "where is it"
            wait for speech
            wait for quiet 2500ms
            say "and the other"
            wait for speech
            wait for quiet 300ms
            hang up
            """,
            faults=StreamFaults(lose_socket_after_heard_ms=1_400, first_only=True),  # 800 ms into the answer
        )
        ended = await here.dispositions()
    assert call.heard == ["greeting", "one", "back_again", "one", "two"], call.sounds
    lost = [call.sound("one", nth).heard_ms for nth in (0, 1)]
    assert sum(lost) >= 2_100  # nothing of it is missing: at most a moment is heard twice
    assert len(call.events("stream_started")) == 2
    assert call.result.verbs == ["Connect", "Redirect", "Connect"]
    assert len(here.sessions) == 1
    assert ended == {"caller_hung_up": 1}


async def test_a_caller_given_up_as_lost_who_comes_back_after_all_is_remembered(house: OpenHouse) -> None:
    mind, later = [turn("Where is my parcel?", "one")], [turn("And?", "two")]
    async with house(mind=mind, later=later, timings=replace(PATIENT, leg_lost=800)) as here, Hand.rings(here) as hand:
        await hand.hears("greeting")
        await hand.says("where is it")
        await hand.hears("one")
        await until(lambda: here.server.store.get("snapshot", hand.call_sid), lambda kept: "sentence one" in str(kept))
        hand.drop()
        assert await here.dispositions() == {"caller_lost": 1}
        assert await here.metric("offhook_calls_live") == 0
        assert "<Connect>" in await hand.goes_on()
        await hand.hears("back_again")
        await hand.says("and the other")
        await hand.hears("two")
        _, second = here.sessions
    assert "Where is my parcel?" in heard_of(second, "USER")[-1]


async def test_three_streams_that_die_young_end_in_a_spoken_goodbye_or_with_a_person(house: OpenHouse) -> None:
    faults = StreamFaults(lose_socket_after_ms=300)

    async def dies_young(person: str) -> list[str]:
        async with house(person_number=person) as here:
            call = await here.call("wait for hang up within 30s", faults=faults)
            assert len(call.events("stream_started")) == 3
            await here.dispositions()
            return call.result.verbs

    seen: dict[str, list[str]] = {}

    async def note(person: str) -> None:
        seen[person] = await dies_young(person)

    await together(note(""), note("+15550177"))
    assert seen[""][-2:] == ["Say", "Hangup"]
    assert seen["+15550177"][-1] == "Dial"


async def test_a_call_nobody_knows_begins_afresh_with_an_apology(house: OpenHouse) -> None:
    async with house(mind=[turn("Where is it?", "one")]) as here:
        call = await here.call(ONE_QUESTION, to=f"{PUBLIC}/twilio/next")
    assert call.heard == ["sorry", "one"]


async def test_what_follows_a_stream_is_the_same_however_often_it_is_asked(house: OpenHouse) -> None:
    async with house() as here, Hand.rings(here) as hand:
        await hand.hears("greeting")
        hand.drop()
        first = (await here.post("/twilio/next", hand.call_sid)).text
        again = [(await here.post("/twilio/next", hand.call_sid)).text for _ in range(3)]
        assert "<Connect>" in first and again == [first] * 3


async def test_a_stream_that_never_opens_releases_all_that_was_held_for_it(house: OpenHouse) -> None:
    async with house(max_calls=1) as here:
        first = await here.post("/twilio/voice", "CA1")
        assert "<Connect>" in first.text
        report = {"StreamSid": "MZ1", "StreamEvent": "stream-error", "StreamError": "31902: connection refused"}
        assert (await here.post("/twilio/stream-status", "CA1", **report)).status_code == 204
        await here.post("/twilio/status", "CA1", CallStatus="completed")
        assert await here.dispositions() == {"never_connected": 1}
        assert await here.metric("offhook_calls_live") == 0
        assert "<Connect>" in (await here.post("/twilio/voice", "CA2")).text


async def test_payloads_of_any_size_and_in_bursts_are_heard(house: OpenHouse) -> None:
    async with house(mind=[turn("Where is it?", "one")]) as here, Hand.rings(here) as hand:
        await hand.hears("greeting")
        for size in (1, 7, 159, 161, 4_000):
            await hand.send(hand.media(base64.b64encode(b"\xff" * size).decode()))
        await hand.says("where is it", in_bursts=True)
        await hand.hears("one")
