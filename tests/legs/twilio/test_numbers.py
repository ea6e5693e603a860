"""The account's numbers over REST, judged by the simulated Twilio; and Twilio's refusals in our words."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.base.exceptions import TwilioRestException, TwilioServiceException

from app.legs.twilio.client import rest_client
from app.legs.twilio.numbers import AccountState, NumberBook
from app.legs.twilio.refusals import REFUSALS, CarrierError, refusal_of
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.resources import ERRORS
from app.simulator.twilio.rest import create_app
from app.web.doors import Doors, listen
from tests.simulator.twilio.calls import fast_plant

ACCOUNT = Account("AC" + "a" * 32, "token", {"SK" + "b" * 32: "secret"}, kind="Trial")
OURS = "+15035550199"


@dataclass
class Carrier:
    url: str

    def book(self, user: str = ACCOUNT.sid, secret: str = ACCOUNT.token) -> NumberBook:
        return NumberBook(rest_client(ACCOUNT.sid, user, secret, f"{self.url}/", 5), back_off_s=(0.01, 0.01))

    async def refuse(self, requests: int) -> None:
        async with httpx.AsyncClient(auth=(ACCOUNT.sid, ACCOUNT.token)) as http:
            (await http.post(f"{self.url}/simulator/refuse", json={"requests": requests})).raise_for_status()


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    plant = fast_plant()
    exchange = Exchange(plant, {ACCOUNT.sid: ACCOUNT})
    for last in range(120):  # three pages
        exchange.own(ACCOUNT, f"{OURS[:-3]}{last:03d}")
    async with Doors(create_app(exchange), listen("127.0.0.1", 0)) as doors:
        yield Carrier(f"http://127.0.0.1:{doors.port}")
        await plant.aclose()


async def test_every_number_of_every_page_is_listed(carrier: Carrier) -> None:
    assert len({number.phone_number for number in await asyncio.to_thread(carrier.book().all)}) == 120


async def test_an_api_key_opens_it_too(carrier: Carrier) -> None:
    book = carrier.book("SK" + "b" * 32, "secret")
    assert await asyncio.to_thread(book.account) == AccountState("active", "Trial")


async def test_part_of_a_number_is_not_taken_for_it(carrier: Carrier) -> None:
    with pytest.raises(CarrierError, match="does not own"):
        await asyncio.to_thread(carrier.book().find, "+1503555010")
    assert (await asyncio.to_thread(carrier.book().find, "+15035550100")).phone_number == "+15035550100"


async def test_a_request_that_was_refused_unread_is_sent_again(carrier: Carrier) -> None:
    await carrier.refuse(2)
    assert await asyncio.to_thread(carrier.book().all)
    await carrier.refuse(3)
    with pytest.raises(CarrierError, match="wait a moment"):
        await asyncio.to_thread(carrier.book().all)


async def test_what_is_not_twilio_is_said_to_be_none(carrier: Carrier) -> None:
    async def hello(request: Request) -> Response:
        return Response("<html>")

    async with Doors(Starlette(routes=[Route("/{path:path}", hello)]), listen("127.0.0.1", 0)) as doors:
        book = Carrier(f"http://127.0.0.1:{doors.port}").book()
        with pytest.raises(CarrierError, match="not Twilio"):
            await asyncio.to_thread(book.account)


def test_every_refusal_of_a_call_or_a_number_has_a_fix() -> None:
    requests_of_ours = {20001, 20004, 21213, 21214}  # only a mistake of ours, or nothing that anybody could mend
    assert ERRORS.keys() - requests_of_ours <= REFUSALS.keys()


def test_a_refusal_that_is_not_in_the_table_is_told_in_twilios_words() -> None:
    told = refusal_of(TwilioRestException(400, "/x", "No such luck", 99999)).in_words
    assert told == ("Twilio refused with HTTP 400, No such luck", "see https://www.twilio.com/docs/errors/99999")
    newer = TwilioServiceException("urn:x", "Not yours", 403, 20003)
    assert "TWILIO_ACCOUNT_SID" in refusal_of(newer).in_words[1]
