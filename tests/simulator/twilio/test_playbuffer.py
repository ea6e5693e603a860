"""The play buffer: 8 bytes a millisecond, marks when reached, all of them back at a clear."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.twilio.playbuffer import SILENCE, PlayBuffer


def test_audio_is_played_at_eight_bytes_a_millisecond_and_silence_after_it() -> None:
    buffer = PlayBuffer()
    buffer.add(b"\x01" * 100)
    buffer.advance(10)
    assert buffer.take_heard(80) == b"\x01" * 80
    buffer.advance(20)
    assert buffer.take_heard(80) == b"\x01" * 20 + SILENCE * 60


def test_a_mark_is_reached_when_all_before_it_has_been_played() -> None:
    buffer = PlayBuffer()
    buffer.add(bytes(160))
    assert not buffer.mark("first")
    buffer.add(bytes(160))
    buffer.mark("second")
    assert buffer.advance(19) == []
    assert buffer.advance(20) == ["first"]
    assert buffer.advance(60) == ["second"]


def test_a_mark_with_nothing_before_it_is_reached_at_once() -> None:
    buffer = PlayBuffer()
    assert buffer.mark("at once")
    buffer.add(bytes(80))
    buffer.advance(10)
    assert buffer.mark("again")


def test_marks_at_one_place_come_in_order() -> None:
    buffer = PlayBuffer()
    buffer.add(bytes(8))
    buffer.mark("a")
    buffer.mark("b")
    assert buffer.advance(1) == ["a", "b"]


def test_a_clear_drops_what_waits_and_gives_all_marks_back() -> None:
    buffer = PlayBuffer()
    buffer.add(bytes(1600))
    buffer.mark("a")
    buffer.mark("b")
    buffer.advance(50)
    dropped = buffer.clear()
    assert (dropped.audio_bytes, dropped.marks) == (1200, ("a", "b"))
    assert buffer.advance(300) == [] and buffer.played == 400


def test_audio_after_a_clear_plays_as_ever() -> None:
    buffer = PlayBuffer()
    buffer.add(b"\x01" * 800)
    buffer.clear()
    buffer.add(b"\x02" * 8)
    buffer.mark("new")
    assert buffer.advance(1) == ["new"] and buffer.take_heard(8) == b"\x02" * 8


def test_time_that_stands_still_or_runs_back_plays_nothing() -> None:
    buffer = PlayBuffer(100)
    buffer.add(bytes(80))
    assert buffer.advance(100) == [] and buffer.advance(50) == [] and buffer.queued == 80


def test_it_tells_since_when_it_is_dry() -> None:
    buffer = PlayBuffer()
    buffer.add(bytes(81))
    buffer.advance(100)
    assert buffer.dry_since_ms == 11


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 900)),
        st.tuples(st.just("advance"), st.integers(0, 60)),
        st.tuples(st.just("clear"), st.just(0)),
        st.tuples(st.just("mark"), st.just(0)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps)
def test_what_was_heard_and_what_was_dropped_is_what_was_sent(steps: list[tuple[str, int]]) -> None:
    buffer, now, sent, dropped, set_, back = PlayBuffer(), 0, 0, 0, 0, 0
    for step, size in steps:
        if step == "add":
            buffer.add(bytes(size))
            sent += size
        elif step == "advance":
            now += size
            back += len(buffer.advance(now))
        elif step == "mark":
            set_ += 1
            back += buffer.mark("m")
        else:
            gone = buffer.clear()
            dropped += gone.audio_bytes
            back += len(gone.marks)
    back += len(buffer.advance(now + 10_000))
    assert buffer.played + dropped == sent and set_ == back
