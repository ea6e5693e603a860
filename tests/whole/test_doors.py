"""Who is let in, how many, and what a webhook is told."""

import asyncio

from websockets.exceptions import InvalidStatus

from app.simulator.twilio.identity import Oddities
from tests.whole.conftest import OpenHouse
from tests.whole.hand import Hand
from tests.whole.sounds import turn


async def test_a_webhook_that_is_delivered_twice_gets_one_answer_and_one_place(house: OpenHouse) -> None:
    async with house(max_calls=1) as here:
        answers = await asyncio.gather(*(here.post("/twilio/voice", "CA1") for _ in range(3)))
        assert len({answer.text for answer in answers}) == 1
        assert "<Connect>" in answers[0].text
        assert await here.metric("offhook_calls_live") == 1
        call = await here.call("expect hung up within 20s", oddities=Oddities(deliveries=2))
    assert call.heard == ["busy"]


async def test_a_call_too_many_hears_that_all_lines_are_busy_and_the_next_is_served(house: OpenHouse) -> None:
    async with house(max_calls=1) as here:
        async with Hand.rings(here) as first:
            await first.hears("greeting")
            refused = await here.call("expect hung up within 20s")
        await here.dispositions()
        served = await here.call("wait for speech\nwait for quiet 200ms\nhang up")
    assert refused.heard == ["busy"] and refused.result.verbs == ["Say", "Hangup"]
    assert served.heard == ["greeting"]


async def test_by_setting_a_call_too_many_is_refused_before_it_costs_anything(house: OpenHouse) -> None:
    async with house(max_calls=1, at_limit="reject") as here, Hand.rings(here):
        refused = await here.call("wait 1s")
    assert (refused.result.verbs, refused.result.status) == (["Reject"], "busy")


async def test_a_stream_is_served_only_with_the_fresh_token_of_its_own_call(house: OpenHouse) -> None:
    async with house() as here, Hand.rings(here, "CA1") as served:
        other = Hand(here.client, "CA2")
        await other.ask("/twilio/voice")
        for token in ("", "forged", served.parameters["token"], other.parameters["token"][:-1]):
            await other.open(parameters={"token": token})
            assert await other.closed() == 1008, token
        await other.open()
        await other.hears("greeting")
        replayed = Hand(here.client, "CA2")
        replayed.stream_url = other.stream_url
        await replayed.open(parameters=other.parameters)
        assert await replayed.closed() == 1008
        await other.hang_up()


async def test_a_socket_or_a_webhook_that_is_not_signed_is_refused_and_counted(house: OpenHouse) -> None:
    async with house() as here:
        hand = Hand(here.client, "CA1")
        await hand.ask("/twilio/voice")
        try:
            await hand.open(signed=False)
        except InvalidStatus as refusal:
            assert refusal.response.status_code == 403
        form = {"CallSid": "CA2", "From": "+14155550123"}
        unsigned = await here.client.post("/twilio/voice", data=form)
        foreign = await here.client.post("/twilio/voice", data=form, headers={"X-Twilio-Signature": "x" * 28})
        assert [unsigned.status_code, foreign.status_code] == [403, 403]
        assert await here.metric("offhook_bad_signatures_total") == 3


async def test_the_carrier_s_word_that_the_call_is_over_ends_it(house: OpenHouse) -> None:
    async with house() as here, Hand.rings(here) as hand:
        await hand.hears("greeting")
        assert (await here.post("/twilio/status", hand.call_sid, CallStatus="completed")).status_code == 204
        assert await hand.closed() == 1000
        assert await here.dispositions() == {"caller_hung_up": 1}
        assert await here.metric("offhook_calls_live") == 0
        assert "<Hangup" in (await here.post("/twilio/next", hand.call_sid)).text


async def test_a_server_that_drains_refuses_new_calls_and_lets_live_ones_finish(house: OpenHouse) -> None:
    async with house(mind=[turn("Where is it?", "one")]) as here, Hand.rings(here) as hand:
        await hand.hears("greeting")
        assert (await here.client.get("/readyz")).status_code == 200
        here.server.desk.registry.draining = True  # as the signal to stop does
        assert (await here.client.get("/readyz")).status_code == 503
        refused = await here.call("expect hung up within 20s")
        await hand.says("where is it")
        await hand.hears("one")
    assert refused.heard == ["busy"]


async def test_a_failed_handler_s_fallback_speaks_and_releases_the_call(house: OpenHouse) -> None:
    async with house() as here, Hand.rings(here) as hand:
        await hand.hears("greeting")
        answer = await here.post("/twilio/fallback", hand.call_sid, ErrorCode="11200")
        assert "<Say" in answer.text and "<Hangup" in answer.text
        await here.dispositions()
        assert await here.metric("offhook_calls_live") == 0
