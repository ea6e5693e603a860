"""The detector by itself: single frames and short scenes. Its figures on the labelled set are in test_labelled.py."""

import numpy as np
import pytest

from app.audio import tones
from app.audio.tones import Samples
from app.audio.vad import Edge, Sensitivity, SpeechBegan, SpeechDetector, SpeechStopped, is_tone
from tests.audio.speech import pcm_of, pieces, utterances

VOICE = utterances("rms")[3]  # "No thank you"


def edges(line: Samples, detector: SpeechDetector | None = None, played_rms: int = 0) -> list[tuple[int, Edge]]:
    """What the detector says of a line, each with the ms at which it said so."""
    ears = detector or SpeechDetector()
    heard = [(ears.hear(frame, played_rms), at) for at, frame in enumerate(pieces(pcm_of(line), [320]), 1)]
    return [(20 * at, edge) for edge, at in heard if edge]


def on_a_quiet_line(*parts: Samples) -> Samples:
    line = np.concatenate(parts)
    return tones.mix(line, tones.white(len(line) // 8, -65))[: len(line) // 160 * 160]


def test_an_utterance_begins_once_and_stops_once() -> None:
    said = edges(on_a_quiet_line(tones.silence(1_000), VOICE, tones.silence(1_000)))

    assert [type(edge) for _, edge in said] == [SpeechBegan, SpeechStopped]


def test_the_edges_date_themselves_back_to_the_sound() -> None:
    tone_like_voice = tones.chord([150, 450, 900, 1_650, 2_400], 613, -20)
    line = on_a_quiet_line(tones.silence(1_003), tone_like_voice, tones.silence(1_000))
    (began_at, began), (stopped_at, stopped) = edges(line)

    assert isinstance(began, SpeechBegan)
    assert isinstance(stopped, SpeechStopped)
    assert began_at - began.ago_ms == pytest.approx(1_003, abs=2)
    assert stopped_at - stopped.ago_ms == pytest.approx(1_616, abs=20)
    assert stopped.spoken_ms == pytest.approx(613, abs=20)


@pytest.mark.parametrize("hangover_ms", [200, 300, 500])
def test_the_end_is_said_after_the_hangover(hangover_ms: int) -> None:
    line = on_a_quiet_line(tones.silence(1_000), VOICE, tones.silence(1_000))
    stopped = [
        edge for _, edge in edges(line, SpeechDetector(Sensitivity(hangover_ms))) if isinstance(edge, SpeechStopped)
    ]

    assert [edge.ago_ms for edge in stopped] == [hangover_ms]


def test_a_pause_shorter_than_the_hangover_does_not_end_speech() -> None:
    line = on_a_quiet_line(tones.silence(1_000), VOICE, tones.silence(40), VOICE, tones.silence(1_000))

    assert len(edges(line)) == 2


def test_clicks_of_ten_ms_are_no_speech() -> None:
    random = np.random.default_rng(1)
    line = tones.white(30_000, -60, 1)
    for at in range(8_000, len(line) - 80, 4_001):
        line[at : at + 80] = random.integers(-25_000, 25_000, 80)

    assert edges(line) == []


def test_a_line_of_digital_silence_says_nothing_and_then_hears_a_whisper() -> None:
    whisper = (VOICE / 12).astype(np.int16)  # -41.6 dBFS
    line = np.concatenate([tones.silence(3_000), whisper, tones.silence(1_000)])
    said = edges(line[: len(line) // 160 * 160])

    assert [type(edge) for _, edge in said] == [SpeechBegan, SpeechStopped]
    assert said[0][0] > 3_000


def test_noise_that_starts_and_stays_is_one_false_start_and_then_floor() -> None:
    noise = np.concatenate([tones.white(5_000, -60), tones.pink(20_000, -35)])
    line = tones.mix(noise, np.concatenate([tones.silence(20_000), VOICE]))
    said = edges(line)

    assert [type(edge) for _, edge in said] == [SpeechBegan, SpeechStopped] * 2
    assert said[1][0] < 5_000 + 3_500
    assert said[2][0] > 20_000


def test_a_caller_who_speaks_from_the_first_moment_is_heard() -> None:
    said = edges(on_a_quiet_line(VOICE, tones.silence(1_000), VOICE, tones.silence(1_000)))

    assert [type(edge) for _, edge in said] == [SpeechBegan, SpeechStopped] * 2
    assert said[0][0] <= 240


def test_long_speech_is_one_piece() -> None:
    """Ten seconds of it do not become floor."""
    breathless = np.concatenate([np.trim_zeros(utterance)[400:-400] for utterance in utterances("slt")[:12]])
    said = edges(
        on_a_quiet_line(tones.silence(1_000), breathless, tones.silence(1_000)), SpeechDetector(Sensitivity(400))
    )

    assert [type(edge) for _, edge in said] == [SpeechBegan, SpeechStopped]
    assert said[-1][0] > 10_000


def test_more_is_asked_for_while_the_bot_speaks() -> None:
    murmur = on_a_quiet_line(tones.silence(1_000), (VOICE / 8).astype(np.int16), tones.silence(1_000))

    assert edges(murmur) != []
    assert edges(murmur, played_rms=3_000) == []


@pytest.mark.parametrize("key", list(tones.DTMF))
def test_a_key_is_a_tone(key: str) -> None:
    assert is_tone(pcm_of(tones.chord(tones.DTMF[key], 20, -15)))


@pytest.mark.parametrize("name", list(tones.SIGNALS))
def test_a_call_progress_signal_is_a_tone(name: str) -> None:
    assert is_tone(pcm_of(tones.signal(name, 20, -15)))


@pytest.mark.parametrize("voice", ["rms", "slt"])
def test_no_frame_of_a_voice_is_a_tone(voice: str) -> None:
    frames = [frame for utterance in utterances(voice) for frame in pieces(pcm_of(utterance), [320])]

    assert not [at for at, frame in enumerate(frames[:-1]) if len(frame) == 320 and audible(frame) and is_tone(frame)]


def audible(frame: bytes) -> bool:
    return tones.level(np.frombuffer(frame, "<i2").astype(np.int16)) > -35
