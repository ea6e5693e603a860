"""A reading is kept when its words, its end and its pace are right, and refused with the reason otherwise."""

import numpy as np
import pytest

from app.audio.clip import Clip, from_pcm
from app.call.events import Stop
from app.content.spoken import syllables
from app.engines.proof import Reading, flaw
from app.simulator.prepared_audio import babble

RATE = 16_000
WORDS = "We are open from 9 to 5."  # 8 syllables


def sound(seconds: float) -> Clip:
    return from_pcm(babble(seconds, RATE), RATE)


def with_pause(ms: int) -> Clip:
    part = sound(0.8).samples
    return Clip(RATE, np.concatenate([part, np.zeros(RATE * ms // 1000, np.int16), part]))


def flaw_of(clip: Clip, said: str | None = "we are open from nine to five", stop: Stop | None = Stop.END_TURN) -> str:
    return flaw(Reading(clip, said, stop), WORDS, "en-US")


def test_the_same_words_at_a_human_pace_may_be_kept() -> None:
    assert flaw_of(sound(1.8)) == ""


def test_spanish_may_be_read_quicker_than_english() -> None:
    for language, kept in (("es-US", True), ("en-US", False)):
        words = "Abrimos de martes a sábado." if kept else "There are racks at the entrance door."
        quick = sound(syllables(words, language) / 7.5)
        assert (flaw(Reading(quick, words, Stop.END_TURN), words, language) == "") is kept


@pytest.mark.parametrize(
    ("said", "stop", "reason"),
    [
        ("We are closed.", Stop.END_TURN, "it said 'We are closed.'"),
        (None, Stop.END_TURN, "did not tell"),
        (WORDS, None, "did not end"),
        (WORDS, Stop.INTERRUPTED, "INTERRUPTED"),
    ],
)
def test_other_words_or_another_end_are_refused(said: str | None, stop: Stop | None, reason: str) -> None:
    assert reason in flaw_of(sound(1.8), said, stop)


@pytest.mark.parametrize(("seconds", "good"), [(0.9, False), (1.2, True), (3.8, True), (4.7, False)])
def test_two_to_six_syllables_a_second(seconds: float, good: bool) -> None:
    assert (flaw_of(sound(seconds)) == "") is good


def test_silence_at_the_ends_is_no_speech() -> None:
    quiet = np.zeros(2 * RATE, np.int16)
    assert "took 0.5 s" in flaw_of(Clip(RATE, np.concatenate([quiet, sound(0.5).samples, quiet])))


def test_a_pause_inside_is_at_most_600_ms() -> None:
    assert flaw_of(with_pause(560)) == ""
    assert "silent for" in flaw_of(with_pause(660))


def test_no_sound_at_all() -> None:
    assert "took 0.0 s" in flaw_of(Clip(RATE, np.zeros(0, np.int16)))
