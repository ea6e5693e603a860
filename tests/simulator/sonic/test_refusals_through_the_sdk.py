"""Every refusal of the service, provoked through the real Python SDK, with the service's own words."""

from collections.abc import Awaitable, Callable

import pytest
from aws_sdk_bedrock_runtime.models import ValidationException

from tests.simulator.sonic.rehearsal import rehearsal, script, speak
from tests.simulator.sonic.sdk import PROMPT, SILENCE_100_MS, Client, Session, within

INVALID = "Invalid input request, please fix your input and try again."
Provocation = Callable[[Session], Awaitable[None]]


async def second_system(session: Session) -> None:
    await session.start()
    await session.text("s1", "SYSTEM", "You help.")
    await session.text("s2", "SYSTEM", "You help more.")


async def second_system_in_mid_session(session: Session) -> None:
    await session.start()
    await session.text("s1", "SYSTEM", "You help.")
    await session.start_audio()
    await session.audio(SILENCE_100_MS)
    await session.text("s2", "SYSTEM", "You help more.")


async def audio_before_history_is_complete(session: Session) -> None:
    await session.start()
    await session.start_audio()
    await session.start_text("h1", "USER")
    await session.audio(SILENCE_100_MS)


async def prompt_without_audio(session: Session) -> None:
    await session.start()
    await session.text("s1", "SYSTEM", "You help.")
    await session.send(promptEnd={"promptName": PROMPT})


async def audio_content_without_bytes(session: Session) -> None:
    await session.start()
    await session.start_audio()
    await session.end_content("audio")


async def prompt_ended_with_a_content_open(session: Session) -> None:
    await session.start()
    await session.start_audio()
    await session.audio(SILENCE_100_MS)
    await session.send(promptEnd={"promptName": PROMPT})


async def session_without_a_prompt(session: Session) -> None:
    await session.send(sessionStart={"inferenceConfiguration": {}}, sessionEnd={})


async def result_for_an_unknown_tool_use(session: Session) -> None:
    await session.start()
    await session.start_audio()
    await session.audio(SILENCE_100_MS)
    await session.tool_result("never-asked", "{}")


async def history_piece_too_long(session: Session) -> None:
    await session.start()
    await session.text("h1", "USER", "x" * 1025)


async def history_too_long(session: Session) -> None:
    await session.start()
    for number in range(11):
        await session.text(f"h{number}", "USER" if number % 2 == 0 else "ASSISTANT", "x" * 1000)


async def history_of_too_many_messages(session: Session) -> None:
    await session.start()
    for number in range(41):
        await session.text(f"h{number}", "USER" if number % 2 == 0 else "ASSISTANT", "yes")


async def capitalised_voice(session: Session) -> None:
    await session.start(voice="Tiffany")


async def unknown_event(session: Session) -> None:
    await session.start()
    await session.send(audioCancel={"promptName": PROMPT})


async def event_before_session_start(session: Session) -> None:
    await session.start_prompt()


async def wrong_prompt_name(session: Session) -> None:
    await session.start()
    await session.send(contentEnd={"promptName": "another", "contentName": "c"})


async def unknown_content_name(session: Session) -> None:
    await session.start()
    await session.send(textInput={"promptName": PROMPT, "contentName": "never-started", "content": "x"})


async def second_session_start(session: Session) -> None:
    await session.start()
    await session.send(sessionStart={})


async def event_that_is_not_json(session: Session) -> None:
    await session.start()
    await session.send_bytes(b"{half")


async def mu_law(session: Session) -> None:
    await session.start()
    configuration = {"mediaType": "audio/mulaw", "sampleRateHertz": 8000}
    start = {"promptName": PROMPT, "contentName": "a", "type": "AUDIO", "role": "USER"}
    await session.send(contentStart={**start, "audioInputConfiguration": configuration})


async def odd_sample_rate(session: Session) -> None:
    await session.start()
    await session.start_audio(rate=11_025)


async def system_prompt_in_one_huge_piece(session: Session) -> None:
    await session.start()
    await session.text("s1", "SYSTEM", "x" * 32_768)


async def tool_choice_none(session: Session) -> None:
    await session.start(toolConfiguration={"tools": [], "toolChoice": {"none": {}}})


@pytest.mark.parametrize(
    ("provoke", "words"),
    [
        (second_system, "Duplicate SYSTEM content. SYSTEM content can only be provided once per prompt"),
        (second_system_in_mid_session, "Duplicate SYSTEM content. SYSTEM content can only be provided once per prompt"),
        (audio_before_history_is_complete, "Chat history should be sent completely before streaming audio."),
        (prompt_without_audio, f"Prompt [{PROMPT}] must have at least one audio content"),
        (audio_content_without_bytes, "Cannot end content [audio] as no content data was received"),
        (prompt_ended_with_a_content_open, "All contents must be closed before ending prompt"),
        (session_without_a_prompt, "No prompts were received in the sequence"),
        (result_for_an_unknown_tool_use, INVALID),
        (history_piece_too_long, "Chat history is over max limit. Trim chat history and try again."),
        (history_too_long, "Chat history is over max limit. Trim chat history and try again."),
        (history_of_too_many_messages, "Chat history is over max limit. Trim chat history and try again."),
        (capitalised_voice, "Received invalid id: 'Tiffany'"),
        (unknown_event, INVALID),
        (event_before_session_start, INVALID),
        (wrong_prompt_name, INVALID),
        (unknown_content_name, INVALID),
        (second_session_start, INVALID),
        (event_that_is_not_json, INVALID),
        (mu_law, INVALID),
        (odd_sample_rate, INVALID),
        (system_prompt_in_one_huge_piece, INVALID),
        (tool_choice_none, INVALID),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_the_service_refuses_is_refused_in_its_words(provoke: Provocation, words: str) -> None:
    async with rehearsal() as (sonic, client):
        session = await client.open()
        await provoke(session)
        with pytest.raises(ValidationException) as refusal:
            await session.rest()
        assert words in refusal.value.message
        assert refusal.value.message.startswith("RequestId=")
        assert sonic.sessions[0].ended == f"refused: {words}"
        assert sonic.open_streams == 0


TOOL = {"toolSpec": {"name": "find_order", "description": "Finds an order.", "inputSchema": {"json": "{}"}}}
ASKS = script(turns=[{"use_tool": {"name": "find_order", "arguments": {"id": "A17"}}, "say": ["It is {state}."]}])


async def asked_for_a_tool(client: Client) -> tuple[Session, str]:
    session = await client.conversation(toolConfiguration={"tools": [TOOL]})
    await speak(session)
    use = await session.until("toolUse", toolName="find_order")
    return session, use["toolUseId"]


async def test_a_tool_result_that_is_not_json_is_refused() -> None:
    async with rehearsal(ASKS) as (_, client):
        session, tool_use_id = await asked_for_a_tool(client)
        await session.tool_result(tool_use_id, "CANCELLED")
        with pytest.raises(ValidationException, match="Tool Response parsing error"):
            await session.rest()


async def test_a_second_result_for_one_tool_use_is_refused() -> None:
    async with rehearsal(ASKS) as (_, client):
        session, tool_use_id = await asked_for_a_tool(client)
        await session.tool_result(tool_use_id, '{"state": "being packed"}', "r1")
        await session.tool_result(tool_use_id, '{"state": "sent"}', "r2")
        with pytest.raises(ValidationException, match="Invalid input request"):
            await session.rest()


async def test_assistant_text_in_mid_session_is_dropped_without_a_word() -> None:
    async with rehearsal() as (sonic, client):
        session = await client.conversation()
        await session.text("late", "ASSISTANT", "As I said before.")
        await session.end()
        await session.rest()
        assert sonic.sessions[0].ended == "closed"
        assert sonic.sessions[0].brief is not None
        assert sonic.sessions[0].brief.history == ()
        assert session.texts("ASSISTANT", "SPECULATIVE") == []


async def test_live_text_after_too_little_audio_costs_tokens_and_is_never_answered() -> None:
    async with rehearsal() as (sonic, client):
        session = await client.open()
        await session.start()
        await session.start_audio()
        await session.audio(SILENCE_100_MS[: 32 * 64])
        await session.text("nudge", "USER", "Greet the caller now, please.", interactive=True)
        await session.end()
        await session.rest()
        assert sonic.sessions[0].usage["input"]["textTokens"] > 0
        assert "audioOutput" not in session.names()


async def test_live_text_after_enough_audio_is_answered() -> None:
    async with rehearsal(script(patterns=[{"when": "greet", "say": ["Good morning."]}])) as (_, client):
        session = await client.conversation()
        await session.text("nudge", "USER", "Greet the caller now, please.", interactive=True)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        assert session.texts("ASSISTANT", "SPECULATIVE") == ["Good morning."]


async def test_interactive_text_before_any_audio_is_history_that_nobody_answers() -> None:
    async with rehearsal() as (sonic, client):
        session = await client.open()
        await session.start()
        await session.text("h1", "USER", "Where is my order?", interactive=True)
        await session.start_audio()
        await session.audio(SILENCE_100_MS)
        await session.end()
        await session.rest()
        assert sonic.sessions[0].brief is not None
        assert sonic.sessions[0].brief.history == (("USER", "Where is my order?"),)
        assert "audioOutput" not in session.names()


async def test_headers_wait_for_the_opening_events() -> None:
    async with rehearsal() as (_, client):
        session = await client.open()
        await session.send(sessionStart={})
        with pytest.raises(AssertionError, match="nothing after"):
            await session.headers(seconds=0.3)
        await session.start_prompt()
        await session.headers()


async def test_a_session_that_was_never_used_ends_without_complaint() -> None:
    async with rehearsal() as (sonic, client):
        session = await client.open()
        await session.start()
        await session.text("system", "SYSTEM", "You help.")
        await session.headers()
        await within(session.stream.input_stream.close())
        assert await session.rest() == []
        assert sonic.sessions[0].ended == "closed"
