"""The states of the floor and of a call are drawn on the map, and the drawings made of the tables the call runs on."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from app.call.course import LINE, SERVICE, Course
from app.call.turns import FLOOR, Turns

MAP = (Path(__file__).parents[2] / "app" / "README.md").read_text()


def arrows[State: StrEnum, Sign: StrEnum](table: Mapping[tuple[State, Sign], State], first: State) -> list[str]:
    """One for each way from state to state, with all the signs that lead along it."""
    ways: dict[tuple[State, State], list[str]] = {}
    for (before, sign), after in table.items():
        ways.setdefault((before, after), []).append(sign)
    drawn = [f"{before} --> {after}: {', '.join(signs)}" for (before, after), signs in ways.items()]
    return [f"[*] --> {first}", *drawn]


def diagram(*lines: str) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in lines), "```"])


def region(name: str, lines: list[str]) -> list[str]:
    return [f"state {name} {{", *(f"    {line}" for line in lines), "}"]


def test_the_map_shows_the_states_of_the_floor_as_they_are() -> None:
    assert diagram(*arrows(FLOOR, Turns().floor)) in MAP


def test_the_map_shows_the_states_of_a_call_as_they_are() -> None:
    fresh = Course()
    regions = (*region("line", arrows(LINE, fresh.phase)), *region("service", arrows(SERVICE, fresh.service)))
    assert diagram(*regions) in MAP
