"""`offhook cache` as staff use it, on a copy of the shipped content and with the offline voice."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.cache import app

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("prompts", "cache/phrases"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    monkeypatch.setenv("CONTENT_DIR", str(tmp_path))
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_render_then_status_then_nothing_left_to_do(home: Path) -> None:
    assert run("status").exit_code == 1
    first = run("render", "--json")
    assert first.exit_code == 0
    assert "greeting" in json.loads(first.stdout)["rendered"]
    assert run("status").exit_code == 0
    assert json.loads(run("render", "--json").stdout)["rendered"] == []


def test_status_names_every_phrase_and_its_state(home: Path) -> None:
    run("render", "greeting")
    states = {item["phrase"]: item["state"] for item in json.loads(run("status", "--json").stdout)}
    assert states["greeting"] == "ready"
    assert states["goodbye"] == "missing"


def test_play_says_where_the_file_is(home: Path) -> None:
    run("render", "wait")
    answer = json.loads(run("play", "wait", "--json").stdout)
    assert Path(answer["file"]).is_file()
    assert answer["ms"] > 500


def test_play_of_a_phrase_that_is_not_rendered_is_a_finding_and_of_an_unknown_one_a_misuse(home: Path) -> None:
    assert run("play", "wait").exit_code == 1
    assert run("play", "nonsense").exit_code == 2
    assert run("render", "nonsense").exit_code == 2


def test_a_broken_page_is_shown_with_file_line_and_fix(home: Path) -> None:
    page = home / "cache" / "phrases" / "house.yaml"
    page.write_text(page.read_text().replace("kind: wait", "kind: await"))
    broken = run("render")
    assert broken.exit_code == 1
    assert "cache/phrases/house.yaml:" in broken.output
    assert "Choose" in broken.output
