"""What models make of arguments, and what is made of that."""

import json
from typing import Any

import pytest

from app.tools.arguments import read_arguments
from app.tools.contract import BadArguments
from app.tools.spoken import digits_in, number_in

SCHEMA = {
    "type": "object",
    "properties": {
        "order_number": {"type": "string", "pattern": "^[0-9]{4}$"},
        "people": {"type": "integer"},
        "price": {"type": "number"},
        "size": {"type": "string", "enum": ["small", "extra_large"]},
        "paid": {"type": "boolean"},
        "extras": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
    },
}


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ({"people": "4"}, {"people": 4}),
        ({"people": 4.0}, {"people": 4}),
        ({"people": "twenty-one"}, {"people": 21}),
        ({"people": "one hundred and five"}, {"people": 105}),
        ({"price": "two point five"}, {"price": 2.5}),
        ({"price": "1,200.50"}, {"price": 1200.5}),
        ({"people": "many"}, {"people": "many"}),  # for the tool to refuse
        ({"people": 2.5}, {"people": 2.5}),
        ({"order_number": 4712}, {"order_number": "4712"}),
        ({"order_number": "four seven one two"}, {"order_number": "4712"}),
        ({"order_number": "Order 47-12."}, {"order_number": "4712"}),
        ({"order_number": ["4", 7, "1", 2]}, {"order_number": "4712"}),
        ({"order_number": "cuatro siete uno dos"}, {"order_number": "4712"}),
        ({"order_number": "12"}, {"order_number": "12"}),
        ({"orderNumber": "4712"}, {"order_number": "4712"}),
        ({"Order Number": "4712"}, {"order_number": "4712"}),
        ({"order_number": "4712", "orderNumber": "9999"}, {"order_number": "4712"}),
        ({"orderNumber": "9999", "order_number": "4712"}, {"order_number": "4712"}),
        ({"size": "Extra Large"}, {"size": "extra_large"}),
        ({"size": "SMALL"}, {"size": "small"}),
        ({"size": "huge"}, {"size": "huge"}),
        ({"paid": "Yes"}, {"paid": True}),
        ({"paid": 0}, {"paid": False}),
        ({"paid": "perhaps"}, {"paid": "perhaps"}),
        ({"extras": "bell"}, {"extras": ["bell"]}),
        ({"extras": '["bell", "light"]'}, {"extras": ["bell", "light"]}),
        ({"note": None, "people": "null", "size": ""}, {}),
        ({"note": 4, "mood": "good"}, {"note": "4"}),
        ({"note": "  twenty-one  "}, {"note": "twenty-one"}),
        ({"arguments": {"people": 4}}, {"people": 4}),
        ({"input": '{"people": 4}'}, {"people": 4}),
    ],
)
def test_one_honest_reading_is_taken(sent: dict[str, Any], given: dict[str, Any]) -> None:
    assert read_arguments(json.dumps(sent), SCHEMA) == given


@pytest.mark.parametrize("text", ["", "null", " {} ", '"{}"', '"\\"{}\\""'])
def test_nothing_is_an_empty_object(text: str) -> None:
    assert read_arguments(text, SCHEMA) == {}


def test_json_within_json_is_unpacked() -> None:
    assert read_arguments(json.dumps(json.dumps({"people": "4"})), SCHEMA) == {"people": 4}


@pytest.mark.parametrize("text", ["{", "[]", "4", "four", '"[1]"', "[" * 100_000, "[" * 15_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BadArguments, match="again"):
        read_arguments(text, SCHEMA)


@pytest.mark.parametrize(
    ("spoken", "digits"),
    [("double four, oh one", "4401"), ("4-7 1 2", "4712"), ("none at all", ""), ("seven  7", "77")],
)
def test_digits_are_found_in_what_was_said(spoken: str, digits: str) -> None:
    assert digits_in(spoken) == digits


@pytest.mark.parametrize(
    ("spoken", "number"),
    [
        ("two thousand and six", 2006),
        ("one million two hundred thousand", 1_200_000),
        ("four seven one two", 4712),
        ("minus three", -3),
        ("a hundred", 100),
        ("three apples", None),
        ("", None),
        ("point", None),
        ("1,2", None),
    ],
)
def test_a_number_is_a_number_only_where_nothing_else_was_said(spoken: str, number: float | None) -> None:
    assert number_in(spoken) == number
