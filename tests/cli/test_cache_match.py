"""`offhook cache match` on the shipped content."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.cache import app

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTENT_DIR", str(REPOSITORY))


def match(*words: str) -> Result:
    return CliRunner().invoke(app, ["match", *words])


def test_a_known_question_is_answered_and_the_reason_shown() -> None:
    found = match("when are you open")
    assert found.exit_code == 0
    assert "opening_hours answers this" in found.output


def test_a_second_wish_is_left_to_the_model_and_its_words_are_named() -> None:
    found = match("when are you open and where is my order", "--json")
    assert found.exit_code == 1
    decision = json.loads(found.output)
    assert decision["match"] is None
    assert "order" in decision["refused"]
    assert decision["candidates"][0]["phrase"] == "opening_hours"


def test_an_agent_that_is_not_there_is_a_misuse() -> None:
    found = match("when are you open", "--agent", "nobody")
    assert found.exit_code == 2
    assert "nobody" in found.output
