"""The shipped answers on lines that neither the examples nor the matcher were made with: typed, and as recognised."""

import json
from pathlib import Path

from app.cache.catalogue import load_catalogue
from app.cache.examples import matcher_of
from tests.cache.intents.corpus import NOTHING, Utterance
from tests.cache.intents.measure import measure, word_error_rate

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]


def blind() -> list[Utterance]:
    parts = [line.split(" | ") for line in (HERE / "blind.txt").read_text(encoding="utf-8").splitlines()[4:]]
    return [Utterance(text, "" if answer == "none" else answer, NOTHING, "blind") for answer, text in parts]


def test_typed_words_are_answered_rightly_and_often() -> None:
    quality = measure(matcher_of(load_catalogue(REPOSITORY)), blind())
    print(f"\nblind, typed: precision {quality.precision}, recall {quality.recall}")
    assert quality.precision.value >= 0.98, quality.wrong
    assert quality.recall.value >= 0.85


def test_recognised_words_are_answered_rightly_and_often() -> None:
    heard: dict[str, str] = json.loads((HERE / "blind_heard.json").read_text(encoding="utf-8"))
    quality = measure(matcher_of(load_catalogue(REPOSITORY)), blind(), heard)
    print(f"\nblind, recognised: precision {quality.precision}, recall {quality.recall}")
    print(f"of 100 words {100 * word_error_rate(heard.items()):.1f} are wrong, missing or added")
    assert quality.precision.value >= 0.98, quality.wrong
    assert quality.recall.value >= 0.8
