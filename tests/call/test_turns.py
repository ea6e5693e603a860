"""Who has the floor, what a hold becomes, when silence is asked about."""

import pytest

from app.call.setup import Timings
from app.call.turns import FLOOR, Floor, Hold, Sign, Silence, Turns

T = Timings()


def walked(*signs: Sign) -> Floor:
    turns = Turns()
    for sign in signs:
        turns.sign(sign)
    return turns.floor


@pytest.mark.parametrize(
    ("signs", "floor"),
    [
        ([], Floor.QUIET),
        ([Sign.PLAYED], Floor.BOT),
        ([Sign.PLAYED, Sign.HEARD], Floor.QUIET),
        ([Sign.SPOKE, Sign.PAUSED, Sign.TURNED, Sign.PLAYED], Floor.BOT),
        ([Sign.PLAYED, Sign.SPOKE], Floor.HELD),
        ([Sign.PLAYED, Sign.SPOKE, Sign.PAUSED], Floor.HELD),
        ([Sign.PLAYED, Sign.SPOKE, Sign.RESUMED], Floor.BOT),
        ([Sign.PLAYED, Sign.SPOKE, Sign.TURNED], Floor.OWED),
        ([Sign.PLAYED, Sign.INTERRUPTED, Sign.TOOK], Floor.QUIET),
        ([Sign.SPOKE, Sign.OVERLAPPED], Floor.HELD),
    ],
)
def test_signs_move_the_floor(signs: list[Sign], floor: Floor) -> None:
    assert walked(*signs) is floor


def test_every_floor_can_be_reached_and_left() -> None:
    assert {to for to in FLOOR.values()} == set(Floor) == {floor for floor, _ in FLOOR}


def test_a_sign_the_table_does_not_name_changes_nothing() -> None:
    for floor in Floor:
        for sign in set(Sign) - {known for at, known in FLOOR if at is floor}:
            turns = Turns()
            turns.floor = floor
            turns.sign(sign)
            assert turns.floor is floor


def test_a_floor_given_back_goes_to_a_caller_who_speaks() -> None:
    turns = Turns()
    turns.sign(Sign.PLAYED)
    turns.spoke(0)
    turns.sign(Sign.HEARD)
    assert turns.floor is Floor.CALLER


def test_a_blip_ends_after_a_short_quiet() -> None:
    assert Hold(0, 0, spoken_ms=399, quiet_since=1_000).plays_on_at(T, 0) == 1_300


def test_longer_speech_waits_for_the_engine_to_show_a_turn() -> None:
    assert Hold(0, 0, spoken_ms=400, quiet_since=1_000).plays_on_at(T, 0) == 1_000 + 1_750 + 700


def test_an_engine_that_came_later_has_its_time_from_then() -> None:
    hold = Hold(0, 0, spoken_ms=900, quiet_since=1_000)
    assert hold.plays_on_at(T, None) is None
    assert hold.plays_on_at(T, 3_000) == 3_000 + 2_450


def test_two_blips_are_no_blip() -> None:
    turns = Turns()
    turns.sign(Sign.PLAYED)
    turns.begin_hold(0, Sign.SPOKE)
    for at in (0, 400):
        turns.spoke(at)
        turns.paused(at + 250, 250)
    assert turns.hold is not None and turns.hold.spoken_ms == 500
    assert turns.hold.plays_on_at(T, 0) == 650 + 2_450


def test_noise_that_never_ends_does_not_hold_for_ever() -> None:
    assert Hold(0, 500).plays_on_at(T, 0) == 500 + T.give_up_answer


def test_an_engine_that_says_interrupted_has_two_seconds_for_the_words() -> None:
    turns = Turns()
    turns.sign(Sign.PLAYED)
    turns.begin_hold(1_000, Sign.INTERRUPTED)
    turns.interrupted(1_000, incomplete=True)
    turns.interrupted(1_200, incomplete=False)  # said twice
    assert turns.hold is not None and turns.hold.incomplete
    assert turns.hold.plays_on_at(T, 0) == 3_000


def test_while_both_say_that_the_caller_speaks_only_words_can_tell() -> None:
    turns = Turns()
    turns.sign(Sign.PLAYED)
    turns.spoke(1_000)
    turns.begin_hold(1_000, Sign.SPOKE)
    turns.interrupted(1_300, incomplete=True)
    assert turns.hold is not None and turns.hold.plays_on_at(T, 0) is None
    turns.paused(5_000, 4_000)
    assert turns.hold.plays_on_at(T, 0) == 5_000 + 2_450  # never before the transcript could have come


def test_speech_is_unheeded_until_the_engine_shows_that_it_knows() -> None:
    turns = Turns()
    turns.spoke(1_000)
    assert turns.unheeded
    turns.turned_at = 1_500
    assert not turns.unheeded


def test_silence_is_asked_about_twice() -> None:
    silence = Silence(T)
    silence.watch(True, 0)
    assert not silence.due(11_999) and silence.due(12_000)
    assert [silence.ask(12_000), silence.ask(24_000), silence.ask(36_000)] == [True, True, False]


def test_any_sound_begins_the_silence_anew() -> None:
    silence = Silence(T)
    silence.watch(True, 0)
    silence.watch(False, 5_000)
    silence.watch(True, 6_000)
    assert silence.deadline() == 18_000
