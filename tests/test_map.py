"""app/README.md is the map; it must show today's house."""

import ast
import re
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "app"
MAP = (APP / "README.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.py): (\w+)`", MAP)))
FILES = sorted(set(re.findall(r"`([\w/]+\.py)[`:]", MAP)))


def names_in(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda value: value)
def test_a_name_on_the_map_exists(file: str, name: str) -> None:
    assert name in names_in(APP / file)


@pytest.mark.parametrize("file", FILES)
def test_a_file_on_the_map_exists(file: str) -> None:
    rooms = [APP, *(path for path in APP.rglob("*") if path.is_dir())]
    assert any((room / file).is_file() for room in rooms)


def test_every_room_of_the_house_is_on_the_map() -> None:
    rooms = {path.name for path in APP.iterdir() if path.is_dir() and not path.name.startswith("__")}
    missing = [room for room in rooms if not re.search(rf"\b{room}\b", MAP)]
    assert not missing
