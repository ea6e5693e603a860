"""The scripted mind's parts: its ear, its script, its voice."""

import random
import statistics
import wave
from pathlib import Path

import audioop
import numpy as np
import pytest

from app.simulator.endpointer import Endpointer
from app.simulator.mind import SpeechBegan, SpeechStopped
from app.simulator.prepared_audio import babble, recording, tone
from app.simulator.script import Script, ScriptError, read_script, script_from, thinking_from

LOUD, QUIET = 440.0, 0.0


def sound(*parts: tuple[float, int], rate: int = 8_000) -> bytes:
    return b"".join(tone(hertz, ms / 1000, rate) if hertz else bytes(rate * ms // 500) for hertz, ms in parts)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
@pytest.mark.parametrize("cut_ms", [20, 33, 100, 1_000])
def test_speech_is_found_where_it_is_however_it_arrives(rate: int, cut_ms: int) -> None:
    ear = Endpointer(rate, onset_ms=60, pause_ms=200)
    pcm = sound((QUIET, 300), (LOUD, 400), (QUIET, 100), (LOUD, 200), (QUIET, 500), rate=rate)
    step = rate * cut_ms // 1000 * 2
    found = [event for at in range(0, len(pcm), step) for event in ear.hear(pcm[at : at + step])]
    assert found == [SpeechBegan(300), SpeechStopped(1_000, 1_200)]


def test_a_click_is_no_speech_and_a_whisper_under_the_threshold_neither() -> None:
    ear = Endpointer(8_000, threshold_dbfs=-40, onset_ms=60, pause_ms=200)
    whisper = audioop.mul(sound((LOUD, 400)), 2, 0.01)
    assert ear.hear(sound((QUIET, 100), (LOUD, 40), (QUIET, 400)) + whisper) == []


def test_babble_is_never_silent_and_as_long_as_asked() -> None:
    for rate in (8_000, 24_000):
        pcm = babble(2.0, rate)
        assert len(pcm) == 2 * 2 * rate
        frame = rate // 50 * 2
        levels = [audioop.rms(pcm[at : at + frame], 2) for at in range(0, len(pcm), frame)]
        assert min(levels) > 327, "every 20 ms is over -40 dBFS"


def test_a_recording_is_brought_to_the_rate(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(tone(1_000, 0.5, 16_000))
    heard = np.frombuffer(recording(tmp_path / "a.wav", 8_000), "<i2")
    assert len(heard) == 4_000
    assert np.abs(np.fft.rfft(heard)).argmax() * 8_000 / 4_000 == 1_000


def test_thinking_times_follow_their_distribution() -> None:
    thinking = thinking_from({"lognormal": {"median": 700, "p99": 1500}})
    chance = random.Random(3)
    times = sorted(thinking.draw_ms(chance) for _ in range(4000))
    assert abs(statistics.median(times) - 700) < 20
    assert abs(times[int(len(times) * 0.99)] - 1500) < 150
    assert thinking_from(250).draw_ms(chance) == 250
    assert 400 <= thinking_from({"uniform": [400, 900]}).draw_ms(chance) <= 900
    assert thinking_from({"normal": [700, 0]}).draw_ms(chance) == 700


SCRIPT = """
seed: 7
listening: {threshold_dbfs: -35, pause_ms: 400}
thinking: 300
turns:
  - heard: where is my order
    use_tool: {name: find_order, arguments: {id: A17}}
    say: ["It is {status}.", {text: "Anything else?", seconds: 1.5}]
patterns:
  - {when: "hours|open", say: We open at nine.}
otherwise: {heard: hello, say: [{text: "Pardon?", wav: pardon.wav}]}
"""


def test_a_script_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SCRIPT)
    script = read_script(path)
    first = script.turn(1, random.Random(1))
    assert first is not None and first.use_tool is not None
    assert (first.heard, first.use_tool.arguments) == ("where is my order", {"id": "A17"})
    assert [line.seconds for line in first.say] == [None, 1.5]
    assert script.turn(2, random.Random(1)) is None
    assert script.answer_to("Are you OPEN now?").say[0].text == "We open at nine."
    assert script.answer_to("what").say[0].wav == tmp_path / "pardon.wav"
    assert script.listening.threshold_dbfs == -35


def test_a_cycling_script_begins_again() -> None:
    script = script_from({"cycle": True, "turns": [{"say": "a"}, {"say": "b"}]})
    assert [turn.say[0].text for n in range(1, 5) if (turn := script.turn(n, random.Random(1)))] == ["a", "b", "a", "b"]


def test_an_empty_script_still_answers(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("")
    assert read_script(tmp_path / "s.yaml") == Script()


@pytest.mark.parametrize(
    "values",
    [
        [],
        {"turn": []},
        {"thinking": "long"},
        {"thinking": {"lognormal": {"median": 0, "p99": 1}}},
        {"turns": [{"says": "a"}]},
        {"turns": [{"say": [{"words": "a"}]}]},
        {"patterns": [{"when": "("}]},
        {"listening": {"pause": 3}},
    ],
)
def test_a_script_that_cannot_be_meant_is_explained(values: object) -> None:
    with pytest.raises(ScriptError):
        script_from(values)


def test_a_shuffled_script_draws_any_turn_at_any_time() -> None:
    script = script_from({"shuffled": True, "turns": [{"say": "a"}, {"say": "b"}]})
    chance = random.Random(1)
    drawn = {turn.say[0].text for _ in range(30) if (turn := script.turn(1, chance))}
    assert drawn == {"a", "b"}
