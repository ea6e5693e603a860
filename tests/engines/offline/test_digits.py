import pytest

from app.engines.offline.digits import with_figures


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("what about order four seven one two", "what about order 4712"),
        ("order forty seven twelve", "order 4712"),
        ("order forty-seven twelve please", "order 4712 please"),
        ("four thousand seven hundred twelve", "4712"),
        ("two hundred five", "205"),
        ("double four oh seven", "4407"),
        ("triple nine", "999"),
        ("nineteen eighty four", "1984"),
        ("a table for two people", "a table for 2 people"),
    ],
)
def test_numbers_are_written_as_figures(said: str, written: str) -> None:
    assert with_figures(said) == written


def test_a_lone_one_stays_a_word() -> None:
    assert with_figures("wait sorry one question") == "wait sorry one question"


def test_words_that_sound_like_figures_count_inside_or_at_the_end_of_a_number() -> None:
    assert with_figures("seven for one to") == "7412"
    assert with_figures("i want to talk to two of you") == "i want to talk to 2 of you"
