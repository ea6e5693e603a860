"""The live resampler against its figures: what passes, what is kept out, how late it is, that cuts do not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio import tones
from app.audio.clip import Clip, resample
from app.audio.resample import Resampler, design_of
from app.audio.tones import Samples
from tests.audio.speech import pcm_of, pieces, samples_of

PAIRS = [(8_000, 16_000), (24_000, 8_000), (16_000, 8_000), (8_000, 24_000), (16_000, 24_000), (24_000, 16_000)]
EVERY_PAIR = [*PAIRS, (8_000, 8_000), (48_000, 8_000), (8_000, 48_000)]
FLAT_DB, DEEP_DB = 0.5, 70.0


def through(samples: Samples, rate_in: int, rate_out: int) -> Samples:
    return samples_of(Resampler(rate_in, rate_out).push(pcm_of(samples)))


def gain_db(hz_in: float, hz_out: float, rate_in: int, rate_out: int) -> float:
    """How much of a sine at `hz_in` comes out at `hz_out`, once the filter has settled."""
    sent = tones.sine(hz_in, 600, dbfs=-6, rate=rate_in)
    heard = through(sent, rate_in, rate_out)[rate_out // 10 :]
    return tones.goertzel(heard, hz_out, rate_out) - tones.goertzel(sent, hz_in, rate_in)


@pytest.mark.parametrize("hz", [50, 300, 1_000, 2_000, 3_000, 3_200, 3_400])
@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_the_telephone_band_passes_unchanged(rate_in: int, rate_out: int, hz: int) -> None:
    assert abs(gain_db(hz, hz, rate_in, rate_out)) < FLAT_DB


@pytest.mark.parametrize("hz", [100, 1_000, 2_000, 2_500, 3_000])
def test_images_from_5_khz_up_are_70_db_down_going_from_8_to_16_khz(hz: int) -> None:
    assert gain_db(hz, 8_000 - hz, 8_000, 16_000) < -DEEP_DB


@pytest.mark.parametrize("hz", [100, 1_000, 2_000, 2_500, 3_000])
def test_both_images_are_70_db_down_going_from_8_to_24_khz(hz: int) -> None:
    assert gain_db(hz, 8_000 - hz, 8_000, 24_000) < -DEEP_DB
    assert gain_db(hz, 8_000 + hz, 8_000, 24_000) < -DEEP_DB


@pytest.mark.parametrize("hz", [5_000, 5_500, 6_000, 7_000, 7_900])
def test_what_would_fold_down_from_5_khz_up_is_70_db_down_going_from_16_to_8_khz(hz: int) -> None:
    assert gain_db(hz, 8_000 - hz, 16_000, 8_000) < -DEEP_DB


@pytest.mark.parametrize("hz", [5_000, 5_500, 6_000, 7_000, 9_000, 10_500, 11_900])
def test_what_would_fold_down_from_5_khz_up_is_70_db_down_going_from_24_to_8_khz(hz: int) -> None:
    assert gain_db(hz, abs(hz - 8_000), 24_000, 8_000) < -DEEP_DB


@pytest.mark.parametrize(("rate_in", "rate_out"), [(8_000, 16_000), (24_000, 8_000), (16_000, 8_000), (8_000, 24_000)])
def test_the_taps_themselves_keep_the_figures_at_every_frequency(rate_in: int, rate_out: int) -> None:
    design = design_of(rate_in, rate_out)
    fast = max(rate_in, rate_out)
    impulse = design.matrix[::-1] if rate_out < rate_in else design.matrix
    taps = impulse[:, 0] if rate_out < rate_in else interleaved(design.matrix, rate_out // rate_in)
    response = np.abs(np.fft.rfft(taps, 1 << 15)) / taps.sum()
    hz = np.fft.rfftfreq(1 << 15, 1 / fast)

    assert 20 * np.log10(response[hz <= 3_400].min()) > -FLAT_DB
    assert 20 * np.log10(response[hz <= 3_400].max()) < FLAT_DB
    assert 20 * np.log10(response[hz >= 5_000].max()) < -DEEP_DB


def interleaved(matrix: np.ndarray, gain: int) -> np.ndarray:
    """The prototype's taps, from the columns in which they were spread out."""
    rows = matrix.shape[0]
    return np.array([matrix[rows - 1 - at // gain, -gain + at % gain] for at in range(rows * gain)])


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_sound_is_at_most_2_ms_late(rate_in: int, rate_out: int) -> None:
    click = np.zeros(rate_in // 10, np.int16)
    click[rate_in // 50] = 30_000
    heard = through(click, rate_in, rate_out)
    late_ms = int(np.abs(heard.astype(np.int32)).argmax()) * 1_000 / rate_out - 20

    assert 0 <= late_ms <= 2.0


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_speech_and_noise_are_as_late_as_a_click(rate_in: int, rate_out: int) -> None:
    noise = Clip(8_000, tones.pink(300, -20, seed=3))
    sent, wanted = resample(noise, rate_in), resample(noise, rate_out).samples.astype(np.float64)
    heard = through(sent.samples, rate_in, rate_out).astype(np.float64)
    agreement = np.correlate(heard, wanted, "full")[len(wanted) - 1 :]

    assert int(agreement.argmax()) * 1_000 / rate_out == pytest.approx(1.96, abs=1_000 / rate_out)


@pytest.mark.parametrize(("rate_in", "rate_out"), EVERY_PAIR)
def test_a_frame_in_gives_a_frame_out_from_the_first_on(rate_in: int, rate_out: int) -> None:
    resampler = Resampler(rate_in, rate_out)

    assert [len(resampler.push(bytes(rate_in // 25))) for _ in range(5)] == [rate_out // 25] * 5


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(EVERY_PAIR), st.lists(st.integers(1, 700), min_size=1, max_size=8), st.integers(0, 2**31))
def test_any_cutting_of_a_stream_gives_the_same_samples(pair: tuple[int, int], sizes: list[int], seed: int) -> None:
    noise = pcm_of(tones.white(70, -6, seed, rate=pair[0]))
    whole, cut = Resampler(*pair).push(noise), Resampler(*pair)

    assert b"".join(cut.push(piece) for piece in pieces(noise, [2 * size for size in sizes])) == whole


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(EVERY_PAIR), st.integers(1, 999))
def test_a_reset_leaves_no_tail(pair: tuple[int, int], before: int) -> None:
    used = Resampler(*pair)
    used.push(pcm_of(tones.white(60, -3, rate=pair[0])[:before]))
    used.reset()
    tone = pcm_of(tones.sine(440, 40, rate=pair[0]))

    assert used.push(bytes(pair[0] // 25)) == bytes(pair[1] // 25)
    assert used.push(tone) == _after_silence(pair, tone)


def _after_silence(pair: tuple[int, int], tone: bytes) -> bytes:
    fresh = Resampler(*pair)
    fresh.push(bytes(pair[0] // 25))
    return fresh.push(tone)


def test_a_full_scale_square_is_cut_off_and_does_not_turn_over() -> None:
    square = np.where(np.arange(1_600) // 40 % 2, 32_767, -32_768).astype(np.int16)
    heard = through(square, 8_000, 16_000)

    assert heard.max() == 32_767
    assert heard.min() == -32_768
    assert (heard[200:240] > 20_000).all() or (heard[200:240] < -20_000).all()


def test_the_filter_is_the_plain_sum_it_says_it_is() -> None:
    noise = tones.white(100, -20, seed=5)
    slow = np.zeros(2 * len(noise))
    slow[::2] = noise
    design = design_of(8_000, 16_000)
    plain = np.convolve(slow, interleaved(design.matrix, 2))[: len(slow)]

    assert (through(noise, 8_000, 16_000) == np.rint(plain)).all()


@pytest.mark.parametrize("rate", [0, 7_999, 11_025, 44_100, 96_000])
def test_a_rate_it_cannot_serve_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match=str(rate)):
        Resampler(rate, 8_000)
