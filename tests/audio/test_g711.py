import numpy as np

from app.audio import g711, tones
from tests.audio.speech import pcm_of, samples_of


def test_silence_is_the_byte_the_telephone_means_by_it() -> None:
    assert g711.encode(bytes(320)) == g711.SILENCE * 160
    assert g711.decode(g711.SILENCE * 160) == bytes(320)


def test_every_mulaw_byte_comes_back_as_the_same_level() -> None:
    levels = g711.decode(bytes(range(256)))

    assert g711.round_trip(levels) == levels


def test_a_tone_keeps_its_level_and_37_db_of_clearness() -> None:
    tone = tones.sine(1_000, 200, dbfs=-15)
    heard = samples_of(g711.round_trip(pcm_of(tone)))

    assert abs(tones.goertzel(heard, 1_000) - tones.goertzel(tone, 1_000)) < 0.1
    assert tones.level((heard.astype(np.int32) - tone).astype(np.int16)) < -15 - 36
