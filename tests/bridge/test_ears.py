from app.bridge.ears import AgentEars
from app.cache.match import Examples, Matcher

MATCHER = Matcher(
    [
        Examples("hours", "hours", "en-US", ["When are you open?", "What are your opening hours?"]),
        Examples("hours", "hours", "es-US", ["¿A qué hora abren?"]),
    ]
)
BOTH = AgentEars(MATCHER, {"en-US": frozenset({"hours"}), "es-US": frozenset({"hours"})})
ENGLISH = AgentEars(MATCHER, {"en-US": frozenset({"hours"})})


def test_a_known_answer_is_given_with_its_confidence() -> None:
    found = BOTH.known("When are you open?", "en-US")
    assert found is not None
    phrase, confidence = found
    assert phrase == "hours"
    assert confidence > 0.9


def test_what_the_agent_cannot_say_is_left_to_the_model() -> None:
    assert AgentEars(MATCHER, {"en-US": frozenset()}).known("When are you open?", "en-US") is None
    assert ENGLISH.known("¿A qué hora abren?", "es-US") is None


def test_a_question_in_another_language_than_the_calls_is_left_to_the_model() -> None:
    assert BOTH.known("¿A qué hora abren?", "en-US") is None
    assert BOTH.known("¿A qué hora abren?", "es-US") is not None


def test_the_language_is_guessed_among_several_only() -> None:
    words = "Quiero hablar con una persona, por favor"
    assert BOTH.seems(words) == "es-US"
    assert ENGLISH.seems(words) == ""
