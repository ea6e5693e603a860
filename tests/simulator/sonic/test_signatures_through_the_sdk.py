"""Signatures made by the real SDK, and what becomes of wrong ones."""

import pytest
from smithy_core.exceptions import CallError

from app.simulator.sonic.signing import Key
from tests.simulator.sonic.rehearsal import rehearsal, speak
from tests.simulator.sonic.sdk import sdk_client

KEY = Key("AKIDEXAMPLE", "not-so-secret")


async def test_the_right_secret_is_accepted_and_every_event_verified() -> None:
    async with rehearsal(keys=[KEY]) as (sonic, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        assert sonic.sessions[0].signatures_verified == sonic.sessions[0].events_in == 9


async def test_one_event_in_three_is_verified_when_asked_so() -> None:
    async with rehearsal(keys=[KEY], verify_every=3) as (sonic, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        assert (sonic.sessions[0].signatures_verified, sonic.sessions[0].events_in) == (3, 9)


async def test_a_wrong_secret_is_refused() -> None:
    async with rehearsal(keys=[KEY]) as (sonic, _), sdk_client(sonic, secret_key="wrong") as client:
        session = await client.open()
        with pytest.raises(CallError, match="InvalidSignatureException"):
            await session.headers()
        assert sonic.sessions == []


async def test_an_unknown_access_key_is_refused() -> None:
    async with rehearsal(keys=[KEY]) as (sonic, _), sdk_client(sonic, access_key="AKIDOTHER") as client:
        session = await client.open()
        with pytest.raises(CallError, match="UnrecognizedClientException"):
            await session.headers()


async def test_without_keys_any_access_key_is_accepted() -> None:
    async with rehearsal() as (sonic, _), sdk_client(sonic, access_key="AKIDOTHER", secret_key="other") as client:
        session = await client.conversation()
        await session.headers()
        assert sonic.sessions[0].access_key == "AKIDOTHER"
