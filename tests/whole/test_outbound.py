"""Calls that we place: to people and to machines, through the simulated Twilio with its machine detection beside."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from app.legs.placing import Wanted
from app.legs.twilio.client import rest_client
from app.legs.twilio.placing import PlacingDesk
from app.simulator.callscript import parse
from app.simulator.twilio.call import Call as Leg
from app.simulator.twilio.people import VERDICT_MS
from app.simulator.twilio.phone import result_of
from app.simulator.twilio.plant import DialOutcome
from tests.whole.conftest import OpenHouse
from tests.whole.house import PUBLIC, Call, House
from tests.whole.sounds import turn
from tests.whole.test_people import CALLED, house_with_keys

ANNA = "+14155550177"
WITH_A_PARCEL = {"name": "Anna", "parcel": "a green one"}
ANSWERS = """
    wait for speech
    wait for quiet 300ms
    say "yes this is anna"
    wait for speech
    wait for quiet 300ms
    hang up
"""


@contextlib.asynccontextmanager
async def placed(house: OpenHouse, callee: DialOutcome, agent: str = "desk", **more: object) -> AsyncIterator[House]:
    """A house that has just called Anna."""
    async with house_with_keys(house, **more) as here:
        here.plant.outcomes = {ANNA: callee}
        settings = here.server.settings
        assert settings.rest_keys is not None
        client = rest_client(*settings.rest_keys, settings.twilio_api_url, 5)
        desk = PlacingDesk(client, PUBLIC, settings.stream_key)
        await asyncio.to_thread(desk.place, Wanted(ANNA, agent, CALLED, WITH_A_PARCEL))
        yield here


async def over(here: House) -> tuple[Leg, Call]:
    (leg,) = here.plant.called(ANNA)
    async with asyncio.timeout(60):
        await leg.over.wait()
    return leg, Call.of(result_of(leg))


async def test_a_person_is_greeted_at_once_and_the_model_knows_what_the_call_is_about(house: OpenHouse) -> None:
    person = DialOutcome(ring_ms=100, script=parse(ANSWERS))
    async with placed(house, person, mind=[turn("Yes, this is Anna.", "one")]) as here:
        _, call = await over(here)
        ended = await here.dispositions()
        (session,) = here.sessions
    assert call.result.passed, call.result.failures
    assert call.heard[:2] == ["about_your_parcel", "one"]
    assert call.sound("about_your_parcel").at_ms - call.at("answered") < VERDICT_MS, "it waits for none"
    assert session.brief is not None
    told = json.dumps(session.brief.history)
    assert "You have called me" in told and "parcel: a green one" in told and "name: Anna" in told
    assert ended == {"caller_hung_up": 1}


async def test_a_machine_is_left_a_message_after_its_beep(house: OpenHouse) -> None:
    machine = DialOutcome(ring_ms=100, answered_by="machine", greeting_ms=1_200)
    async with placed(house, machine) as here:
        leg, call = await over(here)
        ended = await here.dispositions()
    beeped = call.at("machine_detection")
    message = call.sound("voicemail_message")
    assert message.at_ms >= beeped - 20, "recordings are read in frames of 20 ms"
    assert message.heard_ms == pytest.approx(1_500, abs=60), "it is heard whole"
    assert leg.verbs == ["Connect", "Redirect", "Hangup"]
    assert ended == {"voicemail_left": 1}


@pytest.mark.slow
async def test_a_machine_without_a_beep_is_left_one_too_and_a_person_taken_for_it_is_talked_with(
    house: OpenHouse,
) -> None:
    machine = DialOutcome(ring_ms=100, answered_by="machine", greeting_ms=600, beeps=False)
    async with placed(house, machine) as here:
        _, call = await over(here)
    assert call.heard[-1] == "voicemail_message"
    person = DialOutcome(
        ring_ms=100,
        answered_by="machine",
        greeting_ms=900,
        script=parse('wait 1600ms\nsay "hello who is this"\nwait 3s\nhang up'),
    )
    async with placed(house, person, mind=[turn("Hello, who is this?", "one")]) as here:
        _, call = await over(here)
        ended = await here.dispositions()
    assert call.heard[-2:] == ["voicemail_message", "one"] and call.sound("voicemail_message").heard_ms < 1_300
    assert ended == {"caller_hung_up": 1}


async def test_a_call_of_an_agent_that_places_none_is_hung_up_without_a_word(house: OpenHouse) -> None:
    async with placed(house, DialOutcome(ring_ms=100), agent="nobody") as here:
        leg, call = await over(here)
    assert (leg.verbs, call.heard) == (["Hangup"], [])


async def test_nobody_else_can_order_a_call(house: OpenHouse) -> None:
    async with house() as here:
        answer = await here.post("/twilio/outbound/gAAAAABforged", "CA" + "7" * 32, Direction="outbound-api")
        unsigned = await here.client.post("/twilio/outbound/x", data={"CallSid": "CA1"})
    assert "<Hangup" in answer.text and "<Connect" not in answer.text
    assert unsigned.status_code == 403
