"""The Media Streams protocol, as text in and text out."""

import base64
import json
from typing import Any

import pytest

from app.simulator.twilio.playbuffer import PlayBuffer
from app.simulator.twilio.stream import (
    CONNECTED,
    AudioArrived,
    ClearArrived,
    MarkArrived,
    Refused,
    StreamCore,
    StreamNames,
)

SID = "MZ" + "a" * 32


def core(**more: Any) -> StreamCore:
    return StreamCore(StreamNames("AC1", "CA1", SID), PlayBuffer(), **more)


def sent(event: str, **more: object) -> str:
    return json.dumps({"event": event, "streamSid": SID, **more})


def audio(size: int) -> str:
    return sent("media", media={"payload": base64.b64encode(bytes(size)).decode()})


def test_a_stream_opens_as_documented() -> None:
    assert json.loads(CONNECTED) == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert json.loads(core(parameters={"token": "t"}).started()) == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": SID,
        "start": {
            "accountSid": "AC1",
            "callSid": "CA1",
            "streamSid": SID,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "t"},
        },
    }


def test_everything_counted_is_counted_in_text() -> None:
    stream = core()
    stream.started()
    first, second = json.loads(stream.media("/w==", 0)), json.loads(stream.media("/w==", 20))
    assert first == {
        "event": "media",
        "sequenceNumber": "2",
        "streamSid": SID,
        "media": {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": "/w=="},
    }
    assert (second["sequenceNumber"], second["media"]["chunk"], second["media"]["timestamp"]) == ("3", "2", "20")
    assert json.loads(stream.dtmf("5")) == {
        "event": "dtmf",
        "sequenceNumber": "4",
        "streamSid": SID,
        "dtmf": {"track": "inbound_track", "digit": "5"},
    }
    assert json.loads(stream.stopped()) == {
        "event": "stop",
        "sequenceNumber": "5",
        "streamSid": SID,
        "stop": {"accountSid": "AC1", "callSid": "CA1"},
    }


def test_chunks_are_counted_by_track() -> None:
    stream = core(tracks=("inbound", "outbound"))
    frames = [json.loads(stream.media("", 0, track)) for track in ("inbound", "outbound", "inbound")]
    assert [(f["media"]["chunk"], f["sequenceNumber"]) for f in frames] == [("1", "1"), ("1", "2"), ("2", "3")]


@pytest.mark.parametrize("size", [1, 160, 161, 8000, 64_000])
def test_audio_of_any_length_is_taken(size: int) -> None:
    stream = core()
    assert stream.receive(audio(size), 30) == AudioArrived(size, 30, stray_track=False)
    assert stream.receive(audio(size), 30) == AudioArrived(size, None, stray_track=False)


def test_a_mark_is_echoed_when_its_audio_was_heard() -> None:
    stream = core()
    stream.receive(audio(160), 0)
    assert stream.receive(sent("mark", mark={"name": "a"}), 0) == MarkArrived("a", "")
    assert stream.advance(19) == []
    (echo,) = stream.advance(20)
    assert json.loads(echo) == {"event": "mark", "sequenceNumber": "1", "streamSid": SID, "mark": {"name": "a"}}


def test_a_mark_on_an_empty_buffer_is_echoed_at_once() -> None:
    received = core().receive(sent("mark", mark={"name": "a"}), 0)
    assert isinstance(received, MarkArrived) and json.loads(received.echo)["mark"] == {"name": "a"}


def test_a_clear_echoes_all_outstanding_marks_in_order() -> None:
    stream = core()
    stream.receive(audio(1600), 0)
    stream.receive(sent("mark", mark={"name": "a"}), 0)
    stream.receive(sent("mark", mark={"name": "b"}), 0)
    cleared = stream.receive(sent("clear"), 0)
    assert isinstance(cleared, ClearArrived) and cleared.dropped.audio_bytes == 1600
    assert [json.loads(echo)["mark"]["name"] for echo in cleared.echoes] == ["a", "b"]
    assert stream.advance(1000) == []


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        b'{"event":"clear"}',
        "[]",
        '{"event":["clear"]}',
        sent("stop"),
        sent("hello"),
        '{"event":"clear"}',
        json.dumps({"event": "clear", "stream_sid": SID}),
        json.dumps({"event": "clear", "streamSid": "MZother"}),
        sent("media"),
        sent("media", media="text"),
        sent("media", media={}),
        sent("media", media={"payload": 5}),
        sent("media", media={"payload": "***"}),
        sent("media", media={"payload": "AAAA", "chunk": "1"}),
        sent("media", payload="AAAA"),
        sent("mark"),
        sent("mark", mark={}),
        sent("mark", mark={"name": 7}),
        sent("clear", mark={"name": "a"}),
    ],
)
def test_a_message_that_breaks_the_protocol_is_dropped_and_warned_of_once(text: str | bytes) -> None:
    stream = core()
    first, second = stream.receive(text, 0), stream.receive(text, 0)
    assert isinstance(first, Refused) and first.first
    assert isinstance(second, Refused) and not second.first
    assert stream.buffer.added == 0


def test_a_stray_track_does_no_harm() -> None:
    received = core().receive(sent("media", media={"payload": "/w==", "track": "outbound"}), 0)
    assert received == AudioArrived(1, 0, stray_track=True)
