"""Each named fault as the real Python SDK meets it, at the stage where it was asked for."""

import pytest
from aws_sdk_bedrock_runtime.models import (
    AccessDeniedException,
    InternalServerException,
    ModelStreamErrorException,
    ModelTimeoutException,
    ResourceNotFoundException,
    ServiceUnavailableException,
    ThrottlingException,
    ValidationException,
)
from smithy_aws_event_stream.exceptions import ChecksumMismatch, InvalidEventBytes
from smithy_core.exceptions import SmithyError

from tests.simulator.sonic.rehearsal import rehearsal, script, speak
from tests.simulator.sonic.sdk import TooSlow, sdk_client

TOOL = {"toolSpec": {"name": "find_order", "description": "Finds an order.", "inputSchema": {"json": "{}"}}}
LONG = [{"text": "This takes a while to say.", "seconds": 3}, "And this comes after it."]
UNEXPECTED = "The system encountered an unexpected error"


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("throttle", ThrottlingException, "Too many requests"),
        ("instability", ValidationException, "System instability detected. Please retry your request."),
        ("cut", ValidationException, "InternalErrorCode=531::RST_STREAM closed stream. HTTP/2 error code: NO_ERROR"),
        ("filter", ValidationException, "This request has been blocked by our content filters."),
        ("internal", InternalServerException, UNEXPECTED),
        ("unavailable", ServiceUnavailableException, UNEXPECTED),
        ("timeout", ModelTimeoutException, "Model has timed out"),
        ("stream-error", ModelStreamErrorException, UNEXPECTED),
        ("denied", AccessDeniedException, "access to the model"),
        ("not-found", ResourceNotFoundException, "Could not resolve the foundation model"),
    ],
)
async def test_a_refused_opening_is_an_http_answer(kind: str, error: type[Exception], words: str) -> None:
    async with rehearsal(faults=f"{kind}@opening#1") as (_, client):
        refused = await client.open()
        with pytest.raises(error, match=words.replace(".", r"\.")):
            await refused.headers()
        fine = await client.conversation()
        await fine.headers()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttle", ThrottlingException),
        ("instability", ValidationException),
        ("cut", ValidationException),
        ("filter", ValidationException),
        ("internal", InternalServerException),
        ("unavailable", ServiceUnavailableException),
        ("timeout", ModelTimeoutException),
        ("stream-error", ModelStreamErrorException),
    ],
)
async def test_a_failing_turn_is_an_exception_in_the_stream(kind: str, error: type[Exception]) -> None:
    async with rehearsal(faults=f"{kind}@thinking") as (_, client):
        session = await client.conversation()
        await speak(session)
        with pytest.raises(error):
            await session.rest()
        assert session.texts("USER", "FINAL") == ["utterance 1"]


async def test_a_stream_error_strikes_in_the_middle_of_a_sentence() -> None:
    async with rehearsal(script(otherwise={"say": LONG}), faults="stream-error@speaking") as (_, client):
        session = await client.conversation()
        await speak(session)
        with pytest.raises(ModelStreamErrorException):
            await session.rest()
        assert 16_000 <= len(session.audio_heard()) * 2 // 3 <= 32_000, "about half of three seconds at 8 kHz"
        assert "And this comes after it." not in session.texts("ASSISTANT", "SPECULATIVE")


async def test_the_second_reply_can_fail_while_the_first_is_whole() -> None:
    async with rehearsal(faults="instability@speaking#2") as (_, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        await speak(session)
        with pytest.raises(ValidationException, match="System instability"):
            await session.rest()


async def test_half_a_frame_reads_as_invalid_event_bytes() -> None:
    async with rehearsal(faults="half-frame@thinking") as (_, client):
        session = await client.conversation()
        await speak(session)
        with pytest.raises(InvalidEventBytes):
            await session.rest()


async def test_a_damaged_frame_reads_as_a_checksum_mismatch() -> None:
    async with rehearsal(faults="bad-crc@thinking") as (_, client):
        session = await client.conversation()
        await speak(session)
        with pytest.raises(ChecksumMismatch):
            await session.rest()


@pytest.mark.parametrize("kind", ["drop", "reset"])
async def test_a_lost_stream_looks_like_an_end(kind: str) -> None:
    async with rehearsal(faults=f"{kind}@speaking") as (sonic, client):
        session = await client.conversation()
        await speak(session)
        await session.rest()
        assert "completionEnd" not in session.names()
        assert sonic.sessions[0].ended == kind
        assert sonic.open_streams == 0


async def test_a_dropped_connection_takes_every_stream_on_it_along() -> None:
    async with rehearsal(faults="drop@thinking") as (sonic, client):
        bystander = await client.conversation()
        await bystander.headers()
        session = await client.conversation()
        await speak(session)
        await bystander.rest()
        assert sonic.connections == 0
        assert [record.ended for record in sonic.sessions] == ["lost", "drop"]


async def test_a_deaf_session_accepts_everything_and_says_nothing() -> None:
    async with rehearsal(faults="deaf@caller-speaking#1") as (sonic, client):
        session = await client.conversation()
        await speak(session)
        await session.until("userSpeechStart")
        with pytest.raises(TooSlow):
            await session.receive(0.4)
        await session.audio(bytes(640))
        other = await client.conversation()
        await speak(other)
        await other.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        assert sonic.sessions[0].ended == ""


async def test_a_deaf_session_ends_when_the_client_ends_it() -> None:
    async with rehearsal(faults="deaf@opening") as (sonic, client):
        session = await client.conversation()
        await session.end()
        assert await session.rest() == []
        assert sonic.sessions[0].ended == "closed"


async def test_a_session_deaf_from_the_start_still_answers_with_headers() -> None:
    async with rehearsal(faults="deaf@opening") as (_, client):
        session = await client.conversation()
        await session.headers()
        await speak(session)
        with pytest.raises(TooSlow):
            await session.receive(0.4)


async def test_a_service_that_does_not_answer_sends_not_even_headers() -> None:
    async with rehearsal(faults="no-answer@opening") as (_, client):
        session = await client.conversation()
        with pytest.raises(TooSlow):
            await session.headers(0.4)


async def test_slow_headers_come_in_the_end() -> None:
    async with rehearsal(faults="slow@opening=500") as (_, client):
        session = await client.conversation()
        with pytest.raises(TooSlow):
            await session.headers(0.2)
        await session.headers()


async def test_a_slow_first_byte_delays_the_answer_and_not_the_transcript() -> None:
    async with rehearsal(faults="slow@thinking=500") as (sonic, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        notes = {note.event: note.ns for note in reversed(sonic.sessions[0].notes)}
        assert notes["audioStart"] - notes["userText"] >= 450_000_000


async def test_a_tool_can_be_asked_for_by_a_session_that_then_fails() -> None:
    written = script(otherwise={"use_tool": {"name": "find_order"}, "say": ["Done."]})
    async with rehearsal(written, faults="instability@tool-running") as (_, client):
        session = await client.conversation(toolConfiguration={"tools": [TOOL]})
        await speak(session)
        with pytest.raises(ValidationException, match="System instability"):
            await session.rest()
        assert "toolUse" in session.names()


async def test_an_end_can_hang() -> None:
    async with rehearsal(faults="hang@closing") as (sonic, client):
        session = await client.conversation()
        await session.until("completionStart")
        await session.end()
        with pytest.raises(TooSlow):
            while True:
                assert await session.receive(0.4) is not None
        assert sonic.open_streams == 1, "a session that hangs still counts"


async def test_goaway_lets_the_open_stream_go_on_and_takes_no_new_one() -> None:
    async with rehearsal(faults="goaway@thinking#1") as (sonic, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        with pytest.raises(SmithyError, match="GOAWAY"):
            await (await client.open()).headers()
        async with sdk_client(sonic) as elsewhere:
            await (await elsewhere.conversation()).headers()
        await session.end()
        await session.rest()
        assert sonic.sessions[0].ended == "closed"


async def test_history_can_be_refused_once() -> None:
    async with rehearsal(faults="refuse-history@opening#1") as (_, client):
        refused = await client.open()
        await refused.start()
        await refused.text("h1", "USER", "Hello.")
        with pytest.raises(ValidationException, match="Chat history is over max limit"):
            await refused.rest()
        fine = await client.open()
        await fine.start()
        await fine.text("h1", "USER", "Hello.")
        await fine.headers()
