"""Rows out of what a stage measured."""

from app.simulator.load import rows
from app.simulator.load.figures import MS
from app.simulator.load.orders import CallResult, RunResult
from app.simulator.load.sonic_log import Heard
from app.simulator.load.stages import Measured
from app.simulator.load.talker import Tally, Turn

WINDOW = (0, 10_000 * MS)


def a_call(number: int, delay_ms: float = 3.0, late: int = 0) -> tuple[CallResult, Heard]:
    """500 frames of one long turn, each at the model `delay_ms` after it was written, and an answer."""
    sent = [20 * (k + 1) * MS for k in range(500)]
    turn = Turn(frame=0, first_sound=0, last_sound=160 * 440, answered=9_700 * MS)
    tally = Tally(talking=35, listening=45, silent=20, heard_frames=1_000, late_frames=late)
    result = CallResult(number, started=1, first_media=11 * MS, turns=[turn], tally=tally, sent=sent)
    arrivals = [(640 * (k + 1), at + int(delay_ms * MS)) for k, at in enumerate(sent)]
    return result, Heard(number, f"{number:04d}", [(0, 0), *arrivals], [9_690 * MS])


def measured(calls: int = 2, delay_ms: float = 3.0, late: int = 0, **given: float) -> Measured:
    results, heard = zip(*(a_call(number, delay_ms, late) for number in range(calls)), strict=True)
    whole = Measured(calls, RunResult(list(results)), WINDOW, list(heard), server_cpu=0.008)
    for name, value in given.items():
        setattr(whole if hasattr(whole, name) else whole.result, name, value)
    return whole


def test_added_delays_are_told_for_speech_with_the_filter_and_for_the_way_down() -> None:
    up, onset, quiet, down = rows.added(measured(), None)
    assert up.figures["p50"] == 5.0 and up.met is True and up.samples == 2 * 436
    assert onset.samples == 10 and quiet.samples == 2 * 58
    assert down.figures["max"] == 10.0


def test_the_tail_may_exceed_the_bare_echo_by_ten_ms() -> None:
    echoing = measured()
    for call in echoing.result.calls:
        call.returned = [at + 4 * MS for at in call.sent]
    up = rows.added(measured(), rows.bare_echo(echoing))[0]
    assert [str(target) for target in up.targets] == ["p50 <= 5", "p95 <= 15", "p99 <= 14"]


def test_a_call_that_no_session_can_be_matched_with_is_told() -> None:
    lost = measured()
    lost.heard.pop()
    assert "1 not matched with a session" in rows.added(lost, None)[0].note


def test_a_turn_is_told_with_the_models_own_part() -> None:
    whole, engine = rows.turn(measured(), think_ms=700)
    assert whole.figures["p50"] - engine.figures["p50"] == 10.0
    assert [str(target) for target in whole.targets] == ["p50 <= 780", "p95 <= 1100"]


def test_cpu_is_told_for_each_call_and_second_with_the_shares_that_were_held() -> None:
    row = rows.cpu(measured())
    assert row.figures == {"value": 4.0} and row.met is True
    assert row.note == "talking 35%, listening 45%, silent 20%"


def test_memory_is_what_the_calls_added() -> None:
    row = rows.memory(measured(idle_rss=100_000_000, full_rss=106_000_000))
    assert row.figures == {"value": 3.0} and row.met is False


def test_late_frames_are_told_in_percent() -> None:
    assert rows.late_frames(measured(late=2)).figures == {"value": 0.2}


def test_decision_to_written_is_not_made_up() -> None:
    row = rows.barge_in(measured())[1]
    assert row.figures == {} and row.met is None and "not measured" in row.note


def test_first_words_that_never_came_are_told() -> None:
    deaf = measured()
    deaf.result.calls[0].first_media = 0
    row = rows.first_word(deaf, "2 calls", 50)
    assert row.samples == 1 and "1 heard nothing" in row.note


def test_a_late_generator_says_so_beside_its_figures() -> None:
    assert "generator-limited" in rows.late_frames(measured(lateness_ms=12.0)).note


def test_calls_a_core_is_the_largest_number_that_went_well() -> None:
    steps = [measured(1), measured(2), measured(3, delay_ms=20.0)]
    row = rows.calls_a_core(steps, pinned=True)
    assert row.figures == {"value": 2.0}
    assert row.note.startswith("tried 1 well (5.0 ms, 0.00 % late, 8.0 ms CPU), 2 well (5.0 ms")
    assert row.note.endswith("3 not well (22.0 ms, 0.00 % late, 2.7 ms CPU)")


def test_where_the_generator_gave_in_first_a_core_carries_at_least_so_many_and_perhaps() -> None:
    steps = [measured(2), measured(3, delay_ms=20.0, lateness_ms=12.0)]
    note = rows.calls_a_core(steps, pinned=True).note
    assert note.startswith("generator-limited (its own p99 lateness is 12.0 ms), at least 2; estimate 175 = 700 / CPU")


def test_callers_a_late_server_refused_are_told_with_its_reason() -> None:
    notes = {'offhook_calls_refused_total{why="late"}': 3.0, 'offhook_calls_refused_total{why="calls"}': 0.0}
    assert "the server refused 3 (late)" in rows.late_frames(measured(notes=notes)).note  # type: ignore[arg-type]
