"""Speech is a tone here: the endpointer knows loudness only."""

import numpy as np
import pytest

from app.engines.offline.endpoint import BEFORE_ONSET_MS, Began, Endpointer, Mark, PhraseEnded, TurnEnded, Voice

RATE = 8000


def tone(ms: int, dbfs: float = -20.0) -> bytes:
    times = np.arange(RATE * ms // 1000) / RATE
    return (np.sin(2 * np.pi * 300 * times) * 32767 * 10 ** (dbfs / 20) * 2**0.5).astype("<i2").tobytes()


def noise(ms: int, dbfs: float) -> bytes:
    samples = np.random.default_rng(7).normal(0, 32768 * 10 ** (dbfs / 20), RATE * ms // 1000)
    return np.clip(samples, -32768, 32767).astype("<i2").tobytes()


def quiet(ms: int) -> bytes:
    return bytes(RATE * ms // 1000 * 2)


def marks(audio: bytes, endpointing_ms: int = 1000, piece: int = 320) -> list[Mark]:
    endpointer = Endpointer(RATE, endpointing_ms)
    return [mark for at in range(0, len(audio), piece) for mark in endpointer.push(audio[at : at + piece])]


def spoken(found: list[Mark]) -> list[Mark]:
    return [mark for mark in found if not isinstance(mark, Voice)]


def test_a_turn_begins_at_its_onset_and_ends_after_the_pause_asked_for() -> None:
    found = spoken(marks(quiet(500) + tone(800) + quiet(1500)))
    assert found == [Began(500), PhraseEnded(), TurnEnded(1300, 2300)]


@pytest.mark.parametrize("endpointing_ms", [200, 400, 1500])
def test_the_pause_is_the_one_asked_for(endpointing_ms: int) -> None:
    assert spoken(marks(quiet(500) + tone(800) + quiet(2000), endpointing_ms))[-1] == TurnEnded(
        1300, 1300 + endpointing_ms
    )


def test_a_pause_within_a_turn_parts_phrases_not_turns() -> None:
    found = spoken(marks(quiet(500) + tone(500) + quiet(600) + tone(500) + quiet(1500)))
    assert found == [Began(500), PhraseEnded(), PhraseEnded(), TurnEnded(2100, 3100)]


def test_the_pieces_pushed_do_not_matter() -> None:
    audio = quiet(500) + tone(800) + quiet(1500)
    assert spoken(marks(audio, piece=34)) == spoken(marks(audio, piece=8000)) == spoken(marks(audio))


def test_the_moment_before_the_onset_is_heard_too_and_nothing_twice() -> None:
    audio = quiet(1000) + tone(400) + quiet(1500)
    heard = b"".join(mark.pcm for mark in marks(audio) if isinstance(mark, Voice))
    onset_decided = 1000 + 60
    start = (onset_decided - BEFORE_ONSET_MS) * RATE // 1000 * 2
    assert heard == audio[start : start + len(heard)]


def test_a_click_and_a_faint_echo_are_no_speech() -> None:
    assert marks(quiet(500) + tone(40) + quiet(1500)) == []
    assert marks(quiet(500) + tone(2000, dbfs=-45) + quiet(1500)) == []


def test_steady_noise_is_no_speech_and_speech_above_it_is() -> None:
    line = noise(4000, -50)
    assert marks(line) == []
    loud = np.frombuffer(noise(800, -22), "<i2")
    assert spoken(marks(line + loud.tobytes() + noise(1500, -50)))[0] == Began(4000)


def test_a_noise_that_never_ends_is_cut_into_phrases() -> None:
    found = spoken(marks(quiet(500) + tone(16_000)))
    assert found.count(PhraseEnded()) == 1
