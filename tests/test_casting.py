"""What an agent's file becomes for a call."""

from datetime import datetime
from pathlib import Path

import pytest
from fakeredis import FakeAsyncRedis

from app.bridge.incoming import Incoming
from app.bridge.staff import Cast
from app.cache.store import Store
from app.call.setup import CallFacts, KnownAnswers, Outbound, Target, Timings
from app.casting import Casting
from app.edition import load_edition
from app.editions import Editions
from app.settings import Settings
from app.tools.host import ToolHost
from tests.prompts.test_check import BERLIN, TEXTS

LINES = {
    "greeting": "greeting", "menu_main": "menu", "opening_hours": "opening_hours", "enter_patient": "ask",
    "closed_now": "closed", "goodbye": "goodbye", "language_changed": "language_changed",
}  # fmt: skip
ALLOWED = "phrases: [menu_main, opening_hours, enter_patient]"
KEYS = {"twilio_account_sid": "AC1", "twilio_api_key": "SK1", "twilio_api_secret": "secret"}
OPEN, CLOSED = "2026-11-23T09:00:00", "2026-11-22T09:00:00"


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    for folder in ("prompts", "cache/phrases", "tools"):
        (tmp_path / folder).mkdir(parents=True)
    for name, text in TEXTS.items():
        (tmp_path / "prompts" / name).write_text(text)
    lines = [
        f"  {name}: {{kind: {kind}, text: {{en-US: In English, es-US: En español}}}}" for name, kind in LINES.items()
    ]
    (tmp_path / "cache" / "phrases" / "house.yaml").write_text("phrases:\n" + "\n".join(lines) + "\n")
    return tmp_path


async def casting_of(folder: Path) -> Casting:
    settings = Settings(_env_file=None, content_dir=folder, **KEYS)  # type: ignore[call-arg, arg-type]
    store = Store(FakeAsyncRedis(), "memory")
    editions = Editions(settings, Timings(), store, lambda edition: ToolHost(edition.toolbox.tools))
    await editions.begin(load_edition(folder))
    return editions.current


def call_at(casting: Casting, moment: str, called: str, agent: str = "desk", language: str = "en-US") -> Cast:
    """A call that began at this moment in Berlin."""
    at_ms = int(datetime.fromisoformat(moment).replace(tzinfo=BERLIN).timestamp() * 1000)
    facts = CallFacts("CA1", "+4915112345678", called, agent, casting.edition.hash, language, at_ms)
    return casting.recast(Incoming("CA1", facts.caller, called, "ringing", "inbound", {}), facts)


async def test_a_call_gets_its_agent_s_languages_targets_keys_and_ways(practice: Path) -> None:
    cast = call_at(await casting_of(practice), OPEN, "+493012345")
    setup = cast.setup
    assert set(setup.tongues) == {"en-US", "es-US"}
    assert setup.phrases is setup.tongues["en-US"]
    assert setup.tongues["es-US"]["greeting"].text == "En español"
    assert not setup.phrases["greeting"].interruptible and setup.phrases["opening_hours"].interruptible
    assert setup.targets == {"nurse": Target("nurse", warm=True, open=True)}
    assert setup.known == KnownAnswers(swap=False, note=True)
    assert setup.keypad.start == "main" and setup.keypad.collections["patient"].sensitive
    assert setup.opening == "We are open and open today at 2:00 PM."


async def test_the_model_is_offered_what_the_agent_may_do_and_nothing_else(practice: Path) -> None:
    casting = await casting_of(practice)
    desk = {tool.name: tool for tool in call_at(casting, OPEN, "+493012345").spec.tools}
    assert {"transfer_call", "take_message", "request_call_back", "collect_digits", "switch_language"} < set(desk)
    assert "medical questions" in str(desk["transfer_call"].schema)
    assert "es-US: Spanish" in str(desk["switch_language"].schema)
    night = call_at(casting, OPEN, "+493088888", agent="night", language="es-US").spec.tools
    assert [tool.name for tool in night] == ["end_call"]


async def test_each_language_has_a_session_of_its_own_voice_and_the_second_is_told_to_speak_it(practice: Path) -> None:
    specs = call_at(await casting_of(practice), OPEN, "+493012345").specs
    assert {language: spec.voice for language, spec in specs.items()} == {"en-US": "tiffany", "es-US": "lupe"}
    assert specs["en-US"].system_prompt == "You answer for Dr. Molar."
    assert specs["es-US"].system_prompt.endswith("Speak only Spanish.")
    assert len({spec.key for spec in specs.values()}) == 2


async def test_a_call_in_closed_hours_begins_with_the_phrase_for_it_and_finds_nobody_there(practice: Path) -> None:
    cast = call_at(await casting_of(practice), CLOSED, "+493012345", language="es-US")
    assert cast.setup.first_phrase == "closed_now"
    assert not cast.setup.phrases["closed_now"].interruptible  # it stands in the greeting's place
    assert cast.setup.targets["nurse"].open is False
    assert cast.spec.voice == "lupe"
    assert cast.setup.opening.startswith("We are closed")


async def test_the_pool_is_told_of_the_default_agent_first_and_of_further_languages_last(practice: Path) -> None:
    keys = [spec.key for spec in (await casting_of(practice)).specs()]
    assert [(key.agent, key.language) for key in keys] == [("desk", "en-US"), ("night", "es-US"), ("desk", "es-US")]


async def test_a_list_of_phrases_keeps_others_from_a_call_but_never_its_greeting(practice: Path) -> None:
    desk = TEXTS["desk.md"].replace(
        "messages: true", "messages: true\nphrases: [menu_main, opening_hours, enter_patient]"
    )
    (practice / "prompts" / "desk.md").write_text(desk)
    phrases = call_at(await casting_of(practice), OPEN, "+493012345").setup.phrases
    assert set(phrases) == {"greeting", "menu_main", "opening_hours", "enter_patient"}


def with_outbound(folder: Path, entry: str) -> None:
    file = folder / "prompts" / "desk.md"
    file.write_text(file.read_text().replace("known_answers:", f"outbound: {entry}\nknown_answers:"))


async def placed(casting: Casting, agent: str = "desk") -> Cast:
    given = {"name": "Anna"}
    return casting.cast(Incoming("CA1", "+4915112345678", "+493012345", "", "", {}, agent=agent, given=given))


async def test_a_call_we_place_begins_with_its_own_greeting_whatever_the_hour_and_knows_why(practice: Path) -> None:
    with_outbound(practice, "{greeting: closed_now, on_voicemail: leave_message, voicemail_message: goodbye}")
    casting = await casting_of(practice)
    setup = (await placed(casting)).setup
    assert casting.places_calls("desk") and not casting.places_calls("night") and not casting.places_calls("nobody")
    assert (setup.first_phrase, setup.facts.language) == ("closed_now", "en-US"), "not the number's own way"
    assert setup.keypad.start == "" and setup.keypad.menus, "they have not called to hear a menu"
    assert setup.outbound == Outbound("leave_message", "goodbye")
    assert "You have called me" in setup.opening and setup.opening.endswith("- name: Anna")
    assert "you have called" in setup.greeting_prompt.lower()
    again = casting.recast(Incoming("CA1", "", "", "", "", {}), setup.facts).setup
    assert (again.first_phrase, again.opening, again.facts) == ("closed_now", setup.opening, setup.facts)


async def test_a_call_that_comes_in_is_told_nothing_of_calling(practice: Path) -> None:
    with_outbound(practice, "{greeting: closed_now}")
    setup = call_at(await casting_of(practice), OPEN, "+493012345").setup
    assert "called me" not in setup.opening and setup.first_phrase == "greeting"
