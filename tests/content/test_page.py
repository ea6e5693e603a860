"""Staff's YAML: few surprises, and faults with their line."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from app.content.faults import ContentError, Fault
from app.content.page import read_page, validated


class Shop(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    size: int = 1
    kind: Literal["bikes", "books"] = "bikes"
    hours: dict[str, str] = {}


def faults_of(text: str, first_line: int = 1) -> tuple[Fault, ...]:
    with pytest.raises(ContentError) as caught:
        validated(Shop, read_page(text, "shop.yaml", first_line))
    return caught.value.faults


def test_telephone_numbers_times_and_countries_stay_text() -> None:
    page = read_page("number: +15550100\nopens: 9:30\ncountry: no\ndate: 2026-11-21\n+15550101: desk", "a.yaml")
    assert page.data == {
        "number": "+15550100",
        "opens": "9:30",
        "country": "no",
        "date": "2026-11-21",
        "+15550101": "desk",
    }


def test_whole_numbers_decimals_truth_and_nothing_are_read() -> None:
    page = read_page("a: 4712\nb: 0.7\nc: true\nd:\ne: null\nf: -3\ng: 007", "a.yaml")
    assert page.data == {"a": 4712, "b": 0.7, "c": True, "d": None, "e": None, "f": -3, "g": "007"}


def test_a_quoted_number_is_text() -> None:
    assert read_page('a: "4712"', "a.yaml").data == {"a": "4712"}


def test_each_part_knows_its_line() -> None:
    page = read_page("name: x\nhours:\n  monday: 9 to 5\n  sunday: closed\n", "a.yaml", first_line=10)
    assert page.line_of(("hours", "sunday")) == 13
    assert page.line_of(("hours", "friday")) == 11  # not there: the line of what it would stand in


def test_an_unknown_field_is_named_with_its_line_and_the_nearest_known_one() -> None:
    assert faults_of("name: x\nsise: 3") == (
        Fault("shop.yaml", 2, "sise", "is not known here", "Did you mean `size`?"),
    )


def test_a_missing_field_says_what_to_add() -> None:
    (fault,) = faults_of("size: 3")
    assert str(fault) == "shop.yaml:1: name: is missing. Add a line `name: ...`"


def test_a_wrong_choice_lists_the_choices() -> None:
    (fault,) = faults_of("name: x\nkind: boats")
    assert (fault.line, fault.fix) == (2, "Choose 'bikes' or 'books'")


def test_several_faults_come_together() -> None:
    assert [fault.field for fault in faults_of("size: many\nkind: boats")] == ["name", "size", "kind"]


def test_a_wrong_value_deep_inside_has_its_own_line() -> None:
    (fault,) = faults_of("name: x\nhours:\n  monday: [1, 2]\n", first_line=5)
    assert (fault.line, fault.field) == (7, "hours.monday")


def test_a_key_that_stands_twice_is_a_fault() -> None:
    (fault,) = faults_of("name: x\nname: y")
    assert (fault.line, fault.problem) == (2, "stands twice")


def test_broken_yaml_names_the_line() -> None:
    (fault,) = faults_of('name: "x\nsize: 3\n', first_line=4)
    assert fault.line >= 4
    assert "quotes" in fault.fix


def test_an_empty_page_is_missing_its_fields() -> None:
    assert [fault.field for fault in faults_of("")] == ["name"]


BOMB = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: [*b, *b, *b, *b]\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (BOMB, 2, "`*a` repeats another part"),
        ("[" * 40 + "]" * 40, 1, "nested more than"),
        ("a: 1\n" + "".join(f"k{n}: 1\n" for n in range(12_000)), 10_001, "has more than"),
    ],
)
def test_a_page_that_would_swell_is_refused_before_anything_is_made_of_it(text: str, line: int, words: str) -> None:
    with pytest.raises(ContentError) as wrong:
        read_page(text, "prompts/facts.yaml")
    (fault,) = wrong.value.faults
    assert fault.line == line
    assert words in fault.problem


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system [echo]", "!!python/name:os.system"])
def test_nothing_on_a_page_can_run(text: str) -> None:
    data = read_page(f"a: {text}\n", "prompts/facts.yaml").data
    assert data in ({"a": ["echo"]}, {"a": ""})


def test_digits_without_end_are_text_and_no_number() -> None:
    assert read_page("a: " + "9" * 5_000, "prompts/facts.yaml").data == {"a": "9" * 5_000}
