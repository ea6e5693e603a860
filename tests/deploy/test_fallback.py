"""deploy/fallback.xml: what callers hear while the server does not answer, from a host that knows nothing of it."""

from pathlib import Path

from app.simulator.twilio.twiml import read

FALLBACK = Path(__file__).parents[2] / "deploy" / "fallback.xml"


def test_it_apologises_and_dials_a_person() -> None:
    program = read(FALLBACK.read_bytes())
    assert not program.warnings
    assert [verb.name for verb in program.verbs] == ["Say", "Dial", "Say", "Hangup"]
    (person,) = program.verbs[1].named("Number")
    assert person.text.startswith("+") and "sorry" in program.verbs[0].text


def test_it_asks_nothing_of_the_server_that_is_down() -> None:
    program = read(FALLBACK.read_bytes())
    nouns = [noun for verb in program.verbs for noun in (verb, *verb.children)]
    assert not [noun for noun in nouns for name in noun.attributes if name in {"action", "url", "statusCallback"}]
