from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audio import clip, g711, tones
from app.audio.clip import BadWav, Clip


def test_a_stereo_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    left, right = Clip(8_000, tones.sine(440, 100)), Clip(8_000, tones.sine(600, 150))
    clip.write_wav(tmp_path / "both.wav", clip.stereo(left, right))
    read = clip.read_wav(tmp_path / "both.wav")

    assert (read.rate, read.channels, read.ms) == (8_000, 2, 150)
    assert (read.samples[:800, 0] == left.samples).all()
    assert not read.samples[800:, 0].any()
    assert (read.samples[:, 1] == right.samples).all()


def test_a_mulaw_file_holds_a_byte_a_sample() -> None:
    sound = Clip(8_000, tones.sine(440, 100))
    data = clip.wav_bytes(sound, mulaw=True)

    assert len(data) == 44 + 800
    assert clip.parse_wav(data).pcm == g711.round_trip(sound.pcm)


@pytest.mark.parametrize(
    ("kind", "bits", "body"),
    [
        (1, 8, bytes([128, 255, 0])),
        (1, 24, b"\x00\x00\x00\xff\xff\x7f\x00\x00\x80"),
        (1, 32, b"\x00\x00\x00\x00\xff\xff\xff\x7f\x00\x00\x00\x80"),
        (3, 32, np.array([0, 1, -1], "<f4").tobytes()),
    ],
)
def test_other_widths_are_read_to_the_same_scale(kind: int, bits: int, body: bytes) -> None:
    samples = clip.parse_wav(wav(kind, bits, body)).samples

    assert samples == pytest.approx([0, 32_767, -32_768], abs=255)


def wav(kind: int, bits: int, body: bytes) -> bytes:
    block = bits // 8
    numbers = [(kind, 2), (1, 2), (8_000, 4), (8_000 * block, 4), (block, 2), (bits, 2)]
    header = b"".join(number.to_bytes(size, "little") for number, size in numbers)
    odd = b"note\x03\x00\x00\x00abc\x00"  # a chunk to be passed over, padded to even length
    data = b"data" + len(body).to_bytes(4, "little") + body
    return b"RIFF\0\0\0\0WAVE" + odd + b"fmt \x10\x00\x00\x00" + header + data


@given(st.binary(max_size=60), st.integers(0, 44))
def test_bytes_that_are_no_wav_are_refused_and_nothing_else_happens(garbage: bytes, keep: int) -> None:
    data = clip.wav_bytes(Clip(8_000, tones.silence(1)))[:keep] + garbage
    try:
        clip.parse_wav(data)
    except BadWav:
        return
    assert data.startswith(b"RIFF")


def test_levelling_brings_speech_to_its_loudness_and_no_peak_over_the_limit() -> None:
    quiet = Clip(8_000, np.concatenate([tones.silence(500), tones.sine(440, 500, -45)]))

    assert clip.loudness(quiet) == pytest.approx(-45, abs=0.1)
    assert clip.loudness(clip.levelled(quiet, -20)) == pytest.approx(-20, abs=0.1)
    assert np.abs(clip.levelled(quiet, 0).samples).max() <= tones.from_db(-1) + 1
    assert not clip.levelled(Clip(8_000, tones.silence(10))).samples.any()


def test_trimming_keeps_a_little_silence_at_both_ends() -> None:
    sound = np.concatenate([tones.silence(300), tones.sine(440, 200), tones.silence(500)])

    assert clip.trimmed(Clip(8_000, sound), keep_ms=20).ms == pytest.approx(240, abs=1)
    assert clip.trimmed(Clip(8_000, tones.silence(300))).ms == 0


def test_the_longest_pause_lies_between_two_sounds() -> None:
    rate = 8_000
    sound = np.full(rate // 5, 3_000, np.int16)

    def hush(ms: int) -> tones.Samples:
        return np.zeros(rate * ms // 1000, np.int16)

    whole = Clip(rate, np.concatenate([hush(900), sound, hush(200), sound, hush(500), sound, hush(900)]))
    assert clip.longest_pause(whole) == 500
    assert clip.longest_pause(Clip(rate, hush(500))) == clip.longest_pause(Clip(rate, hush(0))) == 0


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_resampling_keeps_length_level_and_pitch(rate: int) -> None:
    resampled = clip.resample(Clip(22_050, tones.sine(1_000, 1_000, -20, rate=22_050)), rate)

    assert resampled.ms == 1_000
    assert tones.goertzel(resampled.samples, 1_000, rate) == pytest.approx(-20, abs=0.05)


def test_a_clip_goes_to_the_telephone_as_mulaw_of_the_same_length() -> None:
    both = clip.stereo(Clip(24_000, tones.sine(440, 300, rate=24_000)), Clip(24_000, tones.silence(300, 24_000)))
    mulaw = clip.to_mulaw(both)

    assert len(mulaw) == 2_400
    assert tones.goertzel(clip.from_mulaw(mulaw).samples, 440) == pytest.approx(-26, abs=0.2)
