"""`offhook messages`, as staff use it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.messages import app
from app.records.messages import MessageBook, Word

ABOUT = "the blue wheel"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    book = MessageBook(f"sqlite:///{tmp_path}/messages.db")
    book.keep(Word("RE1", "voicemail", "CA1", 1_000, caller="+14155550123", recording_url="https://x/RE1", seconds=9))
    book.keep(Word("K2", "call_back", "CA2", 2_000, caller="+14155550124", about=ABOUT, wanted_at="after five"))
    book.close()
    return lambda *words: CliRunner().invoke(app, list(words))


def test_open_messages_are_listed_with_their_numbers_whole(run: Any) -> None:
    listed = json.loads(run("--json").stdout)
    assert [(one["id"], one["kind"], one["caller"]) for one in listed] == [
        (2, "call_back", "+14155550124"),
        (1, "voicemail", "+14155550123"),
    ]
    shown = run("list").stdout
    assert "+14155550124" in shown and ABOUT in shown


def test_one_is_shown_and_marked_as_done(run: Any) -> None:
    assert "after five" in run("show", "2").stdout
    assert run("done", "2").exit_code == 0
    assert [one["id"] for one in json.loads(run("list", "--json").stdout)] == [1]
    everything = json.loads(run("list", "--all", "--json").stdout)
    assert [(one["id"], one["done"]) for one in everything] == [(1, False), (2, True)]


def test_what_is_not_there_is_said_with_exit_code_1(run: Any) -> None:
    for words in (("show", "7"), ("done", "7", "--json")):
        assert run(*words).exit_code == 1


def test_a_database_that_is_gone_names_its_variable_and_no_password(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/at/all?password=hunter2")
    told = run("list", "--json")
    assert told.exit_code == 1 and "hunter2" not in told.output
