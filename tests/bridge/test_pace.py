"""What counts as a slow answer follows the engine."""

from app.bridge.pace import AnswerPace


def test_until_enough_turns_were_seen_the_floor_holds() -> None:
    pace = AnswerPace(2_500)
    for _ in range(19):
        pace.answered(9_000)
    assert pace.slow_ms() == 2_500


def test_a_quick_engine_keeps_the_floor() -> None:
    pace = AnswerPace(2_500)
    for ms in range(600, 900, 10):
        pace.answered(ms)
    assert pace.slow_ms() == 2_500


def test_a_slow_engine_is_given_half_as_long_again_as_nine_answers_in_ten_take() -> None:
    pace = AnswerPace(2_500)
    for ms in [1_000] * 90 + [3_000] * 30:
        pace.answered(ms)
    assert pace.slow_ms() == 4_500


def test_old_turns_are_forgotten() -> None:
    pace = AnswerPace(2_500)
    for ms in [9_000] * 200 + [700] * 200:
        pace.answered(ms)
    assert pace.slow_ms() == 2_500
