"""The bench's own words: options, table, picture."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from app.cli import bench
from app.cli.bench_runs import Bench, Outcome
from app.cli.bench_show import cells, show
from app.simulator.load.figures import Row, Target
from app.simulator.load.picture import draw

TURN = Row.of("turn", "Turn", "from the last sound to the answer", 40, [700.0, 710.0, 900.0], Target("p50", 780))
COST = Row("cpu-40", "CPU", "user + system", "ms/call-s", 40, 30, {"value": 5.25}, (Target("value", 4),), "a note")
UNKNOWN = Row("late", "Late frames", "frames", "%", 40, 0, {}, (Target("value", 0.1),), "no reply came")


def test_a_row_stands_beside_its_target() -> None:
    assert cells(TURN) == ["Turn", "40", "3", "710", "900", "900", "900", "p50 <= 780", "[green]met[/]"]
    assert cells(COST)[3] == "5.25 ms/call-s" and cells(COST)[-2:] == ["<= 4", "[bold red]missed[/]"]
    assert cells(UNKNOWN)[3] == "-" and cells(UNKNOWN)[-1] == ""


def test_the_table_is_followed_by_definitions_commands_and_notes() -> None:
    screen = io.StringIO()
    outcome = Outcome([TURN, COST, UNKNOWN], options=" --calls 40")
    show(Console(file=screen, width=200), outcome, 12.0, Path("bench-1.png"))
    text = screen.getvalue()
    assert "from the last sound to the answer. offhook bench --only turn --calls 40" in text
    assert "a note" in text and "no reply came" in text and "bench-1.png" in text


def test_the_picture_is_drawn_of_whatever_was_measured(tmp_path: Path) -> None:
    for rows in ([TURN, COST, UNKNOWN], []):
        path = tmp_path / f"{len(rows)}.png"
        draw(path, rows, [(40, 0.2), (50, 0.25)] if rows else [])
        assert path.read_bytes().startswith(b"\x89PNG")


def invoked(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, dict[str, object]]:
    """The command with the runs themselves left out."""
    seen: dict[str, object] = {}

    def run(self: Bench, progress: Callable[[str], None]) -> Outcome:
        seen.update(wanted=self._wanted, sizes=self._sizes)
        return Outcome([TURN])

    monkeypatch.setattr(Bench, "run", run)
    result = CliRunner().invoke(bench.app, list(words))
    return result.exit_code, result.stdout, seen


def test_json_alone_is_one_document_on_stdout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, stdout, _ = invoked(monkeypatch, "--json", "--picture", str(tmp_path / "p.png"))
    assert code == 0 and [row["key"] for row in json.loads(stdout)["rows"]] == ["turn"]


def test_json_with_a_file_leaves_stdout_to_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, stdout, _ = invoked(monkeypatch, "--json", str(tmp_path / "b.json"), "--picture", str(tmp_path / "p.png"))
    assert "Turn" in stdout and json.loads((tmp_path / "b.json").read_text())["rows"]


def test_the_knee_is_sought_only_when_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    picture = ("--picture", str(tmp_path / "p.png"))
    assert "knee" not in invoked(monkeypatch, *picture)[2]["wanted"]  # type: ignore[operator]
    assert "knee" in invoked(monkeypatch, "--knee", *picture)[2]["wanted"]  # type: ignore[operator]
    assert invoked(monkeypatch, "--only", "cpu", *picture)[2]["wanted"] == {"cpu"}


def test_a_row_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoked(monkeypatch, "--only", "speed")[0] == 2
