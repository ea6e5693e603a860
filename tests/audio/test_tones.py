import numpy as np
import pytest

from app.audio import tones


@pytest.mark.parametrize("kind", [tones.white, tones.pink, tones.babble])
def test_noise_has_the_level_asked_for_and_is_the_same_again(kind: type) -> None:
    noise = kind(2_000, -35, 4)

    assert tones.level(noise) == pytest.approx(-35, abs=0.05)
    assert (noise == kind(2_000, -35, 4)).all()
    assert (noise != kind(2_000, -35, 5)).any()


def test_pink_noise_loses_three_db_an_octave() -> None:
    power = np.abs(np.fft.rfft(tones.pink(20_000, -20).astype(float))) ** 2
    hz = np.fft.rfftfreq(160_000, 1 / 8_000)
    bands = [power[(hz >= low) & (hz < 2 * low)].mean() for low in (200, 400, 800, 1_600)]

    assert np.diff(10 * np.log10(bands)) == pytest.approx([-3.0] * 3, abs=0.5)


def test_goertzel_finds_a_tone_and_nothing_beside_it() -> None:
    tone = tones.sine(1_000, 100, dbfs=-20)

    assert tones.goertzel(tone, 1_000) == pytest.approx(-20, abs=0.01)
    assert tones.goertzel(tone, 1_500) < -80


def test_every_key_is_told_from_every_other() -> None:
    line = tones.dtmf("".join(tones.DTMF), on_ms=60, off_ms=40)
    heard = [tones.dtmf_key(line[at : at + 480]) for at in range(0, len(line), 800)]

    assert heard == list(tones.DTMF)


def test_noise_and_single_tones_are_no_keys() -> None:
    assert tones.dtmf_key(tones.white(50)) is None
    assert tones.dtmf_key(tones.sine(770, 50)) is None
    assert tones.dtmf_key(tones.silence(50)) is None


def test_a_busy_signal_is_half_a_second_on_and_half_a_second_off() -> None:
    busy = tones.signal("busy", 2_000, -20)

    assert tones.level(busy[:4_000]) == pytest.approx(-20, abs=0.2)
    assert not busy[4_000:8_000].any()


def test_a_mixture_stops_at_full_scale() -> None:
    loud = np.full(10, 30_000, np.int16)

    assert (tones.mix(loud, loud[:5]) == [32_767] * 5 + [30_000] * 5).all()
