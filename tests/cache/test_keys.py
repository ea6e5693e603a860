"""A key is a hash of all that shapes the sound."""

from dataclasses import replace

import pytest

from app.cache.keys import Making, Narrator, phrase_key, wording_key

MAKING = Making(Narrator("tiffany", "en-US"), "nova_sonic", "nova-2")


def test_a_key_is_the_same_in_every_process() -> None:
    assert phrase_key("Good day!", MAKING) == "fc9d04a48ff3bb98fea5d40401fa8dce"


@pytest.mark.parametrize(
    "other",
    [
        replace(MAKING, narrator=Narrator("matthew", "en-US")),
        replace(MAKING, narrator=Narrator("tiffany", "en-GB")),
        replace(MAKING, engine="offline"),
        replace(MAKING, model="nova-3"),
        replace(MAKING, format="pcm16/24000"),
        replace(MAKING, recipe=99),
    ],
)
def test_any_change_of_the_making_is_another_key(other: Making) -> None:
    assert phrase_key("Good day!", other) != phrase_key("Good day!", MAKING)


def test_a_changed_word_is_another_key_and_white_space_is_not() -> None:
    assert phrase_key("Good days!", MAKING) != phrase_key("Good day!", MAKING)
    assert phrase_key(" Good\n  day! ", MAKING) == phrase_key("Good day!", MAKING)


def test_a_wording_has_one_key_whoever_recorded_it() -> None:
    assert wording_key("Good day!", MAKING.narrator) != phrase_key("Good day!", MAKING)
    assert wording_key("Good  day!", MAKING.narrator) == wording_key("Good day!", MAKING.narrator)
