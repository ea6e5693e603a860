"""`offhook tools pin`, `check`, `run` and `list` with a real MCP server; `offhook tools knowledge`."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.tools import app

REPOSITORY = Path(__file__).parents[2]
QUESTIONS = REPOSITORY / "tests" / "tools" / "knowledge" / "questions.yaml"
FRAME = "Repairs and warranty: Warranty on new bicycles"
PAGE = f"""servers:
  parts:
    command: {sys.executable}
    args: [parts_server.py]
    env: [TOOL_PARTS_KEY]
    tools: [find_part]
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "mcp.yaml").write_text(PAGE)
    shutil.copy(REPOSITORY / "tests" / "tools" / "parts_server.py", tmp_path)
    monkeypatch.setenv("CONTENT_DIR", str(tmp_path))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TOOL_PARTS_KEY", "k3y")
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_a_server_s_tools_are_pinned_checked_listed_and_run(home: Path) -> None:
    unpinned = run("check")
    assert unpinned.exit_code == 1 and "offhook tools pin" in unpinned.output
    pinned = run("pin", "--json")
    assert (pinned.exit_code, json.loads(pinned.stdout)) == (0, {"pinned": {"parts": ["find_part"]}})
    assert run("check", "--live").exit_code == 0
    [row] = json.loads(run("list", "--json").stdout)
    assert (row["name"], row["file"], row["parameters"]) == ("find_part", "tools/mcp.yaml", ["name", "most"])
    done = run("run", "find_part", "name=bell", "most=two", "--json")
    assert json.loads(done.stdout)["result"] == {"part": "bell", "count": 2, "key": "k3y"}

    lock = home / "tools" / "mcp.lock.json"
    lock.write_text(lock.read_text().replace("store room", "cellar"))
    [fault] = json.loads(run("check", "--live", "--json").stdout)["faults"]
    assert (fault["line"], fault["problem"]) == (6, "find_part is offered otherwise than pinned")


def test_what_is_not_offered_or_not_set_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = home / "tools" / "mcp.yaml"
    page.write_text(PAGE.replace("[find_part]", "[find_part, pick, fly]"))
    missing = run("pin")
    assert missing.exit_code == 1 and "parts offers no fly" in missing.stdout
    page.write_text(PAGE.replace("[find_part]", "[find_part, pick]"))
    assert "pick: where is not plain" in run("pin").stdout
    assert not (home / "tools" / "mcp.lock.json").exists()
    page.write_text(PAGE)
    assert run("pin").exit_code == 0
    monkeypatch.delenv("TOOL_PARTS_KEY")
    [fault] = json.loads(run("check", "--json").stdout)["faults"]
    assert (fault["field"], fault["problem"]) == ("servers.parts.env", "TOOL_PARTS_KEY is not set")
    page.unlink()
    assert run("pin").exit_code == 2


def test_knowledge_shows_what_is_found_and_how_often_that_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTENT_DIR", str(REPOSITORY))
    found = run("knowledge", "how long is the warranty on a new frame", "--json")
    best = json.loads(found.stdout)["passages"][0]
    assert (found.exit_code, best["source"], best["told"]) == (
        0,
        "Repairs and warranty: Warranty on new bicycles",
        True,
    )
    assert run("knowledge", "zzzz").exit_code == 1
    assert run("knowledge").exit_code == 2
    rows = {row["part"]: row for row in json.loads(run("knowledge", "--questions", str(QUESTIONS), "--json").stdout)}
    assert rows["answered"]["questions"] == 30 and rows["answered"]["at_3"] >= 28
    assert "right passage first" in run("knowledge", "--questions", str(QUESTIONS)).stdout
