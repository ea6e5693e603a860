"""The detector's figures on the labelled set: what is promised, counted on every scene of it."""

from functools import cache

import numpy as np
import pytest

from app.audio import tones
from app.audio.labelled import (
    Echo,
    Scene,
    Score,
    evaluate,
    hiss,
    in_noise,
    keys_and_signals,
    lined_up,
    noise_of,
    onset_of,
    with_echo,
)
from app.audio.tones import Samples
from tests.audio.speech import VOICES, utterances

NOISES = ("white", "pink", "babble")
DELAYS_MS = (60, 120, 200, 300)


def scored(scenes: list[Scene]) -> Score:
    return sum((evaluate(scene) for scene in scenes), Score())


def bot(gap_ms: int, louder_db: float = 0.0) -> Samples:
    speech = lined_up([*utterances("slt"), *utterances("rms")], seed=9, gap_ms=gap_ms).line
    return tones.to_samples(speech * 10 ** (louder_db / 20))


@cache
def in_every_noise(snr_db: int) -> Score:
    """Two voices, three noises, three arrangements: 360 utterances."""
    speech = [lined_up(utterances(voice), seed) for voice in VOICES for seed in (1, 2, 3)]
    return scored([in_noise(scene, kind, snr_db, seed) for seed, scene in enumerate(speech) for kind in NOISES])


@pytest.mark.parametrize("snr_db", [30, 20, 10])
def test_at_most_one_onset_in_a_hundred_is_missed(snr_db: int) -> None:
    score = in_every_noise(snr_db)

    assert score.spoken == 360
    assert score.missed <= score.spoken / 100, score.names
    assert score.false_starts <= 1, score.names


@pytest.mark.parametrize(("snr_db", "p50_ms", "p95_ms"), [(30, 40, 50), (20, 45, 60), (10, 70, 200)])
def test_an_onset_is_decided_in_time(snr_db: int, p50_ms: int, p95_ms: int) -> None:
    """60 ms at 20 dB is promised; the others are what we measured, with a little room."""
    score = in_every_noise(snr_db)

    assert score.delay(50) <= p50_ms
    assert score.delay(95) <= p95_ms


def test_edges_are_dated_honestly_at_20_db() -> None:
    score = scored([in_noise(lined_up(utterances(voice), 7), "pink", 20, 7) for voice in VOICES])

    assert np.percentile(score.onset_errors, [5, 95]) == pytest.approx([0, 10], abs=25)
    assert np.percentile(score.end_errors, [25, 75]) == pytest.approx([0, 0], abs=40)


@pytest.mark.parametrize(
    ("kind", "dbfs"), [("white", -55), ("white", -35), ("pink", -55), ("pink", -35), ("babble", -40)]
)
def test_ten_minutes_of_noise_have_at_most_one_false_start(kind: str, dbfs: int) -> None:
    score = evaluate(Scene(kind, noise_of(kind, 600_000, dbfs, seed=7)))

    assert score.minutes == pytest.approx(10)
    assert score.false_starts <= 1, score.names


def test_ten_minutes_of_tones_have_at_most_one_false_start() -> None:
    score = scored([keys_and_signals(dbfs, seed) for dbfs in (-8, -13, -20, -26) for seed in (1, 2)])

    assert score.minutes > 10
    assert score.false_starts <= 1, score.names


@pytest.mark.parametrize("gap_ms", [150, 600])
@pytest.mark.parametrize("loss_db", [20, 25, 30])
def test_ten_minutes_of_echo_while_the_bot_speaks_have_at_most_one_false_start(loss_db: int, gap_ms: int) -> None:
    score = scored([with_echo(hiss(150_000, -65, ms), bot(gap_ms), Echo(loss_db, ms)) for ms in DELAYS_MS])

    assert score.minutes == pytest.approx(10)
    assert score.false_starts <= 1, score.names


def test_the_echo_of_a_softer_bot_is_no_speech_either() -> None:
    score = scored([with_echo(hiss(150_000, -65, ms), bot(250, -8), Echo(25, ms)) for ms in DELAYS_MS])

    assert score.false_starts <= 1, score.names


@pytest.mark.parametrize(("loss_db", "p95_ms"), [(45, 60), (30, 60), (25, 70), (20, 85)])
def test_a_caller_who_interrupts_over_the_echo_is_heard(loss_db: int, p95_ms: int) -> None:
    callers = [in_noise(lined_up(utterances(voice), ms), "white", 45, ms) for voice in VOICES for ms in DELAYS_MS]
    echoes = [Echo(loss_db, ms) for _ in VOICES for ms in DELAYS_MS]
    score = scored([with_echo(caller, bot(150), echo) for caller, echo in zip(callers, echoes, strict=True)])

    assert score.missed <= score.spoken / 100, score.names
    assert score.delay(95) <= p95_ms


def test_the_true_onset_is_the_first_loud_sample_of_sound_that_lasts() -> None:
    click, voice = np.full(8, 500, np.int16), tones.chord([200, 400], 100, -20)
    truth = onset_of(np.concatenate([tones.silence(50), click, tones.silence(49), voice, tones.silence(50)]))

    assert truth is not None
    assert truth.start == pytest.approx(800, abs=8)
    assert truth.end == pytest.approx(1_600, abs=8)
    assert onset_of(tones.silence(100)) is None
