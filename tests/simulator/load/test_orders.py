"""What passes between the bench and its generators."""

from pathlib import Path

from app.simulator.load.orders import CallResult, Orders, RunResult, load, save
from app.simulator.load.talker import Habits, KeyPress, Tally, Turn


def test_orders_arrive_as_they_were_given() -> None:
    habits = Habits(500, 300, 900, interrupts_after=(1, 2))
    orders = Orders("http://x/", [1, 3], 4, 5, 6, 7, (8, 9), habits, first=1, turns=2, cpu=[1])
    arrived = Orders.read(orders.text())
    assert arrived.text() == orders.text()
    assert arrived.window == (8, 9) and arrived.habits.talk_ms == 500


def test_a_result_comes_back_whole(tmp_path: Path) -> None:
    call = CallResult(
        7, 1, 2, [Turn(3, 4, 5)], Tally(talking=6), KeyPress(8, True, 9, 10), "lost", [10**15, 10**15 + 1], []
    )
    save(tmp_path / "result.json", RunResult([call], 1.5, 0.25))
    assert load(tmp_path / "result.json") == RunResult([call], 1.5, 0.25)


def test_results_of_several_generators_add_up() -> None:
    whole = RunResult([CallResult(1)], 2.0, 0.1)
    whole.add(RunResult([CallResult(2, trouble="lost")], 1.0, 0.2))
    assert len(whole.calls) == 2 and whole.lateness_ms == 2.0 and whole.troubles() == ["lost"]
