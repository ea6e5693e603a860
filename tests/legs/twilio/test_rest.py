"""Placing and ending calls over REST, judged by the simulated Twilio."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from app.legs.phone import PhoneFailed
from app.legs.twilio.rest import TwilioPhone
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.plant import DialOutcome
from app.simulator.twilio.rest import create_app
from tests.simulator.twilio.bot import free_port, listening
from tests.simulator.twilio.calls import fast_plant

ACCOUNT = Account("AC" + "a" * 32, "token", {"SK" + "b" * 32: "secret"})
OURS, THEIRS = "+15035550199", "+14155550123"


@dataclass
class Carrier:
    exchange: Exchange
    url: str

    def phone(self, user: str = ACCOUNT.sid, password: str = ACCOUNT.token) -> TwilioPhone:
        return TwilioPhone(ACCOUNT.sid, user, password, self.url, "https://bot.example.com", limit_s=5)


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    plant = fast_plant()
    plant.outcomes = {THEIRS: DialOutcome(ring_ms=600_000)}
    exchange = Exchange(plant, {ACCOUNT.sid: ACCOUNT}, calls_per_second=50)
    exchange.own(ACCOUNT, OURS)
    listener = free_port()
    async with listening(create_app(exchange), listener):
        yield Carrier(exchange, f"http://127.0.0.1:{listener.getsockname()[1]}")
        await exchange.aclose()
        await plant.aclose()


@pytest.mark.parametrize(("user", "password"), [(ACCOUNT.sid, ACCOUNT.token), ("SK" + "b" * 32, "secret")])
async def test_a_person_is_rung_and_left_in_peace_again(carrier: Carrier, user: str, password: str) -> None:
    phone = carrier.phone(user, password)
    placed = await phone.ring(THEIRS, OURS, "CA1-1", 20)
    call = carrier.exchange.plant.calls[placed]
    assert (call.party.caller, call.party.called) == (OURS, THEIRS)
    await phone.hang_up(placed)
    async with asyncio.timeout(5):
        await call.over.wait()
    await phone.hang_up(placed)  # it is over: fine
    await phone.send_onward(placed, "CA1-1")
    await phone.say_and_hang_up(placed, "Goodbye.", "en-US")


async def test_a_refusal_names_its_code_and_no_number(carrier: Carrier) -> None:
    with pytest.raises(PhoneFailed) as refused:
        await carrier.phone().ring(THEIRS, "+15550000000", "CA1-1", 20)
    assert "HTTP 400" in str(refused.value) and "555" not in str(refused.value)
    with pytest.raises(PhoneFailed, match="HTTP 401"):
        await carrier.phone(password="wrong").ring(THEIRS, OURS, "CA1-1", 20)


async def test_nobody_listens() -> None:
    phone = TwilioPhone(ACCOUNT.sid, ACCOUNT.sid, "token", "http://127.0.0.1:9", "https://bot.example.com", limit_s=1)
    with pytest.raises(PhoneFailed):
        await phone.ring(THEIRS, OURS, "CA1-1", 20)
