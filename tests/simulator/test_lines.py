"""The sound of callers' lines."""

from pathlib import Path

import numpy as np
import pytest

from app.audio import clip as sound
from app.audio.tones import sine
from app.simulator import callscript, lines
from app.simulator.callscript import Say, ScriptError
from app.simulator.lines import SilentVoice, Utterance


def test_an_utterance_knows_where_its_sound_begins_and_ends() -> None:
    quiet = np.zeros(8 * 105, np.int16)
    utterance = Utterance.of_pcm(np.concatenate([quiet, sine(440, 300), quiet]).tobytes())
    assert utterance.duration_ms == 520  # whole frames
    assert abs(utterance.onset_ms - 105) <= 1 and abs(utterance.sounds_until_ms - 405) <= 1
    assert all(len(frame) == 160 for frame in utterance.frames)


def test_a_shipped_line_is_played_and_any_other_is_spoken() -> None:
    script = callscript.parse('say "four seven one two"\nsay "one two three"')
    ready = lines.prepare(script, SilentVoice())
    assert ready[Say("four seven one two")].sounds_until_ms > 500
    assert ready[Say("one two three")].sounds_until_ms == 0


def test_a_file_beside_the_script_is_played(tmp_path: Path) -> None:
    sound.write_wav(tmp_path / "shout.wav", sound.Clip(8000, sine(440, 60)), mulaw=True)
    script = callscript.parse('play "shout.wav"', tmp_path)
    assert lines.prepare(script)[Say("shout.wav", is_file=True)].duration_ms == 60


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"nothing")
    with pytest.raises(ScriptError, match=r"x\.wav"):
        lines.prepare(callscript.parse('play "x.wav"', tmp_path))


def test_the_offline_voice_speaks_telephone_sound() -> None:
    pcm = lines.OfflineVoice().speak("when are you open")
    begin, end = lines.sounding(pcm)
    assert 400 < end - begin < 3000
