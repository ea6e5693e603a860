from importlib.resources import files

from app.simulator import voices


def test_every_listed_line_has_its_audio_and_every_file_is_listed() -> None:
    listed = voices.lines()
    assert {entry.name for entry in files(voices).iterdir() if entry.name.endswith(".wav")} == set(listed.values())
    for text in listed:
        audio = voices.line(text)
        assert audio is not None
        assert 1.0 < len(audio) / 2 / voices.RATE < 4.0


def test_capitals_and_punctuation_do_not_matter() -> None:
    assert voices.line("wait sorry one question") == voices.line("Wait, sorry, one question.")


def test_a_line_that_is_not_shipped_has_no_audio() -> None:
    assert voices.line("Sell me a bridge.") is None
