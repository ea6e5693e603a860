"""Frames cut at their borders, checked against a codec that is not ours."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from app.web.line import frame_size

frames = st.builds(
    lambda size, opcode, mask: Frame(opcode, b"x" * size).serialize(mask=mask),
    st.sampled_from([0, 1, 125, 126, 127, 400, 65_535, 65_536]),
    st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]),
    st.booleans(),
)


@given(st.lists(frames, max_size=4))
def test_a_row_of_frames_is_cut_into_those_frames(row: list[bytes]) -> None:
    data, at, found = b"".join(row), 0, []
    while size := frame_size(data, at):
        found.append(data[at : at + size])
        at += size
    assert found == row


@given(frames, st.integers(0, 14))
def test_a_header_cut_off_gives_no_size_or_the_right_one(frame: bytes, kept: int) -> None:
    assert frame_size(frame[:kept], 0) in {0, len(frame)}
