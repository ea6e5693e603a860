"""Event-stream frames against bytes that the service's own SDK made."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.sonic.frames import (
    Deframer,
    FrameError,
    encode,
    event_frame,
    event_of,
    exception_frame,
    parse_headers,
    split,
    text_header,
)

INNER = bytes.fromhex(
    "0000008b0000004b421ac6f20d3a6d6573736167652d747970650700056576656e740b3a6576656e742d747970650700056368756e6b0d"
    "3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b226279746573223a2265794a6c646d56756443493665"
    "794a7a5a584e7a615739755257356b496a703766583139227d8f5d6513"
)
OUTER = (
    bytes.fromhex(
        "000000de00000043bc320e7b053a6461746508000001a1f8d3ea00103a6368756e6b2d7369676e6174757265060020"
        "4fce91dab1685cd2474a6f3eaf0cff54cba58f55890ced747ccb4b27ab2f9376"
    )
    + INNER
    + bytes.fromhex("54c16aae")
)
END = bytes.fromhex(
    "0000005300000043f5447a58053a6461746508000001a1f8d3ea00103a6368756e6b2d7369676e6174757265060020"
    "6c80a7070e9302123015d07aa2b1d47274ba6d1f3f194ac1e67af7154f073a220d460eb4"
)
EMPTY_EVENT = bytes.fromhex(
    "0000006b0000004b6ace012d0b3a6576656e742d747970650700056368756e6b0d3a636f6e74656e742d747970650700106170706c6963"
    "6174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b226279746573223a226533303d227d3651dbfe"
)


def test_an_event_is_framed_as_the_service_does() -> None:
    assert event_frame(b"{}") == EMPTY_EVENT


def test_an_event_is_read_out_of_both_its_frames() -> None:
    _, payload = split(OUTER)
    assert payload == INNER
    assert event_of(payload) == b'{"event":{"sessionEnd":{}}}'


@given(st.lists(st.integers(1, 80), min_size=1))
def test_frames_are_found_however_the_bytes_were_cut(cuts: list[int]) -> None:
    deframer, data, found = Deframer(), OUTER + END + EMPTY_EVENT, []
    while data:
        size = cuts[len(data) % len(cuts)]
        found += list(deframer.feed(data[:size]))
        data = data[size:]
    assert [payload for _, payload in found] == [INNER, b"", b'{"bytes":"e30="}']
    assert not deframer.in_frame


@given(st.integers(0, len(OUTER) - 1), st.integers(1, 255))
def test_a_damaged_byte_is_never_taken_for_a_frame(place: int, change: int) -> None:
    damaged = OUTER[:place] + bytes([OUTER[place] ^ change]) + OUTER[place + 1 :]
    with pytest.raises(FrameError):
        split(damaged)


def test_headers_of_every_type_are_read() -> None:
    block = (
        b"\x01a\x00\x01b\x01\x01c\x02\xff\x01d\x03\x00\x07\x01e\x04\x00\x00\x00\x08\x01f\x05\0\0\0\0\0\0\0\x09"
        b"\x01g\x06\x00\x02hi\x01h\x07\x00\x02ho\x01i\x08\0\0\0\0\0\0\0\x0a\x01j\x09" + bytes(16)
    )
    assert parse_headers(block) == {
        "a": True,
        "b": False,
        "c": -1,
        "d": 7,
        "e": 8,
        "f": 9,
        "g": b"hi",
        "h": "ho",
        "i": 10,
        "j": bytes(16),
    }


@pytest.mark.parametrize("block", [b"\x05abc", b"\x01a\x07\x00\x09short", b"\x01a\x0a", b"\x01a"])
def test_headers_that_cannot_be_read_are_an_error(block: bytes) -> None:
    with pytest.raises(FrameError):
        parse_headers(block)


def test_an_inner_frame_with_its_headers_in_another_order_is_read_too() -> None:
    headers = text_header(":event-type", "chunk") + text_header(":message-type", "event")
    assert event_of(encode(headers, b'{"bytes":"e30=","p":"abc"}')) == b"{}"


@pytest.mark.parametrize(
    ("headers", "payload"),
    [
        (text_header(":event-type", "other") + text_header(":message-type", "event"), b'{"bytes":"e30="}'),
        (text_header(":event-type", "chunk") + text_header(":message-type", "event"), b"{}"),
        (text_header(":event-type", "chunk") + text_header(":message-type", "event"), b'{"bytes":"?"}'),
        (text_header(":event-type", "chunk") + text_header(":message-type", "event"), base64.b64encode(b"{}")),
    ],
)
def test_an_inner_frame_that_holds_no_event_is_an_error(headers: bytes, payload: bytes) -> None:
    with pytest.raises(FrameError):
        event_of(encode(headers, payload))


def test_an_exception_names_its_member() -> None:
    block, payload = split(exception_frame("validationException", "No."))
    assert parse_headers(block)[":exception-type"] == "validationException"
    assert payload == b'{"message": "No."}'
