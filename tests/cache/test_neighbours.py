from app.cache.manners import manners_of
from app.cache.neighbours import Neighbours

ENGLISH = manners_of("en-US")


def of(*examples: str, generic: frozenset[str] = frozenset()) -> Neighbours:
    neighbours = Neighbours()
    for example in examples:
        neighbours.add(example.split(), ENGLISH, generic)
    return neighbours


def test_a_strange_word_is_the_one_that_stands_so_in_an_example() -> None:
    like, meant = of("which brand do you sell").meant(["what", "brand", "do", "you", "smell"], 4, ENGLISH)
    assert meant == "sell"
    assert 0.5 < like < 1


def test_a_word_may_be_heard_as_one_with_the_word_of_grammar_before_it_and_by_its_synonyms() -> None:
    assert of("need for a try ride").meant(["need", "for", "addressed", "ride"], 2, ENGLISH)[1] == "try"


def test_another_word_on_either_side_vouches_for_nothing() -> None:
    brands = of("which brand do you sell")
    assert brands.meant(["which", "brand", "are", "on", "smell"], 4, ENGLISH) == (0.0, "")
    assert brands.meant(["which", "brand", "do", "you", "smell", "best"], 4, ENGLISH) == (0.0, "")


def test_nothing_is_taken_for_a_word_that_is_said_or_that_all_phrases_share() -> None:
    brands = of("which brand do you sell", generic=frozenset(["brand"]))
    assert brands.meant(["sell", "which", "brand", "do", "you", "smell"], 5, ENGLISH) == (0.0, "")
    assert brands.meant(["which", "band", "do", "you", "sell"], 1, ENGLISH) == (0.0, "")
