"""The scene is no bag for everything: each of its own fields is set by the modules named beside it, and by no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[2] / "app" / "call"
FIELD = re.compile(r"^ {8}self\.(?P<name>\w+)\b.* = .*  # (?P<modules>[a-z]+(, [a-z]+)*)", re.MULTILINE)
OWNERS = {field["name"]: field["modules"].split(", ") for field in FIELD.finditer((ROOM / "scene.py").read_text())}


def set_in(path: Path) -> Iterator[str]:
    """Fields of the scene that this module sets."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Attribute(value=ast.Name(id="scene"), attr=field, ctx=ast.Store()):
                yield field


@pytest.mark.parametrize("field", OWNERS)
def test_a_field_of_the_scene_is_set_by_the_modules_named_beside_it(field: str) -> None:
    setters = {path.stem for path in ROOM.glob("*.py") if field in set_in(path)}
    assert setters == set(OWNERS[field])


def test_nothing_else_of_the_scene_is_ever_set() -> None:
    assert {field for path in ROOM.glob("*.py") for field in set_in(path)} == set(OWNERS)
