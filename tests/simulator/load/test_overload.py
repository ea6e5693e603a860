"""The row of an overload: whose frames count, and when there is no figure at all."""

from app.simulator.load import rows
from app.simulator.load.orders import CallResult, RunResult
from app.simulator.load.stages import Measured
from app.simulator.load.talker import Tally

REFUSED = "not connected: TwiML without a stream: the server takes no more calls"


def run(taken: int, refused: int, late: int) -> Measured:
    """Every call that was taken hears a hundred frames, `late` of them late."""
    heard = [CallResult(n, tally=Tally(heard_frames=100, late_frames=late)) for n in range(taken)]
    turned_away = [CallResult(taken + n, trouble=REFUSED) for n in range(refused)]
    return Measured(taken + refused, RunResult(heard + turned_away), (0, 1))


def test_the_figure_is_of_those_who_were_taken_and_the_note_counts_the_others() -> None:
    row = rows.overload(run(20, 10, 0), [run(20, 0, 0), run(30, 4, 0)], 2, pinned=True)
    assert row.figures == {"value": 0} and row.met and row.samples == 2_000
    assert "carries 20; 30 rang, 20 were taken, 10 refused" in row.note and "in trouble" not in row.note


def test_late_frames_of_those_who_were_taken_miss_the_target() -> None:
    row = rows.overload(run(20, 10, 2), [run(20, 0, 0)], 2, pinned=True)
    assert row.figures == {"value": 2} and row.met is False


def test_where_nobody_was_carried_well_there_is_no_knee_and_no_figure() -> None:
    row = rows.overload(run(8, 0, 0), [run(3, 2, 12), run(2, 8, 14)], 2, pinned=True)
    assert row.figures == {} and row.met is None and "carries 0" in row.note
