"""Frames, byte for byte: the published vector, the SDK's own signer and coder with the clock fixed, and damage."""

import datetime
from base64 import b64encode

import pytest
from aws_sdk_bedrock_runtime.models import (
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
)
from aws_sdk_signers import AsyncEventSigner
from hypothesis import given
from hypothesis import strategies as st
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_aws_event_stream._private.serializers import EventSerializer
from smithy_aws_event_stream.events import Event, EventHeaderEncoder, EventMessage
from smithy_core.aio.types import AsyncBytesReader
from smithy_json import JSONCodec

from app.engines.nova_sonic.frames import INNER_HEADERS, Deframer, Frame, FrameError, FrameSigner, frame, read_headers
from tests.engines.nova_sonic.peer import event_frame, exception_frame, server_frame

SESSION_END = b'{"event":{"sessionEnd":{}}}'
NOON_MS = 1_795_176_000_000  # 2026-11-20T12:00:00Z
INNER = (
    "0000008b0000004b421ac6f20d3a6d6573736167652d747970650700056576656e740b3a6576656e742d747970650700056368756e6b0d3a63"
    "6f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b226279746573223a2265794a6c646d56756443493665794a7a5a"
    "584e7a615739755257356b496a703766583139227d8f5d6513"
)
SIGNATURE = "4fce91dab1685cd2474a6f3eaf0cff54cba58f55890ced747ccb4b27ab2f9376"
OUTER = (
    "000000de00000043bc320e7b053a6461746508000001a1f8d3ea00103a6368756e6b2d7369676e6174757265060020"
    + SIGNATURE
    + INNER
    + "54c16aae"
)
END = (
    "0000005300000043f5447a58053a6461746508000001a1f8d3ea00103a6368756e6b2d7369676e61747572650600206c80a7070e9302123015"
    "d07aa2b1d47274ba6d1f3f194ac1e67af7154f073a220d460eb4"
)
EMPTY_EVENT = (
    "0000006b0000004b6ace012d0b3a6576656e742d747970650700056368756e6b0d3a636f6e74656e742d747970650700106170706c69636174"
    "696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b226279746573223a226533303d227d3651dbfe"
)


def signer() -> FrameSigner:
    return FrameSigner("emulator-secret", "us-east-1", "ab" * 32)


def test_our_frames_are_those_of_the_published_vector() -> None:
    ours = signer()
    assert ours.event(SESSION_END, NOON_MS).hex() == OUTER
    assert ours.end(NOON_MS).hex() == END


class FixedClock(datetime.datetime):
    at_ms = NOON_MS

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "FixedClock":
        return cls.fromtimestamp(cls.at_ms // 1000, tz).replace(microsecond=cls.at_ms % 1000 * 1000)


async def sdk_frames(messages: list[bytes], times_ms: list[int], monkey: pytest.MonkeyPatch) -> list[bytes]:
    """What the SDK's serialiser, signer and encoder make of them."""
    theirs = AsyncEventSigner(initial_signature=b"ab" * 32, event_encoder_cls=EventHeaderEncoder)
    identity = AWSCredentialsIdentity(access_key_id="AK", secret_access_key="emulator-secret")
    serializer = EventSerializer(payload_codec=JSONCodec(), is_client_mode=True)  # type: ignore[abstract]
    monkey.setattr("aws_sdk_signers.signers.datetime.datetime", FixedClock)
    made = []
    for message, FixedClock.at_ms in zip(messages, times_ms, strict=True):
        chunk = InvokeModelWithBidirectionalStreamInputChunk(value=BidirectionalInputPayloadPart(bytes_=message))
        chunk.serialize(serializer)
        event = serializer.get_result()
        properties = {"region": "us-east-1", "service": "bedrock"}
        assert event is not None
        signed = await theirs.sign(event=event, identity=identity, properties=properties)  # type: ignore[arg-type]
        made.append(signed.encode())
    end = await theirs.sign_empty(event=EventMessage(), identity=identity, properties=properties)  # type: ignore[arg-type]
    return [*made, end.encode()]


async def test_our_frames_are_the_sdks_byte_for_byte_even_over_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [SESSION_END, b"{}", '{"event":{"textInput":{"content":"é"}}}'.encode(), b"x" * 4_000]
    day = 86_400_000
    times = [NOON_MS, NOON_MS + 500, NOON_MS + day // 2 - 1_000, NOON_MS + day // 2]
    ours = signer()
    made = [ours.event(message, at) for message, at in zip(messages, times, strict=True)] + [ours.end(times[-1])]
    assert made == await sdk_frames(messages, times, monkeypatch)


async def test_the_sdks_decoder_and_ours_read_the_same() -> None:
    stream = event_frame({"audioOutput": {"content": "AAAA"}}) + exception_frame("validationException", "no")
    ours = list(Deframer().feed(stream))
    source = AsyncBytesReader(stream)
    for one in ours:
        theirs = await Event.decode_async(source)
        assert theirs is not None
        assert one.payload == theirs.message.payload
        assert one.kind == theirs.message.headers[":message-type"]
    assert [one.type for one in ours] == ["chunk", "validationException"]


def test_the_published_server_frame_is_read() -> None:
    [frame] = Deframer().feed(bytes.fromhex(EMPTY_EVENT))
    assert (frame.kind, frame.type, frame.message()) == ("event", "chunk", b"{}")


@given(st.lists(st.binary(max_size=300), max_size=6), st.data())
def test_frames_are_found_over_any_chunking(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(server_frame({":message-type": "event", ":event-type": "chunk"}, payload) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    deframer = Deframer()
    found: list[Frame] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += deframer.feed(stream[start:end])
    assert [frame.payload for frame in found] == payloads
    assert not deframer.in_the_middle


def test_single_bytes_will_do() -> None:
    deframer = Deframer()
    stream = event_frame({"a": {}}) * 2
    found = [frame for at in range(len(stream)) for frame in deframer.feed(stream[at : at + 1])]
    assert len(found) == 2


def test_half_a_frame_is_known_as_such() -> None:
    deframer = Deframer()
    assert list(deframer.feed(event_frame({"a": {}})[:-1])) == []
    assert deframer.in_the_middle


@given(st.integers(0, 100), st.integers(1, 255))
def test_any_damaged_byte_is_noticed(position: int, change: int) -> None:
    whole = bytearray(bytes.fromhex(EMPTY_EVENT))
    whole[position] ^= change
    with pytest.raises(FrameError):
        found = list(Deframer().feed(bytes(whole) + bytes(64)))
        assert not found


def test_frames_before_the_damage_are_given() -> None:
    good = event_frame({"a": {}})
    found = []
    with pytest.raises(FrameError):
        for frame in Deframer().feed(good + good[:-1] + b"\0"):
            found.append(frame)
    assert len(found) == 1


def test_headers_of_every_type_are_stepped_over() -> None:
    values = {0: b"", 1: b"", 2: b"x", 3: b"xx", 4: b"x" * 4, 5: b"x" * 8, 6: b"\0\3abc", 8: b"x" * 8, 9: b"x" * 16}
    block = b"".join(b"\1n" + bytes([kind]) + value for kind, value in values.items()) + b"\4last\7\0\2ok"
    assert read_headers(block) == {"last": "ok"}


@pytest.mark.parametrize("block", [b"\1n\x0a", b"\1n\7\0\5ab", b"\5ab", b"\1n", b"\1\xff\7\0\1a"])
def test_broken_headers_are_a_frame_error(block: bytes) -> None:
    with pytest.raises(FrameError):
        read_headers(block)


def test_an_escape_inside_base64_is_still_read() -> None:
    encoded = b64encode(b"\xff\xff\xff").decode().replace("/", "\\/")
    assert Frame("event", "chunk", f'{{"bytes":"{encoded}"}}'.encode()).message() == b"\xff\xff\xff"
    assert Frame("event", "chunk", b'{"p":"abc","bytes":"e30="}').message() == b"{}"


def test_an_error_frame_carries_its_note() -> None:
    stream = server_frame({":message-type": "error", ":error-code": "Broken", ":error-message": "so sorry"}, b"")
    assert list(Deframer().feed(stream)) == [Frame("error", "Broken", b"", "so sorry")]


def test_a_frame_of_ours_is_readable_by_our_deframer() -> None:
    [inner] = Deframer().feed(frame(INNER_HEADERS, b'{"bytes":"e30="}'))
    assert inner.message() == b"{}"
