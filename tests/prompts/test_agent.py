"""One agent's file: what is read from it, and what its writer is told."""

import pytest

from app.call.setup import CallFacts
from app.content.faults import ContentError, Fault
from app.prompts.agent import Agent, read_agent

CONTENT = {"business.name": "Spoke and Chain", "facts.hours.sunday": "closed"}
FACTS = CallFacts("CA1", "+15551234567", "+15550100", "desk", "edition", "en-US", 1_763_700_000_000)

GOOD = """---
voice: tiffany
language: en-US
tools: [find_order]
call_facts: |
  {{ business.name }} was called on {{ call.weekday }} at {{ call.time }} by {{ caller.last_four }}.
---
You are the desk of {{ business.name }}.
On Sunday we are {{facts.hours.sunday}}.
"""


def agent(text: str = GOOD, zone: str = "America/New_York") -> Agent:
    return read_agent("desk", text, "prompts/desk.md", CONTENT, zone)


def faults_of(text: str) -> tuple[Fault, ...]:
    with pytest.raises(ContentError) as caught:
        agent(text)
    return caught.value.faults


def the_fault_of(text: str) -> tuple[int, str]:
    (fault,) = faults_of(text)
    return fault.line, str(fault)


def test_content_variables_are_filled_in() -> None:
    assert agent().instructions == "You are the desk of Spoke and Chain.\nOn Sunday we are closed."


def test_what_is_not_said_has_the_service_s_own_defaults() -> None:
    settings = agent().settings
    assert (settings.endpointing, settings.temperature, settings.max_tokens) == ("MEDIUM", 0.7, 1024)
    assert settings.phrases is None


def test_call_facts_are_filled_for_each_call_on_the_business_s_clock() -> None:
    assert agent().opening(FACTS) == "Spoke and Chain was called on Thursday at 11:40 PM by 4 5 6 7."
    assert "Friday at 4:40 AM" in agent(zone="UTC").opening(FACTS)


def test_a_caller_who_withholds_the_number_has_none() -> None:
    unknown = CallFacts("CA1", "", "+15550100", "desk", "edition", "en-US", 1_763_700_000_000)
    assert agent().opening(unknown).endswith("by withheld.")


def test_an_agent_without_call_facts_has_no_opening() -> None:
    text = "---\nvoice: matthew\nlanguage: en-US\n---\nAnswer."
    assert agent(text).opening(FACTS) == ""


def test_braces_in_what_a_caller_sends_are_not_variables() -> None:
    odd = CallFacts("CA1", "+1 {{ call.time }}", "+15550100", "desk", "edition", "en-US", 0)
    text = GOOD.replace("{{ caller.last_four }}", "{{ caller.number }}")
    assert "{{ call.time }}" in agent(text).opening(odd)


def test_a_call_variable_in_the_instructions_is_refused_and_shown_its_place() -> None:
    line, said = the_fault_of(GOOD + "It is {{ call.time }}.\n")
    assert line == 10
    assert "{{ call.time }}" in said and "call_facts" in said


def test_an_unknown_variable_names_the_nearest() -> None:
    line, said = the_fault_of(GOOD.replace("facts.hours.sunday", "facts.hour.sunday"))
    assert line == 9
    assert "`facts.hours.sunday`" in said


def test_an_unknown_call_variable_in_call_facts_is_a_fault() -> None:
    line, said = the_fault_of(GOOD.replace("call.weekday", "call.week_day"))
    assert line in {5, 6}
    assert "`call.weekday`" in said


@pytest.mark.parametrize("hole", ["{{ 1 + 1 }}", "{{ business.name | upper }}", "{{ __import__('os') }}", "{{}}"])
def test_nothing_but_a_name_stands_between_the_braces(hole: str) -> None:
    line, said = the_fault_of(GOOD + hole)
    assert line == 10
    assert "is not a name" in said


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("voice: tiffany", "voice: Tiffany", 2, "voice"),
        ("voice: tiffany\n", "", 2, "voice: is missing"),
        ("voice: tiffany", "voices: tiffany\nvoice: amy", 2, "Did you mean `voice`?"),
        ("language: en-US", "language: english", 3, "language"),
        ("language: en-US", "language: en-US\ntemperature: 2", 4, "temperature"),
        ("language: en-US", "language: en-US\nendpointing: SOON", 4, "'HIGH', 'MEDIUM' or 'LOW'"),
        ("language: en-US", "language: en-US\nlimits:\n  max_call_minutes: 0", 5, "limits.max_call_minutes"),
        ("tools: [find_order]", "tools: find_order", 4, "tools"),
        ("language: en-US", "language: en-US\nlanguage: es", 4, "stands twice"),
    ],
)
def test_each_mistake_in_the_front_matter_is_shown_on_its_line(old: str, new: str, line: int, words: str) -> None:
    found, said = the_fault_of(GOOD.replace(old, new))
    assert found == line
    assert words in said


def test_a_file_without_front_matter_is_told_how_to_begin() -> None:
    assert the_fault_of("You are the desk.") == (
        1,
        "prompts/desk.md:1: has no front matter. Begin the file with a line `---`",
    )


def test_a_front_matter_that_does_not_end_is_a_fault() -> None:
    assert "does not end" in the_fault_of("---\nvoice: tiffany\n")[1]


def test_instructions_that_are_empty_or_too_long_are_faults() -> None:
    front = GOOD[: GOOD.index("You are")]
    assert "is empty" in the_fault_of(front)[1]
    assert "30000" in the_fault_of(front + "word " * 7_000)[1]
