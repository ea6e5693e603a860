"""What load callers say: loud where it should be, faint where it should be."""

import base64

import numpy as np
import pytest

from app.audio import g711
from app.simulator.endpointer import Endpointer
from app.simulator.load.speech import ONSET_LEVEL, Utterance, speech
from app.simulator.mind import SpeechBegan, SpeechStopped

WORDS = speech(2_000)


def samples_of(payloads: tuple[str, ...]) -> np.ndarray:
    mulaw = b"".join(base64.b64decode(payload) for payload in payloads)
    return np.frombuffer(g711.decode(mulaw), "<i2").astype(np.int32)


@pytest.mark.parametrize("words", WORDS.utterances)
def test_first_and_last_sound_are_the_first_and_last_sample_over_minus_40_dbfs(words: Utterance) -> None:
    loud = np.flatnonzero(np.abs(samples_of(words.payloads)) > ONSET_LEVEL)
    assert (words.first_sound, words.last_sound) == (loud[0], loud[-1])


def test_every_frame_is_20_ms() -> None:
    payloads = [payload for words in WORDS.utterances for payload in words.payloads]
    assert {len(base64.b64decode(payload)) for payload in (*payloads, *WORDS.silence)} == {160}


def test_silence_is_faint_but_not_digital() -> None:
    silence = samples_of(WORDS.silence)
    assert 0 < np.abs(silence).max() < ONSET_LEVEL / 3


def test_onsets_fall_anywhere_in_a_frame() -> None:
    assert len({words.first_sound % 160 // 40 for words in WORDS.utterances}) >= 3


@pytest.mark.parametrize("words", WORDS.utterances)
def test_an_utterance_has_no_pause_that_a_model_would_take_for_its_end(words: Utterance) -> None:
    endpointer = Endpointer(8_000, pause_ms=500)
    pcm = samples_of(words.payloads + WORDS.silence[:40]).astype("<i2").tobytes()
    kinds = [type(event) for event in endpointer.hear(pcm)]
    assert kinds == [SpeechBegan, SpeechStopped]
