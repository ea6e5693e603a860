"""The play buffer as arithmetic. 160 bytes are 20 ms."""

from app.simulator.load.figures import MS
from app.simulator.load.playback import Playback


def test_audio_plays_for_as_long_as_its_bytes_last() -> None:
    playback = Playback()
    playback.add(800, 1_000 * MS)
    assert playback.playing(1_099 * MS) and not playback.playing(1_100 * MS)


def test_audio_that_follows_in_time_finds_the_buffer_wet() -> None:
    playback = Playback()
    playback.add(800, 0)
    assert playback.add(800, 99 * MS) == 0
    assert playback.dry_at == 200 * MS


def test_audio_that_comes_late_is_told_how_late() -> None:
    playback = Playback()
    playback.add(800, 0)
    assert playback.add(800, 130 * MS) == 30 * MS
    assert playback.dry_at == 230 * MS


def test_a_mark_is_reached_when_all_before_it_was_played_and_told_once() -> None:
    playback = Playback()
    playback.add(800, 0)
    playback.mark("a", 10 * MS)
    playback.add(160, 20 * MS)
    playback.mark("b", 20 * MS)
    assert playback.reached(99 * MS) == []
    assert playback.reached(110 * MS) == ["a"]
    assert playback.reached(500 * MS) == ["b"]
    assert playback.reached(900 * MS) == []


def test_a_mark_on_an_empty_buffer_is_reached_at_once() -> None:
    playback = Playback()
    playback.mark("a", 40 * MS)
    assert playback.reached(40 * MS) == ["a"]


def test_a_clear_empties_the_buffer_and_gives_its_marks_back() -> None:
    playback = Playback()
    playback.add(8_000, 0)
    playback.mark("a", 0)
    assert playback.clear(300 * MS) == ["a"]
    assert not playback.playing(300 * MS) and playback.reached(2_000 * MS) == []
    assert playback.clear(400 * MS) == [] and playback.dry_at == 300 * MS
