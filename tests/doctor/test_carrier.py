"""Twilio's REST interface: account and numbers, judged over the simulated one."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from app.doctor import carrier
from app.doctor.findings import State
from app.legs.twilio.handling import handling
from app.settings import Settings
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.rest import create_app
from app.web.doors import Doors, listen
from tests.doctor.conftest import ACCOUNT_SID, HOST, TOKEN, Make
from tests.simulator.twilio.calls import fast_plant

OURS = "+15035550199"
LED_HERE = handling(f"https://{HOST}", "https://static.example.org/fallback.xml")

type Twilio = Callable[..., AbstractAsyncContextManager[Settings]]


@pytest.fixture
def twilio(settings: Make) -> Twilio:
    """`async with twilio(number={...}) as chosen:` settings that lead to an account with one number."""

    @asynccontextmanager
    async def serve(
        number: dict[str, str] | None = None, account: dict[str, Any] | None = None, **more: Any
    ) -> AsyncIterator[Settings]:
        owner = Account(ACCOUNT_SID, TOKEN, **(account or {}))
        plant = fast_plant()
        exchange = Exchange(plant, {owner.sid: owner})
        exchange.own(owner, OURS, LED_HERE if number is None else number)
        async with Doors(create_app(exchange), listen("127.0.0.1", 0)) as doors:
            rest = {"twilio_api_url": f"http://127.0.0.1:{doors.port}", "fallback_url": LED_HERE["voice_fallback_url"]}
            yield settings(**(rest | more))
            await plant.aclose()

    return serve


async def test_an_account_in_order_is_right(twilio: Twilio) -> None:
    async with twilio() as settings:
        assert (await carrier.account(settings)).state is State.RIGHT
        assert (await carrier.numbers(settings)).said == "numbers that lead here: 1"


@pytest.mark.parametrize(
    ("account", "state", "said"),
    [
        ({"kind": "Trial"}, State.WARNING, "verified callers only"),
        ({"status": "suspended"}, State.WRONG, "suspended"),
    ],
)
async def test_an_account_that_limits_callers_is_said(
    twilio: Twilio, account: dict[str, str], state: State, said: str
) -> None:
    async with twilio(account=account) as settings:
        found = await carrier.account(settings)
    assert found.state is state and said in found.said and found.fix


async def test_credentials_that_twilio_does_not_take_are_wrong(twilio: Twilio) -> None:
    async with twilio(twilio_auth_token="hunter2") as settings:
        found = await carrier.account(settings)
    assert found.state is State.WRONG and "TWILIO_AUTH_TOKEN" in found.fix and "hunter2" not in str(found)


async def test_missing_credentials_are_named(settings: Make) -> None:
    without = settings(twilio_account_sid="")
    assert (await carrier.account(without)) == (await carrier.numbers(without)) == carrier.NO_KEYS
    by_key = settings(twilio_auth_token="", twilio_api_key="SK1", twilio_api_secret="s")
    assert "signs no webhooks" in (await carrier.account(by_key)).fix


async def test_nobody_at_twilios_address_is_wrong(settings: Make) -> None:
    assert "TWILIO_API_URL" in (await carrier.account(settings(twilio_api_url="http://127.0.0.1:9"))).fix


@pytest.mark.parametrize(
    ("number", "said", "fix"),
    [
        ({**LED_HERE, "voice_url": "https://old.example.com/twilio/voice"}, "drifted", "--repair"),
        ({**LED_HERE, "trunk_sid": "TK" + "1" * 32}, "overridden", "numbers check"),
        ({"voice_url": "https://other.example.com/answer"}, "no number", "numbers assign"),
    ],
)
async def test_a_number_that_does_not_lead_here_is_wrong(
    twilio: Twilio, number: dict[str, str], said: str, fix: str
) -> None:
    async with twilio(number=number) as settings:
        found = await carrier.numbers(settings)
    assert found.state is State.WRONG and said in found.said and fix in found.fix


async def test_a_fallback_on_the_same_host_is_a_warning(twilio: Twilio) -> None:
    async with twilio(number=handling(f"https://{HOST}"), fallback_url="") as settings:
        found = await carrier.numbers(settings)
    assert found.state is State.WARNING and "share the host" in found.said


async def test_an_address_that_twilio_cannot_reach_is_wrong(twilio: Twilio) -> None:
    async with twilio(public_url="https://localhost:8443") as settings:
        assert (await carrier.numbers(settings)).said.startswith("PUBLIC_URL cannot be reached")
