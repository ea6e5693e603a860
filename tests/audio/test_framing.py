import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audio.framing import Framer, frames, pad


@given(st.lists(st.binary(max_size=500)), st.sampled_from([1, 2, 8, 160, 320]))
def test_framing_loses_nothing_and_gives_whole_frames(pushed: list[bytes], size: int) -> None:
    framer = Framer(size)
    given_back = [framer.push(audio) for audio in pushed]

    assert b"".join(given_back) + framer.carried == b"".join(pushed)
    assert all(len(audio) % size == 0 for audio in given_back)
    assert len(framer.carried) < size


def test_the_last_frame_is_filled_up_with_silence() -> None:
    framer = Framer(160)
    framer.push(b"\x01" * 170)

    assert framer.flush() == b"\x01" * 10 + b"\xff" * 150
    assert framer.flush() == b""


def test_a_reset_leaves_nothing_of_what_was_carried() -> None:
    framer = Framer(160)
    framer.push(b"\x01" * 10)
    framer.reset()

    assert framer.push(b"\x02" * 160) == b"\x02" * 160


@pytest.mark.parametrize(("length", "whole"), [(0, 0), (1, 160), (160, 160), (161, 320)])
def test_padding_fills_to_whole_frames(length: int, whole: int) -> None:
    padded = pad(b"\x01" * length)

    assert len(padded) == whole
    assert padded.count(b"\xff") == whole - length


def test_frames_come_one_after_another_with_the_short_one_last() -> None:
    assert [len(frame) for frame in frames(bytes(400))] == [160, 160, 80]
