"""What is spoken, measured as sound. Runs with whatever synthesiser the machine has."""

import asyncio

import numpy as np
import pytest

from app.engines.offline import espeak
from app.engines.offline.speak import Speaker, Spoken, finished, offline_voice, speak, spoken_form

SENTENCE = "The shop opens at nine."


def samples(pcm: bytes) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32768


def loudness(pcm: bytes) -> float:
    loud = samples(pcm)[np.abs(samples(pcm)) > 10 ** (-45 / 20)]
    return float(20 * np.log10(np.sqrt(np.mean(loud**2))))


@pytest.mark.parametrize("voice", ["rms", "slt", "awb", "es-419+f3", "en-us"])
def test_every_voice_comes_out_equally_loud_and_never_clipped(voice: str) -> None:
    pcm = speak(SENTENCE, voice, 8000)
    assert loudness(pcm) == pytest.approx(-20, abs=1.5)
    assert np.abs(samples(pcm)).max() < 0.95


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
def test_the_length_does_not_depend_on_the_rate(rate: int) -> None:
    assert len(speak(SENTENCE, "slt", rate)) / 2 / rate == pytest.approx(
        len(speak(SENTENCE, "slt", 16000)) / 32000, 0.05
    )


def test_silence_around_the_words_is_trimmed() -> None:
    words = np.sin(np.arange(16000) / 10).astype(np.float32) * np.float32(0.1)
    silence = np.zeros(16000, np.float32)
    pcm = finished(Spoken(np.concatenate([silence, words, silence]), 16000), 16000)
    assert len(pcm) / 32 == pytest.approx(20 + 1000 + 20 + 140, abs=2)


def test_silence_alone_and_no_words_give_no_sound() -> None:
    assert finished(Spoken(np.zeros(1600, np.float32), 16000), 8000) == b""
    assert speak(" ** ", "slt", 8000) == b""


def test_the_wheel_speaks_where_no_program_is_installed() -> None:
    library = espeak.library()
    assert library is not None
    pcm, rate = library.synthesise(SENTENCE, "en-us")
    assert 0.8 < len(pcm) / 2 / rate < 4
    assert library.synthesise(SENTENCE, "no-such-voice")[0]


async def test_many_speak_at_once() -> None:
    speaker = Speaker()
    spoken = await asyncio.gather(*(speaker.say(f"Number {n}.", "carlos", 8000) for n in range(8)))
    assert all(len(pcm) > 4000 for pcm in spoken)


async def test_what_was_said_lately_is_kept_and_the_memory_bounded() -> None:
    speaker = Speaker(cache_bytes=100_000)
    first = await speaker.say(SENTENCE, "tiffany", 8000)
    assert await speaker.say(SENTENCE, "tiffany", 8000) is first
    for n in range(6):
        await speaker.say(f"{SENTENCE} {n}", "tiffany", 8000)
    assert await speaker.say(SENTENCE, "tiffany", 8000) is not first


@pytest.mark.parametrize(
    ("nova", "language", "voice"),
    [
        ("tiffany", "en-US", "slt"),
        ("Matthew", "en-US", "awb"),
        ("lupe", "es-US", "es-419+f3"),
        ("new", "en-GB", "slt"),
        ("new", "de", "de"),
    ],
)
def test_a_nova_voice_has_an_offline_voice(nova: str, language: str, voice: str) -> None:
    assert offline_voice(nova, language) == voice


def test_figures_and_signs_are_read_as_people_read_them() -> None:
    assert spoken_form("Order 4712 costs €15 & is ready at 9:00, not 9:30.") == (
        "Order 4 7 1 2 costs 15 euros and is ready at 9 o'clock, not 9 30."
    )
    assert spoken_form("Open 10–19.") == "Open 10 to 19."
