"""A typed function with a docstring is a tool: what the model is told, and what its writer is."""

from enum import Enum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from app.call.setup import CallFacts
from app.tools.contract import Declaration
from app.tools.schema import NotFlat
from app.tools.tool import BadTool, offered, read_tool, tool


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


def book(
    day: Annotated[str, "the day, such as Monday"],
    people: int,
    size: Size,
    meal: Literal["lunch", "dinner"] = "dinner",
    note: str | None = None,
    extras: list[str] = [],  # noqa: B006
    price: Annotated[float, Field(ge=0, description="in dollars")] = 0.0,
) -> str:
    """Book a table.

    More for the model.
    """
    return f"{day} {people} {size} {meal} {note} {extras} {price}"


def test_annotations_become_a_flat_schema() -> None:
    assert read_tool(book).declaration == Declaration(
        "book",
        "Book a table.\n\nMore for the model.",
        {
            "type": "object",
            "properties": {
                "day": {"type": "string", "description": "the day, such as Monday"},
                "people": {"type": "integer"},
                "size": {"type": "string", "enum": ["small", "large"]},
                "meal": {"type": "string", "enum": ["lunch", "dinner"]},
                "note": {"type": "string"},
                "extras": {"type": "array", "items": {"type": "string"}},
                "price": {"type": "number", "description": "in dollars", "minimum": 0},
            },
            "required": ["day", "people", "size"],
        },
    )


def test_a_function_without_parameters_has_an_empty_schema() -> None:
    def now() -> str:
        """Say the time."""
        return "noon"

    assert read_tool(now).declaration.schema == {"type": "object", "properties": {}}


def test_the_call_s_facts_are_not_shown_to_the_model() -> None:
    def mine(number: str, call: CallFacts) -> str:
        """Find my order."""
        return number + call.caller

    found = read_tool(mine)
    assert list(found.declaration.schema["properties"]) == ["number"]
    assert found.house == ("call", CallFacts)


def test_a_decorated_function_stays_a_function() -> None:
    @tool
    def double(number: int) -> int:
        """Double it."""
        return 2 * number

    @tool(time_limit_s=1.5)
    def triple(number: int) -> int:
        """Triple it."""
        return 3 * number

    assert (double(4), triple(4)) == (8, 12)
    found = offered(triple)
    assert found is not None and found.time_limit_s == 1.5


def test_what_is_not_decorated_is_not_offered() -> None:
    assert offered(book) is None
    assert offered(42) is None


def test_a_function_without_docstring_is_told_what_to_write() -> None:
    def mute(number: int) -> int:
        return number

    with pytest.raises(BadTool, match="mute has no docstring"):
        read_tool(mute)


def test_a_parameter_without_type_is_named() -> None:
    def loose(number) -> int:  # type: ignore[no-untyped-def]
        """Do it."""
        return int(number)

    with pytest.raises(BadTool, match="number has no type"):
        read_tool(loose)


def test_any_number_of_parameters_is_refused() -> None:
    def wide(*numbers: int) -> int:
        """Add them."""
        return sum(numbers)

    with pytest.raises(BadTool, match="numbers"):
        read_tool(wide)


class Address(BaseModel):
    street: str


def test_a_parameter_that_is_an_object_is_refused() -> None:
    def move(to: Address) -> str:
        """Move."""
        return to.street

    with pytest.raises(NotFlat, match="move: to"):
        read_tool(move)


def test_a_union_of_two_kinds_is_refused() -> None:
    def either(value: int | str) -> str:
        """Take it."""
        return str(value)

    with pytest.raises(NotFlat, match="either: value"):
        read_tool(either)
