"""`--person`: who can be called, as an option."""

from pathlib import Path

import pytest
import typer

from app.cli.persons import persons


def test_people_are_named_with_what_they_do(tmp_path: Path) -> None:
    script = tmp_path / "anna.call"
    script.write_text("wait 2s\nhang up\n")
    told = persons(["+15035550101=no-answer", "sip:a@b.example=machine", "support=answers", f"+15035550102={script}"])
    assert told["+15035550101"].status == "no-answer" and told["sip:a@b.example"].answered_by == "machine"
    assert (told["support"].status, told["support"].talk_ms) == ("completed", None)
    assert told["+15035550102"].script is not None


@pytest.mark.parametrize("wrong", ["+15035550101", "=busy", "+15035550101=asleep", "+15035550101=none.call"])
def test_what_is_not_understood_names_the_fix(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        persons([wrong])
    assert ended.value.exit_code == 2 and "--person" in capsys.readouterr().err
