"""Wordings that sound alike are the same words, others are not; and how many syllables a wording has."""

import pytest

from app.content.numbers import in_words
from app.content.spoken import same_words, syllables


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Goodbye!", "goodbye"),
        ("We open at 9.", "we open at nine"),
        ("We open at 9:00 a.m.", "We open at nine AM"),
        ("It is 9:30.", "it is nine thirty"),
        ("It is 9:05.", "It is nine oh five."),
        ("Nine to five", "9-5"),
        ("9:00 – 17:30", "nine to seventeen thirty"),
        ("nine o'clock", "9:00"),
        ("It costs $45.", "It costs forty-five dollars."),
        ("$45.50", "forty five dollars and fifty cents"),
        ("$1", "one dollar"),
        ("50 cents", "fifty cents"),
        ("$1,234", "one thousand two hundred and thirty-four dollars"),
        ("order 4712", "order four seven one two"),
        ("order 4712", "order forty seven twelve"),
        ("in 2026", "in twenty twenty-six"),
        ("a hundred and five", "105"),
        ("March 3rd", "March third"),
        ("50%", "fifty percent"),
        ("Spoke & Chain", "Spoke and Chain"),
        ("e-mail us", "Email us"),
        ("0412", "zero four one two"),
        ("3.5 miles", "three point five miles"),
    ],
)
def test_english_said_alike(written: str, said: str) -> None:
    assert same_words(written, said, "en-US")
    assert same_words(said, written, "en-US")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a las 9:30", "a las nueve y media"),
        ("a las 9:15", "A las nueve y quince."),
        ("de 9 a 17", "de nueve a diecisiete"),
        ("cuesta $45", "cuesta cuarenta y cinco dólares"),
        ("$45.50", "cuarenta y cinco dólares con cincuenta centavos"),
        ("1234", "mil doscientos treinta y cuatro"),
        ("el 3 de marzo", "el tres de marzo"),
        ("¡Adiós!", "adiós"),
        ("ciento cinco", "105"),
    ],
)
def test_spanish_said_alike(written: str, said: str) -> None:
    assert same_words(written, said, "es-US")


@pytest.mark.parametrize(
    ("written", "said", "language"),
    [
        ("We open at 9.", "We open at 10.", "en-US"),
        ("We are open.", "We were open.", "en-US"),
        ("It costs $45.", "It costs $45 or so.", "en-US"),
        ("It costs $45.", "It costs 45 euros.", "en-US"),
        ("9:30", "9:13", "en-US"),
        ("Thank you. Goodbye!", "Thank you.", "en-US"),
        ("a las nueve", "a las diez", "es-US"),
        ("Um neun", "Um 9", "de-DE"),  # no numerals of ours: the words must be the same
    ],
)
def test_others_are_not(written: str, said: str, language: str) -> None:
    assert not same_words(written, said, language)


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("One moment, please.", "en-US", 4),
        ("Are you still there?", "en-US", 4),
        ("I called the bicycle shop", "en-US", 7),
        ("We open at 9:30.", "en-US", 7),
        ("4712", "en-US", 5),
        ("TV", "en-US", 2),
        ("Un momento, por favor.", "es-US", 8),
        ("¿Quiere hablar con el taller?", "es-US", 8),
        ("a las 9", "es-US", 4),
        ("Guten Tag", "de-DE", 3),
    ],
)
def test_syllables(text: str, language: str, count: int) -> None:
    assert abs(syllables(text, language) - count) <= count // 10


def test_numbers_as_they_are_said() -> None:
    assert in_words("45", "en-US") == ["forty", "five"]
    assert in_words("120", "en") == ["one", "hundred", "twenty"]
    assert in_words("300", "en") == ["three", "hundred"]
    assert in_words("45", "es-US") == ["cuarenta", "y", "cinco"]
    assert in_words("250", "es") == ["doscientos", "cincuenta"]
    assert in_words("07", "en") == ["zero", "seven"]
    assert in_words("4712", "de-DE") == []
