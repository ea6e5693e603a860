"""A caller is given to a person, comes back with memory, and leaves a message: through the simulated Twilio."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.records.messages import MessageBook
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.plant import DialOutcome
from app.simulator.twilio.rest import create_app
from tests.simulator.twilio.bot import free_port, listening
from tests.whole.conftest import OpenHouse
from tests.whole.house import TOKEN, Call, House
from tests.whole.sounds import sentence, turn

DEPOT, OFFICE, CALLED = "+15035550142", "+15035550143", "+15035550199"
ACCOUNT = Account(token=TOKEN)
HUM_HZ = 440  # of a person who has the caller


def transfer(target: str, summary: str = "A parcel is lost.") -> dict[str, Any]:
    return {"use_tool": {"name": "transfer_call", "arguments": {"target": target, "summary": summary}}}


TAKE_MESSAGE = {"use_tool": {"name": "take_message", "arguments": {"about": "a lost parcel"}}}
ASKS_FOR_A_PERSON = """
    wait for speech
    wait for quiet 300ms
    say "let me speak to somebody"
"""


def said_by_us(call: Call) -> list[str]:
    """After the greeting, and without the carrier's tones: its ringing and its beep sound like three of ours."""
    return [name for name in call.heard if name not in {"greeting", "wait", "goodbye"} and "Hz" not in name]


@contextlib.asynccontextmanager
async def house_with_keys(house: OpenHouse, **more: Any) -> AsyncIterator[House]:
    """A house that can place calls by Twilio's REST interface."""
    listener = free_port()
    keys = {"twilio_account_sid": ACCOUNT.sid, "twilio_api_url": f"http://127.0.0.1:{listener.getsockname()[1]}"}
    async with house(**keys, **more) as here:
        exchange = Exchange(here.plant, {ACCOUNT.sid: ACCOUNT}, calls_per_second=50)
        exchange.own(ACCOUNT, CALLED)
        async with listening(create_app(exchange), listener):
            yield here


@pytest.mark.slow
async def test_a_caller_is_put_through_and_the_call_ends_with_their_talk(house: OpenHouse) -> None:
    async with house(mind=[turn("Somebody, please.", **transfer("depot"))]) as here:
        here.plant.outcomes = {DEPOT: DialOutcome(ring_ms=300, talk_ms=1_500, hum_hz=HUM_HZ)}
        call = await here.call(ASKS_FOR_A_PERSON + "expect hung up within 20s")
        ended = await here.dispositions()
    assert call.heard[:2] == ["greeting", "transfer"]
    assert call.result.passed, call.result.failures
    assert call.result.verbs == ["Connect", "Redirect", "Dial", "Hangup"]
    assert ended == {"transferred": 1}


@pytest.mark.slow
async def test_nobody_answers_and_the_caller_is_back_with_their_history_and_leaves_a_message(
    house: OpenHouse, tmp_path: Path
) -> None:
    mind = [turn("Somebody, please.", **transfer("depot"))]
    later = [turn("Yes, a message.", **TAKE_MESSAGE)]
    patterns = [
        {"when": "was to be put through to depot: nobody answered", "say": [sentence("two")]},
        {"when": "has left a message", "say": [sentence("three")]},
    ]
    async with house(mind=mind, later=later, patterns=patterns) as here:
        here.plant.outcomes = {DEPOT: DialOutcome(status="no-answer", ring_ms=400)}
        call = await here.call(
            ASKS_FOR_A_PERSON
            + """
            wait 5s
            wait for quiet 700ms
            say "yes a message"
            wait 3500ms
            say "my parcel is lost please look for it"
            press #
            wait for speech
            wait for quiet 900ms
            hang up
            """
        )
        ended = await here.dispositions()
    assert said_by_us(call) == ["transfer", "nobody_answered", "two", "leave_message", "message_taken", "three"]
    assert ended == {"caller_hung_up": 1}
    told = [json.dumps(s.brief.history) for s in here.sessions if s.brief is not None]
    assert "Somebody, please." in told[1] and "I will put you through." in told[1]
    book = MessageBook(f"sqlite:///{tmp_path}/data/messages.db")
    (message,) = await asyncio.to_thread(book.all)
    book.close()
    assert (message.kind, message.about, message.agent) == ("voicemail", "a lost parcel", "desk")
    assert message.seconds >= 1 and message.key in message.recording_url and message.caller


async def test_a_person_is_told_accepts_and_meets_the_caller_who_held(house: OpenHouse) -> None:
    async with house_with_keys(house, mind=[turn("A complaint.", **transfer("office"))]) as here:
        here.plant.outcomes = {OFFICE: DialOutcome(ring_ms=800, talk_ms=1_500, presses="1", hum_hz=HUM_HZ)}
        call = await here.call(ASKS_FOR_A_PERSON + "expect hung up within 20s")
        ended = await here.dispositions()
        (person,) = [leg for leg in here.plant.calls.values() if leg.party.called == OFFICE]
    assert call.heard[:2] == ["greeting", "hold"]
    assert call.result.verbs == ["Connect", "Redirect", "Dial", "Hangup"]
    assert person.verbs == ["Gather", "Dial"]
    assert ended == {"transferred": 1}


@pytest.mark.slow
async def test_a_person_who_declines_leaves_the_caller_where_they_were(house: OpenHouse) -> None:
    patterns = [{"when": "was not taken", "say": [sentence("two")]}]
    async with house_with_keys(house, mind=[turn("A complaint.", **transfer("office"))], patterns=patterns) as here:
        here.plant.outcomes = {OFFICE: DialOutcome(ring_ms=500, presses="2")}
        call = await here.call(
            ASKS_FOR_A_PERSON
            + """
            wait for speech
            wait 3s
            wait for quiet 600ms
            hang up
            """
        )
    assert call.heard == ["greeting", "hold", "nobody_answered", "two"]
    assert call.result.verbs == ["Connect"], "the caller never left the stream"


@pytest.mark.slow
async def test_a_caller_who_hangs_up_while_holding_stops_the_ringing(house: OpenHouse) -> None:
    async with house_with_keys(house, mind=[turn("A complaint.", **transfer("office"))]) as here:
        here.plant.outcomes = {OFFICE: DialOutcome(ring_ms=30_000)}
        await here.call(ASKS_FOR_A_PERSON + "wait for speech\nwait 1s\nhang up")
        ended = await here.dispositions()
        (person,) = [leg for leg in here.plant.calls.values() if leg.party.called == OFFICE]
        async with asyncio.timeout(20):
            await person.over.wait()
    assert ended == {"caller_hung_up": 1}
    assert person.status in {"completed", "canceled"} and not person.verbs


@pytest.mark.slow
async def test_without_keys_the_carrier_whispers_and_who_declines_sends_the_caller_back(house: OpenHouse) -> None:
    patterns = [{"when": "was not taken", "say": [sentence("two")]}]
    async with house(mind=[turn("A complaint.", **transfer("office"))], patterns=patterns) as here:
        here.plant.outcomes = {OFFICE: DialOutcome(ring_ms=200, presses="2")}
        call = await here.call(
            ASKS_FOR_A_PERSON
            + """
            wait 5s
            wait for quiet 900ms
            hang up
            """
        )
    assert said_by_us(call) == ["transfer", "nobody_answered", "two"]
    assert call.result.verbs == ["Connect", "Redirect", "Dial", "Connect"]
