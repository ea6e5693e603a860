"""Messages of the two wires, from whoever: nothing but the door's own error comes out of a door."""

import json
import struct
from base64 import b64encode
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.transcoder import Transcoder
from app.call.events import ReplyAudio
from app.engines.nova_sonic import events
from app.engines.nova_sonic.frames import Deframer, Frame, FrameError, frame, string_header
from app.engines.nova_sonic.reader import Reader
from app.legs.twilio.messages import MessageError, Started, Writer, parse, quick_media
from tests.hostile.shapes import DEEP, odd_values, only, spoiled, spoiled_json

STREAM, CALL = "MZ" + "2" * 32, "CA" + "1" * 32
MEDIA = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": b64encode(bytes(160)).decode()}
START = {
    "streamSid": STREAM,
    "callSid": CALL,
    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    "customParameters": {"token": "good"},
}
FROM_TWILIO: list[dict[str, Any]] = [
    {"event": "start", "sequenceNumber": "1", "streamSid": STREAM, "start": START},
    {"event": "media", "sequenceNumber": "2", "media": MEDIA, "streamSid": STREAM},
    {"event": "dtmf", "streamSid": STREAM, "dtmf": {"track": "inbound_track", "digit": "7"}},
    {"event": "mark", "streamSid": STREAM, "mark": {"name": "m1"}},
    {"event": "stop", "streamSid": STREAM, "stop": {"callSid": CALL}},
]
STAGE = json.dumps({"generationStage": "SPECULATIVE"})
FROM_SONIC: list[dict[str, Any]] = [
    {"contentStart": {"contentId": "c", "type": "TEXT", "role": "ASSISTANT", "additionalModelFields": STAGE}},
    {"textOutput": {"contentId": "c", "role": "ASSISTANT", "content": "Good morning."}},
    {"audioOutput": {"contentId": "c", "content": b64encode(bytes(640)).decode()}},
    {"toolUse": {"contentId": "c", "toolUseId": "t", "toolName": "track", "content": '{"number":"1"}'}},
    {"contentEnd": {"contentId": "c", "type": "TEXT", "stopReason": "END_TURN"}},
    {"usageEvent": {"details": {"delta": {"input": {"speechTokens": 5}, "output": {"textTokens": 1}}}}},
]
hostile = settings.get_profile("hostile")


@hostile
@given(st.sampled_from(FROM_TWILIO).flatmap(spoiled_json))
def test_a_message_of_the_carrier_is_read_or_refused(text: str) -> None:
    quick_media(text)
    try:
        message = parse(text)
    except MessageError as error:
        assert len(str(error)) < 200, "what was sent is not repeated"
        return
    if isinstance(message, Started):
        for name in (message.call_sid, message.stream_sid):
            assert name.isascii() and name.isalnum() and len(name) <= 64, "it becomes part of names and log lines"
        assert all(
            json.loads(text) for text in (Writer(message.stream_sid).clear, Writer(message.stream_sid).mark("x"))
        )


@pytest.mark.parametrize("odd", ["CA\n= answering", "../../etc/passwd", "CA1:token:x", "CA" + "1" * 100, "", "CAé"])
@pytest.mark.parametrize("name", ["callSid", "streamSid"])
def test_a_stream_whose_names_are_no_names_never_starts(name: str, odd: str) -> None:
    with pytest.raises(MessageError):
        parse(json.dumps({"event": "start", "start": START | {name: odd}}))


def signed(message: str) -> bytes:
    """As the service frames an event."""
    payload = json.dumps({"bytes": b64encode(message.encode("utf-8", "surrogatepass")).decode()}).encode()
    return frame(string_header(":message-type", "event") + string_header(":event-type", "chunk"), payload)


def hear(message: bytes) -> None:
    """An event all the way to the call's own, and its sound to the telephone."""
    reader, transcoder = Reader(1), Transcoder("mulaw", 8_000)
    heard = events.parse(message)
    for event in reader.read(heard) if heard is not None else ():
        if isinstance(event, ReplyAudio):
            transcoder.reply(event.audio)


@hostile
@given(st.sampled_from(FROM_SONIC).flatmap(spoiled_json))
def test_an_event_of_the_model_is_read_or_refused(message: str) -> None:
    only(ValueError, lambda: hear(message.encode("utf-8", "surrogatepass")))


@hostile
@given(st.binary(max_size=200))
def test_bytes_for_an_event_are_refused(message: bytes) -> None:
    only(ValueError, lambda: hear(message))


@hostile
@given(
    st.lists(st.sampled_from(FROM_SONIC).map(json.dumps).map(signed), min_size=1, max_size=4).map(b"".join),
    st.integers(0, 2_000),
    st.binary(min_size=1, max_size=3),
    st.lists(st.integers(1, 400), min_size=1, max_size=20),
)
def test_a_damaged_stream_gives_its_whole_frames_and_then_an_error(
    data: bytes, at: int, damage: bytes, cuts: list[int]
) -> None:
    at %= len(data)
    data = data[:at] + damage + data[at + len(damage) :]
    deframer, given_frames, begin = Deframer(), list[Frame](), 0
    try:
        for size in [*cuts, len(data)]:
            given_frames += deframer.feed(data[begin : begin + size])
            begin += size
    except FrameError:
        pass
    for whole in given_frames:
        only(ValueError, whole.message)


@hostile
@given(st.binary(max_size=120), st.binary(max_size=60))
def test_a_frame_of_sound_sums_and_senseless_headers(headers: bytes, payload: bytes) -> None:
    def read() -> None:
        for whole in Deframer().feed(frame(headers, payload)):
            whole.message()

    only(FrameError, lambda: only(ValueError, read))


@hostile
@given(spoiled({"bytes": "e30="}).map(json.dumps) | odd_values().map(json.dumps) | st.just("[" * DEEP))
def test_a_chunk_s_payload_is_read_or_refused(payload: str) -> None:
    only(ValueError, Frame("event", "chunk", payload.encode("utf-8", "surrogatepass")).message)


def test_a_frame_that_announces_gigabytes_is_refused_at_its_prelude() -> None:
    lengths = struct.pack(">II", 2**31, 10)
    with pytest.raises(FrameError):
        list(Deframer().feed(lengths + struct.pack(">I", crc32(lengths))))


def test_the_largest_lawful_frame_in_small_pieces_is_not_copied_for_each() -> None:
    data = frame(string_header(":message-type", "event"), bytes(8_000_000))
    deframer, copied = Deframer(), 0
    for begin in range(0, len(data), 1_000):
        copied += len(list(deframer.feed(data[begin : begin + 1_000])))
    assert copied == 1 and not deframer.in_the_middle
