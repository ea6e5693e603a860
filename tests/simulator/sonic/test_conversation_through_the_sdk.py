"""A conversation as the real Python SDK sees it: the order of events, late texts, interruption, tools, usage."""

import asyncio
import json

from app.simulator.sonic.manner import Manner
from tests.simulator.sonic.rehearsal import PAUSE, SPEECH, rehearsal, script, speak, tone
from tests.simulator.sonic.sdk import PROMPT, SILENCE_100_MS

TOOL = {
    "toolSpec": {
        "name": "water_plant",
        "description": "Waters a plant.",
        "inputSchema": {"json": json.dumps({"type": "object", "properties": {"plant": {"type": "string"}}})},
    }
}
SLOWLY = Manner(speed=4, chunk_ms=50, final_delay_ms=50)


async def test_a_turn_comes_in_the_order_of_the_protocol() -> None:
    written = script(turns=[{"heard": "good day", "say": ["Good day to you.", "How are you?"]}])
    async with rehearsal(written) as (_, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        await session.end()
        await session.rest()
        seen = [
            f"{name} {body.get('type', body.get('stopReason', ''))}".strip()
            for name, body in session.seen
            if name not in ("usageEvent", "audioOutput")
        ]
        text, audio = ["contentStart TEXT", "textOutput", "contentEnd TEXT"], ["contentStart AUDIO", "contentEnd AUDIO"]
        assert seen == [
            *["completionStart", "userSpeechStart", "userSpeechEnd"],
            *text,
            *[*text, *audio] * 2,
            *text * 2,
            "completionEnd END_TURN",
        ]
        assert session.texts("USER", "FINAL") == ["good day"]
        assert session.texts("ASSISTANT", "SPECULATIVE") == ["Good day to you.", "How are you?"]
        assert session.texts("ASSISTANT", "FINAL") == ["Good day to you.", "How are you?"]


async def test_audio_has_the_rate_asked_for_and_is_whole() -> None:
    written = script(otherwise={"say": [{"text": "Beep.", "tone": 500, "seconds": 0.5}]})
    for rate in (8_000, 16_000, 24_000):
        async with rehearsal(written) as (sonic, client):
            session = await client.conversation(rate=rate)
            await speak(session)
            start = await session.until("contentStart", type="AUDIO")
            await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
            assert start["audioOutputConfiguration"]["sampleRateHertz"] == rate
            assert len(session.audio_heard()) == rate  # half a second of 16 bits
            assert sonic.sessions[0].said_bytes == rate


async def test_speech_over_a_reply_interrupts_it() -> None:
    written = script(otherwise={"say": [{"text": "One two three four.", "seconds": 4}, "Never said."]})
    async with rehearsal(written, manner=SLOWLY) as (_, client):
        session = await client.conversation()
        await speak(session)
        await session.until("audioOutput")
        await session.audio(SPEECH)
        marker = await session.until("textOutput", content='{ "interrupted" : true }')
        end = await session.until("contentEnd", contentId=marker["contentId"])
        assert (end["type"], end["stopReason"]) == ("TEXT", "INTERRUPTED")
        closing = await session.until("contentEnd", type="AUDIO")
        assert closing["stopReason"] == "END_TURN"
        await session.audio(PAUSE)
        await session.until("contentStart", role="USER")
        assert "Never said." not in session.texts("ASSISTANT", "SPECULATIVE")
        assert len(session.audio_heard()) < 4 * 16_000


async def test_speech_after_generation_but_during_playing_still_interrupts() -> None:
    written = script(otherwise={"say": [{"text": "All of this is out at once.", "seconds": 5}]})
    async with rehearsal(written) as (_, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        await session.audio(SPEECH)
        await session.until("textOutput", content='{ "interrupted" : true }')


async def test_live_text_over_a_reply_interrupts_it_and_is_answered() -> None:
    written = script(
        otherwise={"say": [{"text": "A long story.", "seconds": 5}]},
        patterns=[{"when": "key 1", "say": ["Sales, then."]}],
    )
    async with rehearsal(written, manner=SLOWLY) as (_, client):
        session = await client.conversation()
        await speak(session)
        await session.until("audioOutput")
        await session.text("key", "USER", "The caller pressed key 1.", interactive=True)
        await session.until("textOutput", content='{ "interrupted" : true }')
        await session.until("textOutput", content="Sales, then.")


async def test_speech_when_the_reply_is_over_interrupts_nothing() -> None:
    written = script(otherwise={"say": [{"text": "Yes.", "seconds": 0.3}]})
    async with rehearsal(written) as (_, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="TEXT", stopReason="END_TURN")  # FINAL comes after it was played
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        assert '{ "interrupted" : true }' not in session.texts("ASSISTANT", "FINAL")


async def test_a_tool_is_asked_for_before_the_answer_and_its_result_is_spoken() -> None:
    use = {"name": "water_plant", "arguments": {"plant": "fern"}}
    written = script(otherwise={"use_tool": use, "say": ["The fern is {state}."]})
    async with rehearsal(written) as (sonic, client):
        session = await client.conversation(
            system="You look after plants.", toolConfiguration={"tools": [TOOL], "toolChoice": {"auto": {}}}
        )
        await speak(session)
        asked = await session.until("toolUse")
        assert (asked["toolName"], json.loads(asked["content"])) == ("water_plant", {"plant": "fern"})
        assert (await session.until("contentEnd", type="TOOL"))["stopReason"] == "TOOL_USE"
        await session.audio(SILENCE_100_MS)  # the caller's audio goes on while the tool runs
        await session.tool_result(asked["toolUseId"], '{"state": "wet"}')
        await session.until("textOutput", content="The fern is wet.")
        brief = sonic.sessions[0].brief
        assert brief is not None
        assert brief.system_prompt == "You look after plants."
        assert [(tool.name, tool.schema["type"]) for tool in brief.tools] == [("water_plant", "object")]
        assert sonic.sessions[0].events("toolResult")[0]["content"] == '{"state": "wet"}'


async def test_tool_arguments_can_come_encoded_twice() -> None:
    written = script(otherwise={"use_tool": {"name": "water_plant", "arguments": {"plant": "fern"}}})
    async with rehearsal(written, manner=Manner(double_encoded_tools=True)) as (_, client):
        session = await client.conversation(toolConfiguration={"tools": [TOOL]})
        await speak(session)
        asked = await session.until("toolUse")
        assert json.loads(json.loads(asked["content"])) == {"plant": "fern"}


async def test_usage_deltas_add_up_to_the_totals() -> None:
    async with rehearsal() as (sonic, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        await session.end()
        await session.rest()
        reports = [body for name, body in session.seen if name == "usageEvent"]
        for way in ("input", "output"):
            for kind in ("speechTokens", "textTokens"):
                spent = sum(report["details"]["delta"][way][kind] for report in reports)
                assert spent == reports[-1]["details"]["total"][way][kind] == sonic.sessions[0].usage[way][kind]
        assert reports[-1]["totalTokens"] == reports[-1]["totalInputTokens"] + reports[-1]["totalOutputTokens"]
        assert all(sonic.sessions[0].usage[way]["speechTokens"] > 0 for way in ("input", "output"))


async def test_speech_events_can_be_left_out() -> None:
    async with rehearsal(manner=Manner(speed=50, user_speech_events=False)) as (_, client):
        session = await client.conversation()
        await speak(session)
        await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        assert not {"userSpeechStart", "userSpeechEnd"} & set(session.names())


async def test_history_reaches_the_mind_in_order() -> None:
    async with rehearsal() as (sonic, client):
        session = await client.open()
        await session.start()
        await session.text("s", "SYSTEM", "You help.")
        await session.start_text("h1", "USER")
        for piece in ("Where is ", "my order?"):
            await session.send(textInput={"promptName": PROMPT, "contentName": "h1", "content": piece})
        await session.end_content("h1")
        await session.text("h2", "ASSISTANT", "On its way.")
        await session.start_audio()
        await session.audio(SILENCE_100_MS)
        await session.until("completionStart")
        brief = sonic.sessions[0].brief
        assert brief is not None
        assert brief.history == (("USER", "Where is my order?"), ("ASSISTANT", "On its way."))
        assert (brief.input_rate, brief.output_rate, brief.endpointing_ms) == (16_000, 8_000, 1_750)


async def test_what_was_heard_is_numbered_and_whole_however_it_was_cut() -> None:
    sent = tone(700)
    async with rehearsal() as (sonic, client):
        session = await client.open()
        await session.start()
        await session.start_audio()
        for at in range(0, len(sent), 333):  # odd sizes, which cut samples in two
            await session.audio(sent[at : at + 333])
        await session.end()
        await session.rest()
        record = sonic.sessions[0]
        assert bytes(record.audio) == sent
        places = [to for to, _ in record.audio_arrivals()]
        assert places == [min(at + 333, len(sent)) for at in range(0, len(sent), 333)]
        moments = [ns for _, ns in record.audio_arrivals()]
        assert moments == sorted(moments)


async def test_twenty_sessions_talk_at_once_over_one_client() -> None:
    async with rehearsal() as (sonic, client):
        first = await client.conversation()
        await first.headers()
        sessions = [first, *[await client.conversation() for _ in range(19)]]
        await asyncio.gather(*[speak(session) for session in sessions])
        for session in sessions:
            await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
            await session.end()
            await session.rest()
        assert len({len(session.audio_heard()) for session in sessions}) == 1
        assert sonic.connections == 1
        assert sonic.open_streams == 0
