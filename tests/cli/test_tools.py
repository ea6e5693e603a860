"""`offhook tools` as staff use it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.tools import app
from app.simulator.shop import Shop

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(REPOSITORY / "tools", tmp_path / "tools")
    monkeypatch.setenv("CONTENT_DIR", str(tmp_path))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TOOL_HOSTS", raising=False)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_list_names_each_tool_and_where_it_is_written(home: Path) -> None:
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows["find_order"]["file"] == "tools/orders.yaml"
    assert (rows["book_repair"]["effects"], rows["find_order"]["effects"]) == (True, False)
    assert "find_order" in run("list").stdout


def test_check_is_content_with_what_is_shipped(home: Path) -> None:
    assert run("check").exit_code == 0


def test_check_names_file_line_and_fix(home: Path) -> None:
    page = home / "tools" / "orders.yaml"
    page.write_text(page.read_text().replace("method: GET", "method: FETCH"))
    broken = run("check", "--json")
    [fault] = json.loads(broken.stdout)["faults"]
    assert (broken.exit_code, fault["file"], fault["field"]) == (1, "tools/orders.yaml", "method")


def test_check_says_what_the_environment_lacks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = home / "tools" / "orders.yaml"
    page.write_text(page.read_text() + 'headers: {Authorization: "Bearer {{ TOOL_ORDERS_KEY }}"}\n')
    monkeypatch.setenv("TOOL_HOSTS", "other.example.com")
    faults = json.loads(run("check", "--json").stdout)["faults"]
    assert [fault["field"] for fault in faults] == ["url", "headers.Authorization"]
    assert "TOOL_HOSTS" in faults[0]["fix"] and "TOOL_ORDERS_KEY_HOST=" in faults[1]["fix"]


def test_run_does_what_a_call_would(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Shop(home / "tools" / "data" / "orders.json") as shop:
        monkeypatch.setenv("TOOL_HOSTS", shop.tool_hosts)
        assert run("check", "--live").exit_code == 0
        done = run("run", "find_order", "number=four seven one two", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["outcome"], document["result"]["found"]) == (0, "ok", True)
    assert document["ms"] >= 0


def test_a_refusal_is_a_finding_and_an_unknown_tool_a_misuse(home: Path) -> None:
    assert run("run", "find_order", "number=12").exit_code == 1
    assert run("run", "fly").exit_code == 2
    assert run("run", "find_order", "4712").exit_code == 2
