"""A recording is read like a text."""

from app.audio.g711 import encode
from app.simulator.prepared_audio import tone
from app.simulator.tonal import RATE, Sound, Tones

QUIET = b"\xff" * 160


def stammered(break_ms: int) -> bytes:
    """A tone of 400 ms with a break in its middle."""
    half = encode(tone(1_500, 0.2, RATE))
    return QUIET * 5 + half + QUIET * (break_ms // 20) + half


def read(track: bytes, **more: int) -> list[Sound]:
    return Tones({}, ("carrier", 1_300, 600), {"one": 1_500}, **more).read(track)


def test_a_breath_within_a_tone_does_not_end_it() -> None:
    assert read(stammered(60)) == [Sound("one", 100, 460, breaks_ms=60)]
    assert read(stammered(60))[0].heard_ms == 400


def test_a_longer_break_makes_it_two() -> None:
    assert read(stammered(80)) == [Sound("one", 100, 200), Sound("one", 380, 200)]


def test_of_a_late_machine_a_longer_breath_is_borne() -> None:
    assert [(sound.heard_ms, sound.breaks_ms) for sound in read(stammered(480), breath_ms=500)] == [(400, 480)]
