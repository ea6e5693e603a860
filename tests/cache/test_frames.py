import pytest

from app.cache.manners import manners_of
from app.cache.wish import asks_twice, clauses, kind_of, wish

ENGLISH = manners_of("en-US")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("How much is a service?", "price"),
        ("What does a service cost?", "price"),
        ("How long does a repair take?", "long"),
        ("What time do you close?", "when"),
        ("Can you tell me where you are?", "where"),
        ("Is there parking?", "ask"),
        ("I wanted to know if I can pay by card", "ask"),
        ("Are you a robot?", "be"),
        ("What brands do you sell?", "which"),
        ("Opening hours, please", ""),
    ],
)
def test_what_a_caller_asks_about(said: str, kind: str) -> None:
    assert kind_of(wish(said, ENGLISH), ENGLISH) == kind


def test_a_part_that_asks_nothing_asks_what_the_first_does() -> None:
    assert clauses(["do", "you", "take", "cash", "or", "card"], ENGLISH) == [
        ["do", "you", "take", "cash"],
        ["do", "you", "take", "card"],
    ]


def test_a_part_that_asks_stands_for_itself() -> None:
    words = ["where", "are", "you", "and", "when", "do", "you", "close"]
    assert clauses(words, ENGLISH) == [["where", "are", "you"], ["when", "do", "you", "close"]]
    assert asks_twice(words, ENGLISH)
    assert not asks_twice(["do", "you", "take", "cash", "or", "card"], ENGLISH)
