"""Routes, transfers, keys and languages of a small business: each mistake at its place, with its fix."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from app.call.setup import Choice
from app.content.faults import ContentError, Fault
from app.prompts.agent import read_agent
from app.prompts.check import House, faults, warnings
from app.prompts.keys import keypad_of
from app.prompts.library import Prompts, read_prompts

FACTS = "business: {name: Dr. Molar, time_zone: Europe/Berlin}\n"
DESK = """---
voice: tiffany
language: en-US
languages: {es-US: lupe}
transfers: [nurse]
messages: true
greeting_interruptible: false
known_answers: {swap: false, note: true}
keypad:
  start: main
  zero: {transfer: nurse}
  menus:
    main:
      say: menu_main
      keys:
        "1": {say: opening_hours}
        "2": {collect: patient}
        "3": {language: es-US}
        "5": {tell_model: "I want an appointment."}
        "#": {hang_up: true}
collect:
  patient: {say: enter_patient, describe: the patient's number, length: [4, 6], sensitive: true}
call_facts: We are {{ call.open }} and open {{ call.opens_next }}.
---
You answer for {{ business.name }}.
"""
NIGHT = "---\nvoice: lupe\nlanguage: es-US\n---\nYou answer at night.\n"
WEEK = """
    monday: ["08:00-12:00", "14:00-18:00"]
    tuesday: 08:00-18:00
    wednesday: closed
    thursday: 08:00-18:00
    friday: 08:00-13:00
    saturday: closed
    sunday: closed""".lstrip("\n")
ROUTES = f"""default: {{agent: desk, hours: practice, closed: night}}
numbers:
  +493012345: {{agent: desk, language: es-US, hours: practice, closed: closed_now}}
  +493099999: desk
hours:
  practice:
    time_zone: Europe/Berlin
{WEEK}
holidays:
  - {{date: 2026-12-24 to 2026-12-26, name: Christmas}}
  - {{date: 12-31, name: New Year's Eve, open: 08:00-10:00}}
"""
TRANSFERS = """targets:
  nurse: {kind: number, to: "+493055555", describe: medical questions, hours: practice, warm: true}
"""
WORDS: Mapping[str, set[str]] = {
    "en-US": {
        "greeting",
        "menu_main",
        "opening_hours",
        "enter_patient",
        "wait",
        "sorry",
        "still_there",
        "goodbye",
        "apology",
        "language_changed",
    },
    "es-US": {
        "greeting",
        "menu_main",
        "opening_hours",
        "enter_patient",
        "closed_now",
        "language_changed",
        "wait",
        "sorry",
        "still_there",
        "goodbye",
        "apology",
    },
}
NIGHT_SHIFT = "20:00-09:00\n    saturday: 08:00-12:00"
MENU = "keypad.menus.main.keys"
HOUSE = House({"end_call"}, WORDS["en-US"] | WORDS["es-US"], lambda language: WORDS.get(language, set()))
TEXTS = {
    "desk.md": DESK,
    "night.md": NIGHT,
    "facts.yaml": FACTS,
    "routes.yaml": ROUTES,
    "transfers.yaml": TRANSFERS,
}
BERLIN = ZoneInfo("Europe/Berlin")


def pages(**changed: str) -> dict[str, str]:
    texts = {
        "desk.md": DESK,
        "night.md": NIGHT,
        "facts.yaml": FACTS,
        "routes.yaml": ROUTES,
        "transfers.yaml": TRANSFERS,
    }
    return {f"prompts/{name}": text for name, text in (texts | changed).items()}


def practice(**changed: str) -> Prompts:
    return read_prompts(pages(**changed))


def all_faults(house: House = HOUSE, **changed: str) -> list[Fault]:
    try:
        return faults(practice(**changed), house)
    except ContentError as wrong:
        return list(wrong.faults)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


def test_a_business_as_it_should_be_has_neither_faults_nor_warnings() -> None:
    assert all_faults() == []
    assert warnings(practice(), HOUSE, at("2026-11-23T09:00:00")) == []


@pytest.mark.parametrize(
    ("called", "moment", "agent", "language", "phrase"),
    [
        ("+493088888", "2026-11-23T09:00:00", "desk", "", ""),
        ("+493088888", "2026-11-23T13:00:00", "night", "", ""),
        ("+493088888", "2026-12-24T09:00:00", "night", "", ""),
        ("+493088888", "2026-12-31T09:00:00", "desk", "", ""),
        ("+493012345", "2026-11-23T09:00:00", "desk", "es-US", ""),
        ("+493012345", "2026-11-22T09:00:00", "desk", "es-US", "closed_now"),
        ("+493099999", "2026-11-22T09:00:00", "desk", "", ""),
    ],
)
def test_number_and_hour_say_who_answers(called: str, moment: str, agent: str, language: str, phrase: str) -> None:
    way = practice().routes.way(called, at(moment))
    assert (way.agent, way.language, way.first_phrase) == (agent, language, phrase)
    assert way.hours is not None and way.hours.zone == BERLIN


def test_the_keypad_becomes_what_a_call_takes() -> None:
    settings = practice().agents["desk"].settings
    pad = keypad_of(settings.keypad, settings.collect)
    assert pad.zero == Choice("transfer", "nurse") and pad.start == "main"
    assert {key: choice.do for key, choice in pad.menus["main"].keys.items()} == {
        "1": "say",
        "2": "collect",
        "3": "language",
        "5": "tell_model",
        "#": "hang_up",
    }
    asked = pad.collections["patient"]
    assert (asked.shortest, asked.longest, asked.first_ms, asked.sensitive) == (4, 6, 8_000, True)


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "field", "words"),
    [
        ("desk.md", "voice: tiffany", "voice: tifany", 2, "voice", "Voices for en-US: tiffany, matthew"),
        ("desk.md", "es-US: lupe", "es-US: lennart", 4, "languages.es-US", "does not speak es-US"),
        ("desk.md", "language: en-US", "language: fi-FI", 3, "language", "does not speak 'fi-FI'"),
        ("desk.md", "[nurse]", "[nurse, dentist]", 5, "transfers.1", "There are: nurse"),
        ("desk.md", "start: main", "start: mane", 10, "keypad.start", "there is no menu 'mane'"),
        ("desk.md", "zero: {transfer: nurse}", "zero: {transfer: boss}", 11, "keypad.zero.transfer", "`- boss`"),
        ("desk.md", "collect: patient}", "collect: card}", 17, MENU + ".2.collect", "There are: patient"),
        ("desk.md", '"2": {collect: patient}', '"22": {menu: main}', 15, MENU, "not a key of a telephone"),
        (
            "desk.md",
            '"1": {say: opening_hours}',
            '"1": {say: hours}',
            16,
            MENU + ".1.say",
            "there is no phrase 'hours'",
        ),
        ("desk.md", "{say: opening_hours}", "{say: a, menu: main}", 16, MENU + ".1", "exactly one thing"),
        ("desk.md", "{language: es-US}", "{language: fr-FR}", 18, MENU + ".3.language", "`languages:`"),
        ("desk.md", "length: [4, 6]", "length: [6, 4]", 22, "collect.patient.length", "[12, 19]"),
        ("desk.md", "length: [4, 6]", 'length: 4, terminator: "##"', 22, "collect.patient.terminator", '"*"'),
        ("desk.md", "say: menu_main", "say: closed_now", 14, "keypad.menus.main.say", "missing translation"),
        ("routes.yaml", "closed: night", "closed: knight", 1, "default.closed", "neither an agent nor a phrase"),
        ("routes.yaml", "+493099999: desk", "+493099999: dsk", 4, "numbers.+493099999", "There are: desk, night"),
        ("routes.yaml", "+493099999: desk", "030-99999: desk", 2, "numbers", "never called"),
        ("routes.yaml", "language: es-US", "language: fr-FR", 3, "numbers.+493012345.language", "not spoken by desk"),
        ("routes.yaml", "practice, closed: night", "shop, closed: night", 1, "default.hours", "There are: practice"),
        (
            "routes.yaml",
            ", hours: practice, closed: night",
            ", closed: night",
            1,
            "default",
            "says nothing without hours",
        ),
        ("routes.yaml", "    friday: 08:00-13:00\n", "", 6, "hours.practice.friday", "is missing"),
        ("routes.yaml", "    time_zone: Europe/Berlin\n", "", 6, "hours.practice.time_zone", "is missing"),
        ("routes.yaml", "Europe/Berlin", "Europe/Bearlin", 7, "hours.practice.time_zone", "America/New_York"),
        ("routes.yaml", '"08:00-12:00"', '"08:00-15:00"', 8, "hours.practice.monday", "overlap"),
        (
            "routes.yaml",
            "08:00-13:00\n    saturday: closed",
            NIGHT_SHIFT,
            12,
            "hours.practice.friday",
            "runs into saturday's",
        ),
        ("routes.yaml", "date: 12-31", "date: 2026-12-25", 17, "holidays.1.date", "is in 'Christmas' too"),
        ("transfers.yaml", '"+493055555"', '"0305555"', 2, "targets.nurse", "a telephone number such as"),
        ("transfers.yaml", "kind: number", "kind: queue", 2, "targets.nurse", "is not a queue's name"),
        ("transfers.yaml", "hours: practice", "hours: always", 2, "targets.nurse.hours", "There are: practice"),
        ("transfers.yaml", "describe: medical questions, ", "", 2, "targets.nurse.describe", "is missing"),
    ],
)
def test_each_mistake_is_shown_at_its_place(file: str, old: str, new: str, line: int, field: str, words: str) -> None:
    assert old in TEXTS[file]
    found = all_faults(HOUSE, **{file: TEXTS[file].replace(old, new, 1)})
    assert found, "nothing was found"
    shown = [fault for fault in found if fault.field == field]
    assert shown, [str(fault) for fault in found]
    assert (shown[0].file, shown[0].line) == (f"prompts/{file}", line)
    assert words in str(shown[0])


def test_a_greeting_that_a_language_lacks_is_a_fault() -> None:
    house = House(HOUSE.tools, HOUSE.phrases, lambda language: WORDS[language] - {"greeting"})
    found = all_faults(house)
    assert {(fault.field, fault.problem) for fault in found if fault.file == "prompts/desk.md"} == {
        ("greeting", "missing translation: the phrase 'greeting' has no words in en-US"),
        ("greeting", "missing translation: the phrase 'greeting' has no words in es-US"),
    }


def test_a_phrase_that_gives_callers_to_somebody_the_agent_may_not_is_a_fault() -> None:
    house = House(HOUSE.tools, HOUSE.phrases, HOUSE.worded, {"opening_hours": "boss"})
    assert {fault.file for fault in all_faults(house)} == {"prompts/desk.md", "prompts/night.md"}


@pytest.mark.parametrize(
    ("changed", "worded", "words"),
    [
        ({}, {"es-US": {"sorry"}}, "missing translation: the phrase 'sorry' has no words in es-US"),
        ({}, {"en-US": {"goodbye"}}, "there is no phrase 'goodbye' in en-US"),
        ({"desk.md": DESK + "word " * 2_000}, {}, "which makes it slower"),
        ({"spare.md": NIGHT}, {}, "answers no number"),
        ({"transfers.yaml": TRANSFERS + "  shop: {kind: queue, to: shop, describe: it}\n"}, {}, "no agent may"),
        ({"routes.yaml": ROUTES.replace("2026-12-24 to 2026-12-26", "2025-12-24")}, {}, "'Christmas' is over"),
    ],
)
def test_what_works_and_is_probably_not_meant_so_is_a_warning(
    changed: dict[str, str], worded: Mapping[str, set[str]], words: str
) -> None:
    house = House(HOUSE.tools, HOUSE.phrases, lambda language: WORDS[language] - worded.get(language, set()))
    assert all_faults(house, **changed) == []
    found = warnings(practice(**changed), house, at("2026-11-23T09:00:00"))
    assert [str(fault) for fault in found if words in str(fault)], [str(fault) for fault in found]


def test_a_target_whose_hours_are_closed_all_week_is_a_warning() -> None:
    shut = ROUTES.replace(
        "hours:\n  practice:",
        "hours:\n  never:\n    time_zone: UTC\n"
        + "\n".join(
            f"    {day}: closed"
            for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        )
        + "\n  practice:",
    )
    changed = {"routes.yaml": shut, "transfers.yaml": TRANSFERS.replace("hours: practice", "hours: never")}
    [found] = warnings(practice(**changed), HOUSE, 0)
    assert (found.field, "closed all week" in found.problem) == ("targets.nurse.hours", True)


ALONE = """---
voice: tiffany
language: en-US
transfers: [nurse]
keypad:
  menus:
    alone:
      say: menu_main
      keys:
        "1": {say: opening_hours}
        "2": {menu: more}
        "0": {transfer: nurse}
      words: {"1": [hours, opening hours], "0": [person]}
    more:
      say: menu_main
      keys: {"1": {hang_up: true}}
without_model: {menu: alone, person: nurse}
---
You answer.
"""


@pytest.mark.parametrize(
    ("wrong", "right", "place", "problem"),
    [
        ("menu: alone,", "menu: alon,", "without_model.menu", "there is no menu 'alon'"),
        ("person: nurse}", "person: nobody}", "without_model.person", "'nobody' is not among this agent's transfers"),
        ('"0": [person]', '"9": [person]', "keypad.menus.alone.words.9", "the key '9' is not one of this menu's"),
        (
            '"1": {hang_up: true}',
            '"1": {tell_model: "Well?"}',
            "keypad.menus.more.keys.1.tell_model",
            "`tell_model` needs a model, and this menu is offered where there is none",
        ),
        (
            '"0": [person]',
            f'"0": [{", ".join(chr(97 + n % 26) * (2 + n // 26) for n in range(29))}]',
            "keypad.menus",
            "the menus have 31 words, and 30 are the most that can be told apart surely",
        ),
    ],
)
def test_what_is_left_without_a_model_is_checked(wrong: str, right: str, place: str, problem: str) -> None:
    read_agent("alone", ALONE, "alone.md", {}, "UTC")
    with pytest.raises(ContentError) as caught:
        read_agent("alone", ALONE.replace(wrong, right), "alone.md", {}, "UTC")
    assert [(fault.field, fault.problem) for fault in caught.value.faults] == [(place, problem)]


def test_an_agent_that_places_calls_names_phrases_that_there_are() -> None:
    outbound = "outbound: {greeting: hello, on_voicemail: leave_message, voicemail_message: opening_hours}"
    told = [
        str(fault)
        for fault in all_faults(HOUSE, **{"night.md": NIGHT.replace("voice: lupe", f"{outbound}\nvoice: lupe")})
    ]
    assert [line for line in told if "outbound.greeting: there is no phrase 'hello'" in line] == told


def test_what_a_machine_gets_is_said_whole_or_not_at_all() -> None:
    for outbound in ("{on_voicemail: leave_message}", "{voicemail_message: greeting}"):
        (fault,) = all_faults(HOUSE, **{"night.md": NIGHT.replace("voice: lupe", f"outbound: {outbound}\nvoice: lupe")})
        assert fault.field == "outbound" and "a message is left where there is one" in fault.problem


def test_an_agent_that_only_places_calls_needs_no_number() -> None:
    alone = NIGHT.replace("voice: lupe", "outbound: {}\nvoice: lupe")
    routes = ROUTES.replace("closed: night", "closed: closed_now")
    doubts = warnings(practice(**{"night.md": alone, "routes.yaml": routes}), HOUSE, at("2026-11-23T09:00:00"))
    assert doubts == []
