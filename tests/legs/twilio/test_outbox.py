"""What waits for the telephone."""

import base64
import json

from app.legs.twilio.outbox import Outbox

FRAME = b"\x7f" * 160


def drain(outbox: Outbox) -> list[str | int]:
    """What leaves, in order: bytes of audio, the names of marks, the word clear."""
    out: list[str | int] = []
    while (text := outbox.next_message()) is not None:
        message = json.loads(text)
        match message["event"]:
            case "media":
                out.append(len(base64.b64decode(message["media"]["payload"])))
            case "mark":
                out.append(message["mark"]["name"])
            case event:
                out.append(event)
    return out


def box(*items: bytes | str, limit_ms: int = 2_000) -> Outbox:
    outbox = Outbox("MZ1", limit_ms)
    for item in items:
        if isinstance(item, str):
            outbox.add_mark(item)
        else:
            outbox.add_audio(item)
    return outbox


def test_what_goes_in_comes_out_in_order_with_neighbouring_audio_in_one_message() -> None:
    assert drain(box(FRAME, FRAME, "a", FRAME, "b", "c")) == [320, "a", 160, "b", "c"]


def test_one_message_never_holds_more_than_a_second_unless_it_was_given_so() -> None:
    assert drain(box(*[FRAME * 5] * 15)) == [8_000, 4_000]
    assert drain(box(FRAME * 75)) == [12_000]


def test_a_clear_drops_what_waits_goes_first_and_names_the_marks_that_stay() -> None:
    outbox = box(FRAME, "a", FRAME, "b")
    assert outbox.clear() == ["a", "b"]
    assert outbox.waiting_ms == 0
    outbox.add_audio(FRAME)
    outbox.add_mark("c")
    assert drain(outbox) == ["clear", 160, "c"]


def test_two_clears_in_a_row_are_one() -> None:
    outbox = box(FRAME)
    outbox.clear()
    assert outbox.clear() == []
    assert drain(outbox) == ["clear"]


def test_audio_beyond_the_limit_is_refused_and_counted_and_marks_are_not() -> None:
    outbox = box(FRAME * 4, limit_ms=100)
    assert outbox.add_audio(FRAME)
    assert not outbox.add_audio(FRAME)
    outbox.add_mark("a")
    assert (outbox.waiting_ms, outbox.dropped_ms) == (100, 20)
    assert drain(outbox) == [800, "a"]
    assert outbox.add_audio(FRAME), "there is room again"
