"""How commands talk to people: also after the stream they began with is gone."""

import io
import json
import sys

import pytest
import structlog
import typer

from app.cli.talk import MISUSED, WRONG, checked_content, fail, logging_to_stderr, read_settings, tell
from app.content.faults import ContentError, Fault


def test_a_logger_writes_to_the_stderr_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    log = structlog.get_logger()
    monkeypatch.setattr(sys, "stderr", first)
    logging_to_stderr(json_lines=True)
    log.warning("one")
    monkeypatch.setattr(sys, "stderr", second)
    first.close()
    log.warning("two")
    assert '"event": "two"' in second.getvalue()


def test_what_was_found_is_one_document_or_lines(capsys: pytest.CaptureFixture[str]) -> None:
    tell({"café": 1}, ["one", "two"], as_json=True)
    tell({"café": 1}, ["one", "two"], as_json=False)
    assert capsys.readouterr().out == '{"café": 1}\none\ntwo\n'


def test_a_problem_is_said_to_people_and_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        fail("there is no such agent", as_json=True)
    told = capsys.readouterr()
    assert ended.value.exit_code == MISUSED
    assert (json.loads(told.out), told.err) == ({"error": "there is no such agent"}, "there is no such agent\n")


def test_faults_of_the_content_end_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, checked_content(True, edition=None):
        raise ContentError([Fault("prompts/routes.yaml", 3, "default", "is missing", "Write it")])
    told = json.loads(capsys.readouterr().out)
    assert (ended.value.exit_code, told["edition"], told["faults"][0]["line"]) == (WRONG, None, 3)


def test_a_wrong_environment_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAX_CALLS", "many")
    with pytest.raises(typer.Exit) as ended:
        read_settings(as_json=True)
    told = capsys.readouterr()
    assert ended.value.exit_code == MISUSED
    assert told.err.startswith("MAX_CALLS: ") and "MAX_CALLS" in json.loads(told.out)["error"]
