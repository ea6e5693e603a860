"""The guess of a caller's language, on what callers say in each: right first, and often enough."""

from pathlib import Path

import pytest
import yaml

from app.content.tongue import FEWEST_WORDS, guess

SAID: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "tongues.yaml").read_text(encoding="utf-8"))
NOTHING = SAID.pop("nothing")
LANGUAGES = list(SAID)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_guess_is_wrong_and_most_callers_are_recognised(language: str) -> None:
    guesses = {text: guess(text, LANGUAGES) for text in SAID[language]}
    assert {text: found for text, found in guesses.items() if found not in {language, ""}} == {}
    unsure = [text for text, found in guesses.items() if not found]
    assert len(unsure) <= len(guesses) * 0.3, unsure


@pytest.mark.parametrize("language", ["en-US", "es-US"])
def test_between_two_languages_hardly_anybody_is_left_open(language: str) -> None:
    guesses = {text: guess(text, ["en-US", "es-US"]) for text in SAID[language]}
    assert set(guesses.values()) <= {language, ""}
    assert sum(not found for found in guesses.values()) <= len(guesses) * 0.15, guesses


@pytest.mark.parametrize("text", NOTHING)
def test_names_figures_and_short_answers_are_in_no_language(text: str) -> None:
    assert guess(text, LANGUAGES) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_declared_languages_are_guessed(language: str) -> None:
    others = [other for other in LANGUAGES if other != language]
    assert {guess(text, others) for text in SAID[language]} == {""}


def test_fewer_than_four_words_are_never_enough() -> None:
    assert guess("¿Dónde está la tienda?", LANGUAGES) == "es-US"
    assert guess("¿Dónde está?", LANGUAGES) == ""
    assert FEWEST_WORDS == 4


def test_the_declared_name_is_given_back_as_it_was_declared() -> None:
    assert guess("Quiero hablar con una persona", ["en-GB", "es"]) == "es"
