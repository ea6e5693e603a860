"""The row of an overload: whose frames count, and when there is no figure at all."""

from app.simulator.load.orders import CallResult, RunResult
from app.simulator.load.overload import Storm, row
from app.simulator.load.stages import Measured
from app.simulator.load.talker import Tally

REFUSED = "not connected: TwiML without a stream: the server takes no more calls"


def run(taken: int, refused: int, late: int, lost: int = 0) -> Storm:
    """Every call that was taken hears a hundred frames, `late` of them late."""
    heard = [CallResult(n, tally=Tally(heard_frames=100, late_frames=late)) for n in range(taken)]
    turned_away = [CallResult(taken + n, trouble=REFUSED) for n in range(refused)]
    broken = [CallResult(taken + refused + n, trouble="the line broke") for n in range(lost)]
    calls = RunResult(heard + turned_away + broken)
    notes = {'offhook_calls_refused_total{why="late"}': float(refused), "offhook_late_frames_total": 7.0}
    measured = Measured(taken + refused + lost, calls, (0, 1), server_cpu=0.31, notes=notes)
    return Storm(measured, 2, True, [4.0, 30.0, 12.0])


def test_the_figure_is_of_those_who_were_taken_and_the_note_counts_the_others() -> None:
    told = row(run(20, 10, 0))
    assert told.figures == {"value": 0} and told.met and told.samples == 2_000
    assert "30 rang, 20 were taken, 10 refused (late 10)" in told.note and "in trouble" not in told.note
    assert "it used 0.31 of a core, its share is 0.33" in told.note and "7 by the server's own count" in told.note
    assert "median 12 ms, most 30 ms" in told.note


def test_late_frames_of_those_who_were_taken_miss_the_target() -> None:
    told = row(run(20, 10, 2))
    assert told.figures == {"value": 2} and told.met is False


def test_where_too_few_rang_there_is_no_figure_and_it_is_said_how_many_it_takes() -> None:
    storm = run(20, 9, 0)
    assert row(storm).figures == {} and row(storm).met is None and "30 would be 1.5 times the knee" in row(storm).note
    assert storm.enough == 30
    nobody_refused = run(8, 0, 0)
    assert not nobody_refused.beyond and nobody_refused.enough == 12


def test_where_nobody_was_taken_there_is_no_figure() -> None:
    assert row(run(0, 5, 0)).figures == {}


def test_calls_that_were_lost_are_no_refusals_and_are_told() -> None:
    assert "1 calls in trouble: the line broke" in row(run(20, 10, 0, lost=1)).note
