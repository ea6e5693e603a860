"""The dashboard as a picture, from what a Prometheus answers."""

from pathlib import Path
from typing import Any, cast

import pytest
from matplotlib.image import imread

from app.cli.bench_board import Prometheus, board, shown
from app.cli.board_picture import draw, spelled


class Answers:
    """Two series for every query."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def range(self, query: str, start: float, end: float) -> list[dict[str, Any]]:
        self.asked.append(query)
        values = [[start + at, str(0.1 * at)] for at in range(5)] + [[start + 5, "NaN"]]
        return [{"metric": {"part": part, "kind": part}, "values": values} for part in ("one", "two")]


def test_every_panel_is_asked_for_and_drawn_in_its_place(tmp_path: Path) -> None:
    answers = Answers()
    drawn = [shown(cast(Prometheus, answers), panel, 1_000.0, 1_005.0) for panel in board()]
    assert len(answers.asked) == sum(len(panel.get("targets", ())) for panel in board())
    assert not any("$" in query for query in answers.asked)
    parts = next(panel for panel in drawn if panel.title == "Parts of a turn, p50")
    assert [curve.name for curve in parts.curves] == ["one", "two"]
    assert parts.curves[0].points[1] == (1.0, 0.1)
    turn = next(panel for panel in drawn if panel.title == "Turn")
    assert turn.limits == [0.4, 0.8]
    draw(tmp_path / "board.png", drawn, "a test")
    height, width, _ = imread(tmp_path / "board.png").shape
    assert width > 1_000 and height > 1_000


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.25, "s", "250 ms"), (1.5, "s", "1.50 s"), (0.021, "percentunit", "2.1 %"), (float("nan"), "s", "no data")],
)
def test_a_value_is_spelled_with_its_unit(value: float, unit: str, text: str) -> None:
    assert spelled(value, unit) == text
