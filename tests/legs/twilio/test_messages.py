"""Media Streams messages, from captures and by property."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.legs.twilio.messages import Key, Mark, Media, MessageError, Started, Stopped, Writer, parse, quick_media

CAPTURES = Path(__file__).parents[2] / "captures" / "twilio"
STREAM = "MZ4c6e8a0b2d4f6a8c0e2b4d6f8a0c2e4b"


def capture(name: str) -> str:
    return (CAPTURES / f"{name}.json").read_text()


def media(audio: bytes, **changes: str) -> str:
    """As Twilio writes it: no spaces, the payload last in `media`."""
    body = {"track": "inbound", "chunk": "2", "timestamp": "25", "payload": base64.b64encode(audio).decode(), **changes}
    document = {"event": "media", "sequenceNumber": "3", "media": body, "streamSid": STREAM}
    return json.dumps(document, separators=(",", ":"))


def test_start_says_whose_stream_it_is_and_what_it_carries() -> None:
    started = parse(capture("start"))
    assert isinstance(started, Started)
    assert (started.stream_sid, started.call_sid) == (STREAM, "CA9b1d3f5a7c8e0b2d4f6a8c0e1b3d5f7a")
    assert started.is_mulaw_8k
    assert started.parameters == {"token": "1763690460..abc"}


def test_a_stream_without_parameters_has_none() -> None:
    document = json.loads(capture("start"))
    nothing: list[object] = [{}, None]
    for empty in nothing:
        document["start"]["customParameters"] = empty
        started = parse(json.dumps(document))
        assert isinstance(started, Started) and started.parameters == {}


@pytest.mark.parametrize(("field", "value"), [("encoding", "audio/l16"), ("sampleRate", 16000), ("channels", 2)])
def test_another_format_is_noticed(field: str, value: object) -> None:
    document = json.loads(capture("start"))
    document["start"]["mediaFormat"][field] = value
    started = parse(json.dumps(document))
    assert isinstance(started, Started) and not started.is_mulaw_8k


def test_keys_marks_and_the_end_are_read() -> None:
    assert parse(capture("dtmf")) == Key("5")
    assert parse(capture("mark")) == Mark("m7")
    assert parse(capture("stop")) == Stopped()


def test_connected_and_what_nobody_has_told_us_of_are_ignored() -> None:
    assert parse(capture("connected")) is None
    assert parse('{"event":"weather","weather":{"sky":"blue"}}') is None
    assert parse(media(b"\xff", track="outbound")) is None


def test_unknown_fields_are_ignored() -> None:
    document = json.loads(capture("media")) | {"novel": [1, 2]}
    document["media"]["novel"] = {"x": 1}
    assert parse(json.dumps(document)) == parse(capture("media"))


def test_a_captured_frame_takes_the_quick_way_to_the_same_audio() -> None:
    quick = quick_media(capture("media"))
    assert quick is not None and len(quick) == 160
    assert parse(capture("media")) == Media(quick)


@given(st.binary(max_size=2_000))
def test_any_audio_comes_out_as_it_went_in_both_ways(audio: bytes) -> None:
    assert quick_media(media(audio)) == audio
    assert parse(media(audio)) == Media(audio)
    assert parse(Writer(STREAM).media(audio)) == Media(audio)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(json.loads(media(b"\xff" * 160))),  # with spaces
        media(b"\xff\xff\xff").replace("/", "\\/"),
        media(b"\xff", track="outbound"),
        capture("dtmf"),
        media(b"\xff")[:-1],
        media(b"\xff" * 4).replace("=", ""),
        "",
    ],
)
def test_the_quick_way_leaves_to_the_long_way_what_it_does_not_know(text: str) -> None:
    assert quick_media(text) is None or parse(text) == Media(quick_media(text) or b"")


def test_escaped_slashes_in_a_payload_are_read_by_the_long_way() -> None:
    text = media(b"\xff\xff\xff").replace("/", "\\/")
    assert quick_media(text) is None
    assert parse(text) == Media(b"\xff\xff\xff")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        '{"no":"event"}',
        '{"event":{}}',
        '{"event":"media"}',
        '{"event":"media","media":{"payload":7}}',
        '{"event":"media","media":{"payload":"/w"}}',
        '{"event":"media","media":[]}',
        '{"event":"start","start":{}}',
        '{"event":"start","start":{"callSid":"CA","streamSid":"MZ","mediaFormat":{"encoding":"x","sampleRate":"?","channels":1}}}',
        '{"event":"dtmf","dtmf":{"digit":"55"}}',
        '{"event":"dtmf","dtmf":{"digit":5}}',
        '{"event":"mark","mark":{}}',
        "[" * 100_000,
    ],
)
def test_a_broken_message_is_the_peers_fault_and_nothing_else(text: str) -> None:
    assert quick_media(text) is None
    with pytest.raises(MessageError):
        parse(text)


@given(st.text())
def test_no_text_does_more_harm_than_a_message_error(text: str) -> None:
    try:
        parse(text)
    except MessageError as error:
        assert str(error).startswith("unreadable message: "), "what was said stays out of the log"


def test_what_we_write_has_exactly_the_fields_twilio_takes() -> None:
    writer = Writer(STREAM)
    assert json.loads(writer.media(b"\x00\x01")) == {
        "event": "media",
        "streamSid": STREAM,
        "media": {"payload": "AAE="},
    }
    assert json.loads(writer.mark('g"1')) == {"event": "mark", "streamSid": STREAM, "mark": {"name": 'g"1'}}
    assert json.loads(writer.clear) == {"event": "clear", "streamSid": STREAM}
