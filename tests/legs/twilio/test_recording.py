"""Pausing a recording over REST, judged by the simulated Twilio."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from twilio.rest import Client

from app.legs.recording import RecordingFailed
from app.legs.twilio.recording import CallRecording
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.recording import Recording
from app.simulator.twilio.rest import create_app
from tests.simulator.twilio.bot import free_port, listening
from tests.simulator.twilio.calls import fast_plant

ACCOUNT = Account("AC" + "a" * 32, "token", {"SK" + "b" * 32: "secret"})
OURS, THEIRS = "+15035550199", "+14155550123"


@dataclass
class Carrier:
    exchange: Exchange
    url: str

    def door(self, user: str = ACCOUNT.sid, password: str = ACCOUNT.token) -> CallRecording:
        return CallRecording(ACCOUNT.sid, user, password, self.url, limit_s=5)

    async def call(self) -> str:
        """A call that is answered and goes on."""
        client = Client(ACCOUNT.sid, ACCOUNT.token, ACCOUNT.sid)
        client.api.base_url = self.url
        twiml = "<Response><Pause length='60'/></Response>"
        placed = await asyncio.to_thread(client.calls.create, to=THEIRS, from_=OURS, twiml=twiml)
        call = self.exchange.plant.calls[str(placed.sid)]
        async with asyncio.timeout(20):
            while not call.answered:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return str(placed.sid)

    def record(self, call_sid: str) -> Recording:
        return self.exchange.record(self.exchange.plant.calls[call_sid], {"RecordingChannels": "dual"})


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    plant = fast_plant()
    exchange = Exchange(plant, {ACCOUNT.sid: ACCOUNT}, calls_per_second=50)
    exchange.own(ACCOUNT, OURS)
    listener = free_port()
    async with listening(create_app(exchange), listener):
        yield Carrier(exchange, f"http://127.0.0.1:{listener.getsockname()[1]}")
        await exchange.aclose()
        await plant.aclose()


async def test_a_recording_is_paused_with_silence_and_goes_on(carrier: Carrier) -> None:
    call_sid = await carrier.call()
    recording = carrier.record(call_sid)
    assert await carrier.door().pause(call_sid)
    assert recording.status == "paused"
    [(_, _, skips)] = recording.pauses
    assert not skips, "a pause keeps its time in the recording"
    await carrier.door(*next(iter(ACCOUNT.api_keys.items()))).resume(call_sid)
    assert recording.status == "in-progress"


async def test_where_nothing_is_recorded_there_is_nothing_to_pause(carrier: Carrier) -> None:
    assert not await carrier.door().pause(await carrier.call())


async def test_what_the_carrier_refuses_or_does_not_answer_is_a_failure_without_a_secret(carrier: Carrier) -> None:
    call_sid = await carrier.call()
    carrier.record(call_sid)
    with pytest.raises(RecordingFailed, match="401") as refused:
        await carrier.door(password="wrong secret").pause(call_sid)
    assert "wrong secret" not in str(refused.value)
    silent = free_port()  # it takes the connection and never answers
    port = silent.getsockname()[1]
    with silent, pytest.raises(RecordingFailed):
        await CallRecording(ACCOUNT.sid, ACCOUNT.sid, "token", f"http://127.0.0.1:{port}", limit_s=0.2).pause(call_sid)
