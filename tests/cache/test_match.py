"""The matcher on a business it was not made for: a dental practice, in English and Spanish."""

from collections.abc import Container

import pytest

from app.cache import match as matching
from app.cache.alignment import Alignment, Words, laid_along
from app.cache.match import CLOSEST, Examples, Matcher
from app.cli.bench_match import many_intents, matching_times

PRACTICE = [
    Examples(
        "hours", "hours", "en-US",
        ["When are you open?", "What are your opening hours?", "What time do you close?"],
    ),
    Examples(
        "cleaning_price", "prices", "en-US",
        ["How much is a cleaning?", "What does a cleaning cost?", "What do you charge for a tooth cleaning?"],
    ),
    Examples(
        "insurance", "insurance", "en-US",
        ["Which insurance do you take?", "Do you accept my insurance?", "What insurance plans do you accept?"],
    ),
    Examples(
        "emergency", "emergency", "en-US",
        ["What do I do in an emergency?", "I have a toothache", "Do you treat emergencies?", "It is an emergency"],
    ),
    Examples(
        "hours", "hours", "es-US",
        ["¿A qué hora abren?", "¿Cuál es su horario?", "¿Hasta qué hora están abiertos?"],
    ),
    Examples("cleaning_price", "prices", "es-US", ["¿Cuánto cuesta una limpieza?", "¿Qué precio tiene la limpieza?"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def practice() -> Matcher:
    return Matcher(PRACTICE)


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        ("When are you open?", "hours"),
        ("hello yes um could you tell me when when you are open please", "hours"),
        ("What are your opening ours?", "hours"),
        ("how much does a cleaning cost", "cleaning_price"),
        ("Good morning, I would like to know what insurance you take.", "insurance"),
        ("which in surance do you accept", "insurance"),
        ("I have a toothache.", "emergency"),
        ("Buenos días, ¿me podría decir a qué hora abren?", "hours"),
        ("quisiera saber cuanto cuesta la limpieza", "cleaning_price"),
    ],
)
def test_courtesy_hesitation_and_mishearing_do_not_prevent_a_match(practice: Matcher, said: str, phrase: str) -> None:
    found = practice.match(said)
    assert found is not None and found.phrase == phrase


@pytest.mark.parametrize(
    "said",
    [
        "When are you open and can I have an appointment?",
        "When are you open and which insurance do you take?",
        "I don't want a cleaning",
        "Are you open on Christmas day?",
        "Why are you closed?",
        "You are open",
        "I had a cleaning last week",
        "How much is a cleaning for my dog?",
        "Do you do a cleaning?",
        "how much",
        "when",
        "um, yes, hello",
        "",
        "¿Están abiertos el domingo?",
        "No quiero una limpieza",
        "¿A qué hora abren y dónde está mi hijo?",
    ],
)
def test_more_less_and_other_than_the_examples_is_left_to_the_model(practice: Matcher, said: str) -> None:
    decision = practice.explain(said)
    assert decision.match is None
    assert decision.refused


SHOP = [
    Examples(
        "prices", "prices", "en-US",
        ["How much is a service?", "What do new brakes cost?", "How much is it to fix a flat tire?"],
    ),
    Examples(
        "repair_time", "repair_time", "en-US",
        ["How long does a repair take?", "How long do I wait for my bike?", "What is the repair time?"],
    ),
    Examples(
        "parking", "parking", "en-US",
        ["Is there parking?", "Where can I park my car?", "Do you have a car park?"],
    ),
    Examples("computer", "computer", "en-US", ["Are you a computer?", "Are you a real person?"]),
    Examples("cards", "cards", "en-US", ["Do you take credit cards?", "Do you take cash?", "Can I pay by card?"]),
    Examples("rental", "rental", "en-US", ["Do you rent bikes?", "How much is it to rent a bike?"]),
]  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        "what does a new bike cost",
        "do you have a car",
        "what services do you have",
        "what time is it",
        "how long does it take",
        "I'd like to book a repair",
        "how do I fix a flat tire",
        "a real person please",
        "how long can I park",
        "how much is parking",
        "where can I rent a bike",
        "do you rent a car",
        "how much is a truck to rent",
        "do you take cash and how long does a repair take",
        "is there parking and do you rent bikes",
        "how much",
        "the car",
    ],
)
def test_the_frame_of_one_question_with_the_thing_of_another_is_none(said: str) -> None:
    assert Matcher(SHOP).match(said) is None


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        ("do you take cash or credit cards", "cards"),
        ("is there parking and where can I park my car", "parking"),
        ("is it possible to pay by card", "cards"),
        ("do you accept cash", "cards"),
        ("what does it cost to fix a flat tire", "prices"),
        ("how expensive is a service", "prices"),
        ("what's the price of renting a bike", "rental"),
        ("do you hire out bicycles", "rental"),
        ("roughly how long does a repair take again", "repair_time"),
    ],
)
def test_the_same_wish_in_another_frame_of_its_kind_is_answered(said: str, phrase: str) -> None:
    found = Matcher(SHOP).match(said)
    assert found is not None and found.phrase == phrase


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        ("how long until a repair is gone", "repair_time"),
        ("do you rend bites", "rental"),
        ("how long does to repair trade", "repair_time"),
        ("type much is it to rent a bike", "rental"),
        ("his his a computer", "computer"),
    ],
)
def test_a_misheard_word_is_taken_for_ours_where_the_rest_vouches_for_it(said: str, phrase: str) -> None:
    more = Examples("repair_time", "repair_time", "en-US", ["How long until a repair is done?", "Is this a repair?"])
    this = Examples("computer", "computer", "en-US", ["Is this a computer?"])
    found = Matcher([*SHOP, more, this]).match(said)
    assert found is not None and found.phrase == phrase


@pytest.mark.parametrize(
    "said",
    [
        "is the car park full",
        "is the car park will",
        "is the car park lit",
        "is the parking part",
        "all do you have to be for a car park",
        "white do you rent bikes",
        "do you have to be a real person",
        "do you paint bikes",
        "do you rent trikes",
        "how much is a surface",
    ],
)
def test_a_word_that_narrows_a_question_is_refused_however_it_was_heard(said: str) -> None:
    decision = Matcher(SHOP).explain(said)
    assert decision.match is None
    assert decision.refused


def test_the_match_names_phrase_intent_language_and_confidence(practice: Matcher) -> None:
    found = practice.match("¿Cuál es su horario?")
    assert found is not None
    assert (found.phrase, found.intent, found.language) == ("hours", "hours", "es-US")
    assert 0.9 < found.confidence <= 1


def test_an_explanation_names_the_words_that_nothing_explains(practice: Matcher) -> None:
    decision = practice.explain("When are you open on Sunday?")
    assert decision.refused == "nothing explains sunday"
    best = decision.candidates[0]
    assert (best.phrase, best.example, best.unexplained) == ("hours", "When are you open?", ("sunday",))


def test_only_an_allowed_phrase_answers(practice: Matcher) -> None:
    assert practice.match("When are you open?", {"insurance"}) is None
    assert practice.explain("When are you open?", {"insurance"}).refused == "hours is not allowed here"
    assert practice.match("When are you open?", {"hours"}) is not None


def test_two_phrases_that_fit_alike_are_a_guess_and_two_of_one_intent_are_not() -> None:
    lines = ["How much is a cleaning?"]
    apart = Matcher([Examples("one", "first", "en-US", lines), Examples("two", "second", "en-US", lines)])
    assert apart.explain("How much is a cleaning?").refused == "one and two fit alike"
    together = Matcher([Examples("one", "same", "en-US", lines), Examples("two", "same", "en-US", lines)])
    assert together.match("How much is a cleaning?") is not None


def test_in_a_language_without_data_every_word_has_to_be_explained() -> None:
    matcher = Matcher([Examples("hours", "hours", "sv-SE", ["När har ni öppet?", "Vad är era öppettider?"])])
    assert matcher.match("När har ni öppet?") is not None
    assert matcher.match("Ursäkta, när har ni öppet?") is None


def test_a_long_story_and_no_examples_match_nothing(practice: Matcher) -> None:
    assert practice.match("when are you open " + "because of my tooth that hurts " * 20) is None
    assert Matcher([]).match("When are you open?") is None


def test_the_work_of_a_decision_does_not_grow_with_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    laid: list[Words] = []

    def counted(said: Words, example: Words, known: Container[str]) -> Alignment:
        laid.append(said)
        return laid_along(said, example, known)

    monkeypatch.setattr(matching, "laid_along", counted)
    entries = many_intents()
    matcher = Matcher(entries)
    for entry in entries[:50]:
        laid.clear()
        assert matcher.match(entry.examples[0]) is not None
        assert 0 < len(laid) <= CLOSEST


def test_the_bench_measures_decisions() -> None:
    times = matching_times(["When is it?", "What does the baten cost?"], rounds=1)
    assert (times.intents, times.examples, times.decisions) == (200, 15, 2)
    assert 0 < times.p50_ms <= times.p99_ms
