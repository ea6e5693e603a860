"""The simulated service for tests of its REST and of calls that meet."""

from collections.abc import AsyncIterator

import pytest

from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.rest import create_app
from tests.simulator.twilio.bot import Bot, free_port, listening, serving
from tests.simulator.twilio.calls import fast_plant
from tests.simulator.twilio.office import ACCOUNT, OURS, Office


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    plant = fast_plant()
    exchange = Exchange(plant, {ACCOUNT.sid: ACCOUNT}, calls_per_second=50)
    exchange.own(ACCOUNT, OURS)
    listener = free_port()
    async with serving(Bot()) as bot, listening(create_app(exchange), listener):
        bot.page("/status", "")
        bot.page("/voice", "<Pause length='60'/>")
        yield Office(exchange, bot, f"http://127.0.0.1:{listener.getsockname()[1]}")
        await exchange.aclose()
        await plant.aclose()
