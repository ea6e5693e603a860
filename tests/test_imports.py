"""Imports point down, and only down: the layers of app/README.md, read from the code itself."""

import ast
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "app"

# A room may import itself and the rooms named here (and nothing of any other room of the house).
NEIGHBOURS = {"legs", "engines", "tools", "cache", "prompts", "records", "metrics"}
PURE = {"call", "audio", "content"}
MAY_IMPORT: dict[str, set[str]] = {
    "call": set(),
    "audio": set(),
    "content": set(),
    **{room: PURE for room in NEIGHBOURS},
    "bridge": PURE | NEIGHBOURS | {"pool"},
    "pool": PURE | NEIGHBOURS,
    "campaign": PURE | NEIGHBOURS,
    "prices": PURE,  # reads the price table, which is the deployment's, not the staff's
    "settings": PURE | {"tools.addresses"},  # pure: how TOOL_HOSTS is written
    "edition": PURE | NEIGHBOURS,
    "casting": PURE | NEIGHBOURS | {"bridge", "edition", "settings"},
    "studio": PURE | NEIGHBOURS | {"settings"},  # voices are engines, recordings the cache's
    "editions": PURE | NEIGHBOURS | {"bridge", "edition", "casting", "settings"},
    "watching": {"editions"},
    "assembly": PURE
    | NEIGHBOURS
    | {"bridge", "pool", "edition", "casting", "editions", "studio", "settings", "prices"},
    "doctor": PURE
    | NEIGHBOURS
    | {"edition", "assembly", "settings", "prices"},  # a server's own parts, asked one by one
    "web": PURE | NEIGHBOURS | {"bridge", "pool", "settings"},
    "simulator": {"audio", "engines.offline"},  # were the wire code shared, both ends would share a mistake
    "cli": PURE
    | NEIGHBOURS
    | {"bridge", "pool", "campaign", "edition", "casting", "editions", "watching", "studio", "assembly", "web"}
    | {"settings"}
    | {"simulator", "prices", "doctor"},
}
PURE_FILES = {
    *("messages.py", "events.py", "plan.py", "renewal.py", "twiml.py", "signature.py", "schema.py", "match.py"),
    *("handling.py", "refusals.py", "route_lines.py"),
    *("addresses.py", "arguments.py", "breaker.py", "deeds.py", "results.py", "spoken.py", "template.py"),
    *("passages.py", "search.py", "mcp_page.py"),
}
WORLDLY = {"asyncio", "socket", "time", "random", "os", "threading", "subprocess", "httpx", "redis", "websockets"}
MODULES = sorted(APP.rglob("*.py"))


def imports_of(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which room they reach"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def room_of(path: Path) -> str:
    return path.relative_to(APP).parts[0].removesuffix(".py")


def allowed(room: str, dotted: str) -> bool:
    target = dotted.removeprefix("app.")
    return any(target == door or target.startswith(f"{door}.") for door in {room, *MAY_IMPORT[room]})


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_a_module_imports_only_rooms_below_its_own(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    assert room in MAY_IMPORT, f"{room} is not a room of the house: add it to app/README.md and here, with the reason"
    wrong = [name for name in imports_of(path) if name.startswith("app.") and not allowed(room, name)]
    assert not wrong, f"{path.relative_to(APP)} reaches up or sideways: {wrong}"


def is_pure(path: Path) -> bool:
    return room_of(path) in PURE or (path.name in PURE_FILES and room_of(path) not in {"simulator", "cli", "records"})


@pytest.mark.parametrize("path", [p for p in MODULES if is_pure(p)], ids=lambda path: str(path.relative_to(APP)))
def test_a_pure_module_asks_no_clock_and_touches_no_world(path: Path) -> None:
    wrong = [name for name in imports_of(path) if name.split(".")[0] in WORLDLY]
    assert not wrong, f"{path.relative_to(APP)} imports {wrong}"
