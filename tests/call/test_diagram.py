"""The floor's states are drawn on the map; the drawing is made of the table the call runs on."""

from pathlib import Path

from app.call.turns import FLOOR, Floor, Turns

MAP = (Path(__file__).parents[2] / "app" / "README.md").read_text()


def drawn() -> str:
    """One arrow for each way from state to state, with all the signs that lead along it."""
    arrows: dict[tuple[Floor, Floor], list[str]] = {}
    for (before, sign), after in FLOOR.items():
        arrows.setdefault((before, after), []).append(sign)
    lines = [f"    {before} --> {after}: {', '.join(signs)}" for (before, after), signs in arrows.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {Turns().floor}", *lines])


def test_the_map_shows_the_states_of_the_floor_as_they_are() -> None:
    assert f"```mermaid\n{drawn()}\n```" in MAP
