"""The simulated service with its REST, an application beside it, and Twilio's own client."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from app.simulator import callscript
from app.simulator.twilio.call import Call
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.plant import DialOutcome
from tests.simulator.twilio.bot import Bot

ACCOUNT = Account("AC" + "a" * 32, "token", {"SK" + "b" * 32: "secret"})
OURS, THEIRS, CALLER = "+15035550199", "+14155550123", "+14155550144"
ROOT = f"/2010-04-01/Accounts/{ACCOUNT.sid}"


@dataclass
class Office:
    """The simulated service, an application beside it, and Twilio's client."""

    exchange: Exchange
    bot: Bot
    url: str

    def client(self, user: str = ACCOUNT.sid, password: str = ACCOUNT.token) -> Client:
        client = Client(user, password, ACCOUNT.sid)
        client.api.base_url = self.url
        return client

    async def ask(self, work: Callable[[Client], Any], **credentials: str) -> Any:
        """Use the blocking client in a thread."""
        return await asyncio.to_thread(work, self.client(**credentials))

    async def refused(self, work: Callable[[Client], Any], **credentials: str) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as error:
            await self.ask(work, **credentials)
        assert isinstance(error.value.code, int)
        return error.value.status, error.value.code

    async def call(self, **more: Any) -> Any:
        return await self.ask(lambda c: c.calls.create(to=THEIRS, from_=OURS, **more))

    async def until(self, call_sid: str, *names: str) -> None:
        """Wait until the call has had such an event."""
        journal = self.exchange.plant.calls[call_sid].journal
        async with asyncio.timeout(20):
            while not any(event.name in names for event in journal.events):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def over(self, call_sid: str) -> None:
        async with asyncio.timeout(20):
            await self.exchange.plant.calls[call_sid].over.wait()

    def reach(self, number: str, **outcome: Any) -> None:
        """Somebody can be called there."""
        plant = self.exchange.plant
        plant.outcomes = {**plant.outcomes, number: DialOutcome(**outcome)}

    async def caller(self, voice: str, script: str = "wait for hang up within 60s", **line: Any) -> Call:
        """Somebody outside calls our number, whose application answers with this TwiML."""
        (number,) = self.exchange.numbers.values()
        self.bot.page("/voice", voice)
        number.update({"voice_url": self.bot.url("/voice"), "status_callback": self.bot.url("/status")})
        return await self.exchange.dial_in(CALLER, OURS, callscript.parse(script), LineOptions(**line))

    async def wav(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(auth=(ACCOUNT.sid, ACCOUNT.token)) as http:
            return await http.get(f"{self.url}{ROOT}{path}")
