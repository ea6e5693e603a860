import pytest

from app.cache.manners import manners_of
from app.cache.wish import wish


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Hello, um, could you tell me your opening hours, please?", "your open hour"),
        ("Good morning, I'd like to know when when you're open.", "when your open"),
        ("What's your, what's your address?", "what is your address"),
        ("Just a quick question: do you accept cards?", "do you take card"),
        ("I don't want your address.", "do not want your address"),
        ("Thanks for the address.", "thank for the address"),
        ("Thank you, where are you?", "where are you"),
        ("Um, yes, hello.", ""),
    ],
)
def test_what_is_left_of_an_english_utterance(said: str, left: str) -> None:
    words = " ".join(wish(said, manners_of("en-US")))
    assert words.endswith(left) if "not" in left else words == left


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Hola, buenos días, ¿me podría decir la dirección, por favor?", "la direccion"),
        ("Eh, quisiera saber cuánto cuesta.", "cuanto cuesta"),
        ("No quiero la dirección.", "no quiero la direccion"),
    ],
)
def test_what_is_left_of_a_spanish_utterance(said: str, left: str) -> None:
    assert " ".join(wish(said, manners_of("es-US"))) == left
