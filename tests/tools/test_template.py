"""Templates fill names in, and can do nothing else."""

from typing import Any

import pytest

from app.tools.template import BadTemplate, NotFilled, Template, fill_path

VALUES = {"number": "4712", "answer": {"items": [{"name": "bell"}], "price": 2.5, "paid": False, "none": None}}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("Order {{ number | spelt }}.", "Order 4 7 1 2."),
        ("{{ answer.price }}", 2.5),
        ("{{ answer.paid }}", False),
        ("{{ answer.none }}", None),
        ("{{ answer.missing }}", None),
        ("{{ answer.missing.deeper | default('no') }}", "no"),
        ("{{ answer.items[0].name | upper }}", "BELL"),  # the answer's own `items`, not a method
        ("{{ answer.items.0.name }}", "bell"),
        ("{{ answer['price'] }} dollars", "2.5 dollars"),
        ("{{ number }}{{ number }}", "47124712"),
    ],
)
def test_names_are_filled_in(text: str, filled: Any) -> None:
    assert Template(text).fill(VALUES) == filled


@pytest.mark.parametrize(
    "text",
    [
        "{% for x in answer %}{% endfor %}",
        "{% if number %}x{% endif %}",
        "{% set x = 1 %}",
        "{% include 'x' %}",
        "{{ range(9) }}",
        "{{ number.upper() }}",
        "{{ number * 9 }}",
        "{{ number ~ number }}",
        "{{ number if number else 1 }}",
        "{{ answer[number] }}",
        "{{ [1, 2] }}",
        "{{ {'a': 1} }}",
        "{{ number | center(1000000) }}",
        "{{ number | attr('x') }}",
        "{{ number | map('upper') }}",
        "{{ number | default(answer) }}",
        "{{ number == 1 }}",
        "{{ number",
        "{{ }}",
        "x" * 5_000,
    ],
)
def test_anything_that_could_run_or_grow_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        Template(text)
    assert caught.value.fix


@pytest.mark.parametrize("text", ["x {{ answer.__class__ }}", "x {{ number.__class__.__mro__ }}", "x {{ missing }}"])
def test_a_name_reaches_data_and_nothing_behind_it(text: str) -> None:
    with pytest.raises(NotFilled, match="undefined"):
        Template(text).fill(VALUES)


def test_what_goes_wrong_is_told_without_a_value() -> None:
    with pytest.raises(NotFilled) as caught:
        Template("x {{ word | round }}").fill({"word": "swordfish"})
    assert "swordfish" not in str(caught.value)


def test_long_results_are_cut() -> None:
    assert len(Template("{{ a }}{{ a }}").fill({"a": "x" * 3_000})) == 4_000


def test_a_value_stays_one_part_of_a_path() -> None:
    filled = fill_path("https://a.com/orders/{{ number }}", {"number": "../x?y=1#z/ü"})
    assert filled == "https://a.com/orders/..%2Fx%3Fy%3D1%23z%2F%C3%BC"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_does_not_lead_out_of_a_path(value: str) -> None:
    with pytest.raises(NotFilled, match="path"):
        fill_path("https://a.com/orders/{{ number }}", {"number": value})
