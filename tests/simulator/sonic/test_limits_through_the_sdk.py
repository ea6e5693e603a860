"""The service's limits, scaled down, as the real Python SDK meets them."""

import asyncio

import pytest
from aws_sdk_bedrock_runtime.models import ModelTimeoutException, ThrottlingException, ValidationException

from app.simulator.sonic.limits import Limits
from tests.simulator.sonic.rehearsal import rehearsal
from tests.simulator.sonic.sdk import SILENCE_100_MS, Session


async def keep_feeding(session: Session) -> None:
    while True:
        await session.audio(SILENCE_100_MS)
        await asyncio.sleep(0.05)


async def test_a_session_ends_after_its_length_however_busy_it_is() -> None:
    async with rehearsal(limits=Limits(session_seconds=0.8, idle_seconds=0.5)) as (sonic, client):
        session = await client.conversation()
        feeding = asyncio.create_task(keep_feeding(session))
        with pytest.raises(ModelTimeoutException, match="Model has timed out in processing the request"):
            await session.rest()
        feeding.cancel()
        assert sonic.open_streams == 0


async def test_an_idle_session_is_told_which_gap_was_too_long() -> None:
    async with rehearsal(limits=Limits(idle_seconds=0.5)) as (_, client):
        session = await client.conversation()
        with pytest.raises(ValidationException) as refusal:
            await session.rest()
        assert "InternalErrorCode=532" in refusal.value.message
        assert "Timed out waiting for audio bytes or interactive content." in refusal.value.message
        assert "less than 0.5 seconds" in refusal.value.message


async def test_a_session_that_was_opened_and_never_used_is_idle_too() -> None:
    async with rehearsal(limits=Limits(idle_seconds=0.4)) as (_, client):
        session = await client.open()
        await session.start()
        with pytest.raises(ValidationException, match="InternalErrorCode=532"):
            await session.rest()


async def test_one_stream_too_many_is_throttled_and_one_that_ended_makes_room() -> None:
    async with rehearsal(limits=Limits(streams=2)) as (sonic, client):
        first = await client.conversation()
        await first.headers()
        second = await client.conversation()
        await second.headers()
        third = await client.open()
        with pytest.raises(ThrottlingException, match="Too many requests"):
            await third.headers()
        await first.end()
        await first.rest()
        fourth = await client.conversation()
        await fourth.headers()
        assert len(sonic.sessions) == 3


async def test_history_over_a_scaled_limit_is_refused() -> None:
    async with rehearsal(limits=Limits(history_bytes=20)) as (_, client):
        session = await client.open()
        await session.start()
        await session.text("h1", "USER", "This is longer than that.")
        with pytest.raises(ValidationException, match="Chat history is over max limit"):
            await session.rest()
