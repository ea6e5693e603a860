"""The language of scripted callers."""

from pathlib import Path

import pytest

from app.simulator import callscript
from app.simulator.callscript import (
    ExpectHeard,
    ExpectQuiet,
    ExpectSilence,
    HangUp,
    Interrupt,
    LeaveTones,
    Press,
    Say,
    ScriptError,
    Wait,
    WaitForBeep,
    WaitForHangUp,
    WaitForQuiet,
    WaitForSpeech,
)


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("wait 2s", Wait(2000)),
        ("wait for speech", WaitForSpeech()),
        ("wait for speech within 4s", WaitForSpeech(4000)),
        ("wait for quiet", WaitForQuiet(700, 60_000)),
        ("wait for quiet 900ms within 5s", WaitForQuiet(900, 5000)),
        ("wait for hang up within 20s", WaitForHangUp(20_000)),
        ('say "when are you open"', Say("when are you open")),
        ("say 'it is \"open\"'", Say('it is "open"')),
        ('say "what\'s that"', Say("what's that")),
        ('play "angry.wav"', Say("angry.wav", is_file=True)),
        ('interrupt after 1.2s "sorry wait"', Interrupt(1200, "sorry wait")),
        ("press 1 2 3 #", Press("123#")),
        ("leave tones 160ms", LeaveTones(160)),
        ("leave tones 0ms", LeaveTones(0)),
        ("wait for beep", WaitForBeep()),
        ("wait for beep within 20s", WaitForBeep(20_000)),
        ("press 12*d", Press("12*D")),
        ("expect speech within 3s", WaitForSpeech(3000, required=False)),
        ("expect quiet within 500ms", ExpectQuiet(500)),
        ("expect silence 2s", ExpectSilence(2000)),
        ("expect heard at least 1.5s", ExpectHeard(1500)),
        ("expect hung up within 10s", WaitForHangUp(10_000, required=False)),
        ("hang up", HangUp()),
        ("  HANG   UP  ", HangUp()),
    ],
)
def test_each_form_of_a_line_is_understood(line: str, action: object) -> None:
    assert callscript.parse(line).steps[0].action == action


def test_comments_and_blank_lines_say_nothing() -> None:
    script = callscript.parse('# somebody\n\nsay "number # one"   # aloud\npress 1 #\npress 2   # the second\n')
    assert [step.action for step in script.steps] == [Say("number # one"), Press("1#"), Press("2")]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("wait for speech\nsay hello", ["line 2", 'say "when are you open"']),
        ("sing", ["line 1", "begins with one of"]),
        ("press 1 x", ["line 1", "X is not on a telephone"]),
        ('say ""', ["line 1", "quotes are empty"]),
        ("expect loudness", ["line 1", "expect silence 2s"]),
        ("wait 3", ["line 1", "wait 2s"]),
        ("# nothing", ["no steps"]),
    ],
)
def test_a_wrong_line_is_named_with_its_fix(text: str, names: list[str]) -> None:
    with pytest.raises(ScriptError) as wrong:
        callscript.parse(text)
    assert all(name in str(wrong.value) for name in names)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"missing\.call"):
        callscript.load(tmp_path / "missing.call")


def test_lines_to_prepare_are_listed_once_in_order() -> None:
    script = callscript.parse('say "a"\ninterrupt after 1s "b"\nsay "a"\nplay "c.wav"')
    assert script.lines == (Say("a"), Say("b"), Say("c.wav", is_file=True))
