import pytest

from app.cache.sound import NEAR, alike, joined, likeness, nearly


@pytest.mark.parametrize(
    ("heard", "meant"),
    [("ours", "hours"), ("branch", "brand"), ("parked", "park")],
)
def test_what_sounds_alike_may_be_misheard(heard: str, meant: str) -> None:
    assert NEAR <= likeness(heard, meant) < 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("my", "your"),
        ("today", "ready"),
        ("where", "when"),
        ("sale", "call"),
        ("sale", "sell"),
        ("book", "bike"),
        ("light", "lot"),
    ],
)
def test_what_sounds_otherwise_is_another_word(one: str, other: str) -> None:
    assert likeness(one, other) == 0


def test_words_parted_in_the_wrong_place_are_joined_again() -> None:
    assert joined("a", "dress", "address")
    assert joined("car", "park", "carpark")
    assert not joined("who", "open", "open")


def test_a_stretch_of_words_is_compared_as_one() -> None:
    assert alike("ourviewof", "areyoua")
    assert not alike("onchristmas", "areyou")


@pytest.mark.parametrize(("heard", "meant"), [("smell", "sell"), ("gone", "done"), ("addressed", "atest")])
def test_where_all_around_speaks_for_a_word_less_likeness_will_do(heard: str, meant: str) -> None:
    assert likeness(heard, meant) == 0 < nearly(heard, meant)


@pytest.mark.parametrize(("one", "other"), [("safe", "space"), ("paint", "rent"), ("door", "store"), ("coin", "cash")])
def test_another_thing_is_not_even_nearly_the_word(one: str, other: str) -> None:
    assert nearly(one, other) == 0
