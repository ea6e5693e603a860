"""The service's JSON, out and in. No loop, no clock."""

import json
from base64 import b64decode, b64encode
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.call.history import Line
from app.engines.nova_sonic import events
from app.engines.nova_sonic.events import AudioHeard, ContentStarted, TextHeard, TokensUsed, ToolUsed
from tests.engines.nova_sonic.conftest import SPEC

words = st.text(st.characters(exclude_categories=["Cs"]))
lines = st.lists(st.builds(Line, st.sampled_from(["user", "assistant"]), words))


def body(message: bytes) -> tuple[str, dict[str, Any]]:
    [(name, value)] = json.loads(message)["event"].items()
    return name, value


def heard(name: str, **fields: Any) -> bytes:
    return json.dumps({"event": {name: {"sessionId": "s", "promptName": "p", **fields}}}).encode()


def test_turn_detection_stands_inside_session_start() -> None:
    name, start = body(events.session_start(SPEC))
    assert name == "sessionStart"
    assert start["turnDetectionConfiguration"] == {"endpointingSensitivity": "MEDIUM"}
    assert start["inferenceConfiguration"] == {"maxTokens": 1024, "topP": 0.9, "temperature": 0.7}


def test_prompt_start_fixes_voice_rate_and_tools() -> None:
    _, start = body(events.prompt_start("p1", SPEC))
    audio = start["audioOutputConfiguration"]
    assert (audio["voiceId"], audio["sampleRateHertz"], audio["sampleSizeBits"]) == ("tiffany", 8_000, 16)
    [tool] = start["toolConfiguration"]["tools"]
    assert tool["toolSpec"]["name"] == "find_order"
    assert json.loads(tool["toolSpec"]["inputSchema"]["json"])["type"] == "object"


def test_a_session_without_tools_names_no_tools() -> None:
    bare = type(SPEC)(SPEC.key, "Hello.", "tiffany")
    assert not [name for name in body(events.prompt_start("p1", bare))[1] if name.startswith("tool")]


@given(words, st.integers(4, 50))
def test_text_is_split_between_characters_and_nothing_is_lost(text: str, limit: int) -> None:
    pieces = events.split_bytes(text, limit)
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= limit for piece in pieces)


def test_a_long_system_prompt_is_one_block_of_small_pieces() -> None:
    block = events.text_block("p1", "c1", "SYSTEM", "é" * 5_000, piece=events.SYSTEM_PIECE)
    names = [body(message)[0] for message in block]
    assert names == ["contentStart", "textInput", "textInput", "textInput", "contentEnd"]
    assert body(block[0])[1]["interactive"] is False
    assert "".join(body(message)[1]["content"] for message in block[1:-1]) == "é" * 5_000


def test_live_text_is_interactive() -> None:
    assert body(events.text_block("p", "c", "USER", "hi", interactive=True)[0])[1]["interactive"] is True


def test_history_joins_neighbours_of_one_role_and_drops_empty_lines() -> None:
    said = [Line("user", "a"), Line("user", "b"), Line("assistant", " "), Line("assistant", "c")]
    assert events.history_lines(said, 1_000) == [Line("user", "a\nb"), Line("assistant", "c")]


def test_a_history_that_starts_with_the_assistant_gets_a_caller_first() -> None:
    first, second = events.history_lines([Line("assistant", "Good morning.")], 1_000)
    assert (first.role, second) == ("user", Line("assistant", "Good morning."))


def test_a_history_too_long_keeps_the_facts_and_the_end() -> None:
    said = [Line("user", "facts"), *(Line("user" if i % 2 else "assistant", f"{i:03} " * 10) for i in range(100))]
    kept = events.history_lines(said, 400)
    assert kept[0].text.startswith("facts")
    assert kept[-1] == said[-1]
    assert sum(len(line.text) for line in kept) <= 400 + len(kept)


def test_a_last_line_too_long_keeps_its_end() -> None:
    assert events.history_lines([Line("user", "facts"), Line("assistant", "x" * 900 + "end")], 100)[-1].text.endswith(
        "end"
    )


@given(lines, st.integers(40, 400))
def test_any_history_alternates_begins_with_the_caller_and_fits(said: list[Line], limit: int) -> None:
    kept = events.history_lines(said, limit)
    assert [line.role for line in kept] == ["user" if i % 2 == 0 else "assistant" for i in range(len(kept))]
    assert len(kept) <= events.HISTORY_BLOCKS
    size = sum(len(line.text.encode()) for line in kept)
    assert size <= limit + len(events.FIRST_LINE) + len(kept)


def test_history_blocks_are_context_in_pieces_of_a_kilobyte() -> None:
    names = count()
    [block] = events.history_blocks("p", [Line("user", "y" * 2_500)], 8_000, lambda: f"c{next(names)}")
    assert [body(message)[0] for message in block].count("textInput") == 3
    assert body(block[0])[1]["role"] == "USER" and body(block[0])[1]["interactive"] is False


@given(st.binary(max_size=700))
def test_cast_audio_is_the_same_as_audio_spelt_out(pcm: bytes) -> None:
    cast = events.audio_input(events.audio_mould("p1", 'n"2'), pcm)
    content = b64encode(pcm).decode()
    assert cast == events.encode("audioInput", {"promptName": "p1", "contentName": 'n"2', "content": content})


@pytest.mark.parametrize(
    ("result", "sent"),
    [
        ('{"ok": true}', {"ok": True}),
        ("[1]", [1]),
        ("CANCELLED", {"result": "CANCELLED"}),
        ('"word"', {"result": "word"}),
        ("NaN", {"result": "NaN"}),
        ('{"a": Infinity}', {"result": '{"a": Infinity}'}),
    ],
)
def test_a_tool_result_is_always_a_json_document(result: str, sent: Any) -> None:
    start, answer, end = map(body, events.tool_result_block("p", "c", "run-1", result))
    assert start[1]["toolResultInputConfiguration"]["toolUseId"] == "run-1"
    assert (json.loads(answer[1]["content"]), answer[0], end[0]) == (sent, "toolResult", "contentEnd")


def test_a_lone_surrogate_does_not_stop_a_call() -> None:
    assert b"?" in events.encode("textInput", {"content": "\ud83d"})


def test_audio_is_heard() -> None:
    message = heard("audioOutput", contentId="k", content=b64encode(b"\1\2").decode())
    assert events.parse(message) == AudioHeard("k", b"\1\2")


def test_a_contents_stage_is_read_from_the_json_inside_the_json() -> None:
    message = heard(
        "contentStart",
        contentId="k",
        type="TEXT",
        role="ASSISTANT",
        additionalModelFields='{"generationStage":"SPECULATIVE"}',
    )
    assert events.parse(message) == ContentStarted("k", "TEXT", "ASSISTANT", "SPECULATIVE")


@pytest.mark.parametrize("fields", ["not json", "[]", "", None])
def test_broken_additional_fields_are_no_stage(fields: str | None) -> None:
    message = heard("contentStart", contentId="k", type="TEXT", role="USER", additionalModelFields=fields)
    assert events.parse(message) == ContentStarted("k", "TEXT", "USER", "")


@pytest.mark.parametrize("content", ['{"id": "A17"}', json.dumps('{"id": "A17"}'), {"id": "A17"}])
def test_tool_arguments_are_decoded_once_or_twice(content: Any) -> None:
    used = events.parse(heard("toolUse", contentId="k", toolUseId="t", toolName="find_order", content=content))
    assert used == ToolUsed("k", "t", "find_order", '{"id": "A17"}')


def test_usage_is_taken_from_the_deltas() -> None:
    delta = {"input": {"speechTokens": 12, "textTokens": 1}, "output": {"speechTokens": 30, "textTokens": 5}}
    total = {"input": {"speechTokens": 900}}
    assert events.parse(heard("usageEvent", details={"delta": delta, "total": total})) == TokensUsed(12, 30, 1, 5)


@pytest.mark.parametrize("text", ['{ "interrupted" : true }', '{"interrupted":true}\n', ' { "interrupted" : true}'])
def test_the_interruption_marker_is_known_however_spaced(text: str) -> None:
    assert events.is_interruption(text)


@pytest.mark.parametrize(
    "text", ["I was interrupted", '{"interrupted": false}', "{interrupted}", '{"a": "interrupted"}']
)
def test_what_only_resembles_the_marker_is_text(text: str) -> None:
    assert not events.is_interruption(text)


def test_unknown_events_are_ignored() -> None:
    assert events.parse(heard("somethingNew", a=1)) is None
    assert events.parse(heard("completionStart", completionId="c")) is None


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"[]",
        b"{}",
        b'{"event":{}}',
        b'{"event":7}',
        b'{"event":{"textOutput":{}}}',
        b"\xff",
        b'{"event":{"toolUse":3}}',
    ],
)
def test_a_broken_message_is_a_value_error(message: bytes) -> None:
    with pytest.raises(ValueError):
        events.parse(message)


def test_user_text_comes_with_its_role() -> None:
    assert events.parse(heard("textOutput", contentId="k", role="USER", content="hello")) == TextHeard(
        "k", "USER", "hello"
    )


def test_the_audio_content_says_its_rate() -> None:
    name, start = body(events.audio_start("p", "c", 16_000))
    assert (name, start["audioInputConfiguration"]["sampleRateHertz"], start["interactive"]) == (
        "contentStart",
        16_000,
        True,
    )
    assert b64decode(body(events.audio_input(events.audio_mould("p", "c"), b"ab"))[1]["content"]) == b"ab"
