"""`offhook prompts` as staff use it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.prompts import app

PARCELS = Path(__file__).parents[1] / "whole" / "content"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(shutil.copytree(PARCELS, tmp_path / "content", ignore=shutil.ignore_patterns("__pycache__")))
    monkeypatch.setenv("CONTENT_DIR", str(folder))
    return folder


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return result.stdout


def test_what_is_right_is_said_and_what_is_silent_is_a_warning() -> None:
    said = run("check")
    assert "is right (agents: 1" in said
    assert "warning: cache/phrases: greeting" in said and "offhook cache render" in said


def test_faults_of_prompts_phrases_and_tools_come_together_with_their_places(desk: Path) -> None:
    agent = desk / "prompts" / "desk.md"
    agent.write_text(agent.read_text().replace("voice: matthew", "voice: mathew"))
    (desk / "cache" / "phrases" / "more.yaml").write_text("phrases:\n  hi: {kind: greetings, text: {en-US: Hi}}\n")
    (desk / "tools" / "broken.py").write_text("def (:\n")
    said = run("check", code=1)
    assert "prompts/desk.md:2: voice: there is no voice 'mathew'. Voices for en-US: tiffany, matthew" in said
    assert "cache/phrases/more.yaml:2: phrases.hi.kind" in said
    assert "tools/broken.py:1" in said
    document = json.loads(run("check", "--json", code=1))
    assert document["edition"] is None
    assert {fault["file"] for fault in document["faults"]} == {
        "prompts/desk.md",
        "cache/phrases/more.yaml",
        "tools/broken.py",
    }
    assert all(fault["fix"] for fault in document["faults"])


def test_agents_are_listed_with_what_they_answer_and_speak() -> None:
    [row] = json.loads(run("list", "--json"))
    assert (row["agent"], row["numbers"], row["voices"]) == ("desk", ["default"], {"en-US": "matthew"})
    assert "matthew" in run("list")


def test_what_a_model_is_sent_is_shown_for_a_caller_and_an_hour() -> None:
    shown = json.loads(run("show", "desk", "--from", "+14155550123", "--at", "2026-12-24T17:30", "--json"))
    assert shown["system"].startswith("You are the telephone desk of Harbour Parcels")
    assert shown["opening"] == "My number ends in 0 1 2 3."
    assert "first block of the history" in run("show", "desk")


@pytest.mark.parametrize("words", [("desc",), ("desk", "--at", "tomorrow"), ("desk", "--language", "fr-FR")])
def test_what_is_asked_wrongly_is_not_done(words: tuple[str, ...]) -> None:
    run("show", *words, code=2)
