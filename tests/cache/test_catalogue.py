"""Phrases as staff write them, and what they are told when it is wrong."""

from pathlib import Path

import pytest

from app.cache.catalogue import Catalogue, PhraseEntry, load_catalogue
from app.content.faults import ContentError, Fault

REPOSITORY = Path(__file__).parents[2]
KNOWN_TO_A_CALL = {"greeting", "wait", "sorry", "still_there", "goodbye", "apology", "back_again", "repeat", "busy"}

GOOD = """
phrases:
  greeting:
    kind: greeting
    text:
      en-US: Good   day!
      es: Hola.
  hours:
    kind: opening_hours
    interruptible: false
    intents: [opening_hours]
    examples: [when are you open]
    text: {en-US: Nine to five.}
"""


def write(folder: Path, **pages: str) -> Path:
    home = folder / "cache" / "phrases"
    home.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (home / f"{name}.yaml").write_text(text)
    return folder


def faults_of(folder: Path) -> tuple[Fault, ...]:
    with pytest.raises(ContentError) as caught:
        load_catalogue(folder)
    return caught.value.faults


def load(folder: Path, **pages: str) -> Catalogue:
    return load_catalogue(write(folder, **pages))


def test_a_phrase_has_words_by_language(tmp_path: Path) -> None:
    catalogue = load(tmp_path, house=GOOD)
    assert catalogue.wordings("en-US") == {"greeting": "Good day!", "hours": "Nine to five."}
    assert not catalogue.phrases["hours"].interruptible


def test_words_for_a_language_serve_all_its_countries(tmp_path: Path) -> None:
    assert load(tmp_path, house=GOOD).wordings("es-US") == {"greeting": "Hola."}


def test_no_phrases_at_all_is_no_error(tmp_path: Path) -> None:
    assert not load_catalogue(tmp_path).phrases


def test_its_sources_are_kept_by_file(tmp_path: Path) -> None:
    assert load(tmp_path, house=GOOD).sources == {"cache/phrases/house.yaml": GOOD}


def test_an_unknown_field_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, house=GOOD.replace("interruptible", "interuptible"))
    (fault,) = faults_of(tmp_path)
    assert (fault.file, fault.line, fault.field) == ("cache/phrases/house.yaml", 10, "phrases.hours.interuptible")


def test_an_unknown_kind_lists_the_kinds(tmp_path: Path) -> None:
    write(tmp_path, house=GOOD.replace("kind: greeting", "kind: hello"))
    (fault,) = faults_of(tmp_path)
    assert fault.line == 4
    assert "'greeting'" in fault.fix


@pytest.mark.parametrize("words", ["''", "'   '"])
def test_a_wording_without_words_is_a_fault(tmp_path: Path, words: str) -> None:
    write(tmp_path, house=f"phrases:\n  a:\n    kind: wait\n    text:\n      en-US: {words}\n")
    (fault,) = faults_of(tmp_path)
    assert fault.field == "phrases.a.text"
    assert "en-US" in fault.problem


def test_an_id_with_a_capital_is_a_fault_on_its_line(tmp_path: Path) -> None:
    write(tmp_path, house="phrases:\n  Greeting:\n    kind: greeting\n    text: {en-US: Hello}\n")
    (fault,) = faults_of(tmp_path)
    assert (fault.line, fault.field) == (2, "phrases.Greeting")


def test_one_id_in_two_files_names_both(tmp_path: Path) -> None:
    write(tmp_path, a=GOOD, b="phrases:\n  hours:\n    kind: answer\n    text: {en-US: Always.}\n")
    (fault,) = faults_of(tmp_path)
    assert (fault.file, fault.line) == ("cache/phrases/b.yaml", 2)
    assert "cache/phrases/a.yaml" in fault.problem


def test_faults_of_all_files_come_together(tmp_path: Path) -> None:
    write(tmp_path, a="phrases: 3", b="phrases:\n  x:\n    kind: no\n    text: {en-US: X}\n")
    assert {fault.file for fault in faults_of(tmp_path)} == {"cache/phrases/a.yaml", "cache/phrases/b.yaml"}


def test_the_shipped_phrases_are_those_a_call_knows() -> None:
    wordings = load_catalogue(REPOSITORY).wordings("en-US")
    assert wordings.keys() >= KNOWN_TO_A_CALL
    assert "computer" in wordings["greeting"]


def phrase(*lines: str) -> str:
    return "\n".join(("phrases:", "  hours:", "    kind: answer", *(f"    {line}" for line in lines)))


def entry_of(folder: Path, *lines: str) -> PhraseEntry:
    return load(folder, house=phrase(*lines)).phrases["hours"]


def test_examples_are_of_the_first_language_or_by_language(tmp_path: Path) -> None:
    words = "text: {en-US: Nine., es-US: A las nueve.}"
    plain = entry_of(tmp_path, words, "intents: [hours]", "examples: [when  do you open]")
    assert plain.examples == {"en-US": ["when do you open"]}
    told = entry_of(tmp_path, words, "intents: [hours]", "examples: {en: [open], es: [abren]}")
    assert told.examples == {"en": ["open"], "es": ["abren"]}


def test_what_follows_a_phrase(tmp_path: Path) -> None:
    words = "text: {en-US: One moment.}"
    plain = entry_of(tmp_path, words)
    assert (plain.then, plain.target, plain.interruptible) == ("nothing", "", True)
    given = entry_of(tmp_path, words, "then: transfer", "target: workshop")
    assert (given.then, given.target, given.interruptible) == ("transfer", "workshop", True)


def test_last_words_cannot_be_interrupted(tmp_path: Path) -> None:
    words = "text: {en-US: Bye.}"
    assert not entry_of(tmp_path, words, "then: hang_up").interruptible
    write(tmp_path, house=phrase(words, "then: hang_up", "interruptible: true"))
    (fault,) = faults_of(tmp_path)
    assert (fault.line, fault.field) == (6, "phrases.hours.interruptible")


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        (["then: transfer"], "target"),
        (["target: workshop"], "target"),
        (["then: hang_up", "target: workshop"], "target"),
        (["then: fly"], "then"),
        (["examples: [when are you open]"], "examples"),
        (["intents: [hours]", "examples: {es-US: [abren]}"], "examples"),
        (["intents: [Opening Hours]"], "intents.0"),
    ],
)
def test_what_does_not_go_together_is_a_fault_of_its_field(tmp_path: Path, lines: list[str], field: str) -> None:
    write(tmp_path, house=phrase("text: {en-US: Nine.}", *lines))
    (fault,) = faults_of(tmp_path)
    assert fault.field == f"phrases.hours.{field}"
    assert fault.fix


def test_one_example_has_one_answer(tmp_path: Path) -> None:
    body = "kind: answer\n    text: {en-US: Nine.}\n    intents: [hours]\n    examples:"
    write(tmp_path, a=f"phrases:\n  a:\n    {body} ['When are you open?']\n  b:\n    {body} [when are you open]")
    (fault,) = faults_of(tmp_path)
    assert (fault.line, fault.field) == (11, "phrases.b.examples")
    assert "of a too" in fault.problem
