"""Which MCP servers there are, what of them is let in, and what is wrong with a page."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.content.faults import ContentError
from app.tools.library import Code, load_tools
from app.tools.mcp_page import LOCK, Pinned, lock_text, read_lock
from app.tools.mcp_tool import McpTool, answer_of

PAGE = """servers:
  parts:
    command: python
    args: [parts_server.py]
    env: [TOOL_PARTS_KEY]
    tools: [find_part, part.price]
    effects: [part.price]
    prefix: shop_
  maps:
    url: https://maps.example.com/mcp
    headers: {Authorization: "Bearer {{ TOOL_MAPS_KEY }}"}
    tools: [route]
    time_limit_s: 3
"""
FIND = {
    "type": "object",
    "title": "findArguments",
    "properties": {
        "name": {"type": "string", "title": "Name", "description": "what it is called"},
        "count": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "kind": {"$ref": "#/$defs/Kind"},
        "colour": {"type": ["string", "null"]},
        "sizes": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["name"],
    "$defs": {"Kind": {"enum": ["new", "used"], "type": "string"}},
}
PLAIN = {"type": "object", "properties": {}}
LOCKED: dict[str, dict[str, Any]] = {
    "parts": {
        "find_part": {"description": "Find a part.", "schema": FIND},
        "part.price": {"description": "", "schema": PLAIN},
    },
    "maps": {"route": {"description": "Find the way.", "schema": PLAIN}},
}


def load(home: Path, page: str = PAGE, lock: Any = LOCKED) -> Code:
    (home / "tools").mkdir(exist_ok=True)
    (home / "tools" / "mcp.yaml").write_text(page)
    (home / LOCK).write_text(lock if isinstance(lock, str) else json.dumps(lock))
    box = load_tools(home)
    assert set(box.sources) == {"tools/mcp.yaml", LOCK}
    return box.code


def fault(home: Path, page: str = PAGE, lock: Any = LOCKED) -> tuple[int, str, str]:
    with pytest.raises(ContentError) as caught:
        load(home, page, lock)
    found = caught.value.faults[0]
    return found.line, found.field, f"{found.problem}. {found.fix}"


def find(home: Path) -> McpTool:
    tool = load(home).tools["shop_find_part"]
    assert isinstance(tool, McpTool)
    return tool


def test_a_pinned_tool_is_one_without_its_server(tmp_path: Path) -> None:
    tools = load(tmp_path).tools
    assert list(tools) == ["shop_find_part", "shop_part_price", "route"]
    assert [tool.effects for tool in tools.values()] == [False, True, False]
    assert (tools["route"].time_limit_s, tools["route"].source) == (3.0, "tools/mcp.yaml")


def test_its_schema_is_made_flat_for_the_model(tmp_path: Path) -> None:
    declared = find(tmp_path).declaration
    assert declared.description == "Find a part."
    assert declared.schema == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "what it is called"},
            "count": {"type": "integer"},
            "kind": {"type": "string", "enum": ["new", "used"]},
            "colour": {"type": "string"},
            "sizes": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["name"],
    }


def test_arguments_are_checked_before_anything_is_sent(tmp_path: Path) -> None:
    tool = find(tmp_path)
    assert tool.check({"name": "bell", "count": 2, "colour": None}) == {"name": "bell", "count": 2}
    for wrong in ({}, {"name": "bell", "kind": "broken"}, {"name": "bell", "sizes": "many"}):
        with pytest.raises(Exception, match="correct arguments"):
            tool.check(wrong)


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "object", "properties": {"where": {"type": "object"}}}, "is not plain"),
        ({"type": "object", "properties": {"where": {"$ref": "#/$defs/Nowhere"}}}, "cannot be read"),
        ({"type": "object", "properties": ["where"]}, "cannot be read"),
        ({"type": "object", "properties": {"where": {"type": ["string", "integer"]}}}, "is not plain"),
        (
            {
                "type": "object",
                "properties": {"where": {"$ref": "#/$defs/Loop"}},
                "$defs": {"Loop": {"type": "array", "items": {"$ref": "#/$defs/Loop"}}},
            },
            "cannot be read",
        ),
    ],
)
def test_a_tool_that_is_not_flat_is_refused_where_it_is_let_in(
    tmp_path: Path, schema: dict[str, Any], problem: str
) -> None:
    lock = {**LOCKED, "maps": {"route": {"description": "", "schema": schema}}}
    line, field, told = fault(tmp_path, lock=lock)
    assert (line, field) == (12, "servers.maps.tools.0") and problem in told and "leave this tool out" in told


@pytest.mark.parametrize(
    ("old", "new", "field", "told"),
    [
        ("    command: python\n", "", "servers.parts", "needs `command` or `url`"),
        ("https://maps", "http://maps", "servers.maps.url", "is not https"),
        ("maps.example.com", "10.0.0.8", "servers.maps.url", "private network"),
        ("maps.example.com", "localhost", "servers.maps.url", "not a full host name"),
        ("TOOL_PARTS_KEY", "AWS_SECRET_ACCESS_KEY", "servers.parts.env.0", "pattern"),
        ("TOOL_MAPS_KEY", "AWS_SECRET_ACCESS_KEY", "servers.maps.headers.Authorization", "TOOL_"),
        ("effects: [part.price]", "effects: [sell]", "servers.parts.effects", "not among `tools`"),
        ("tools: [route]", "tools: []", "servers.maps.tools", "at least 1"),
        ("tools: [route]", "tools: [route, fly]", "servers.maps.tools.1", "offhook tools pin"),
        ("    url: https", "    args: [x]\n    url: https", "servers.maps", "Remove them"),
        ("tools: [route]", "tools: [end_call]", "servers.maps.tools", "is the name of another tool"),
    ],
)
def test_a_page_that_will_not_do_says_where_and_how_to_mend_it(
    tmp_path: Path, old: str, new: str, field: str, told: str
) -> None:
    assert old in PAGE
    lock = {**LOCKED, "maps": {name: LOCKED["maps"]["route"] for name in ("route", "end_call")}}
    _, where, words = fault(tmp_path, PAGE.replace(old, new), lock)
    assert where == field and told in words


def test_a_lock_that_somebody_broke_says_how_to_make_another(tmp_path: Path) -> None:
    assert "offhook tools pin" in fault(tmp_path, lock="{")[2]


def test_a_lock_is_written_alike_for_the_same_offers() -> None:
    one = Pinned(description="Find.", schema={"type": "object", "properties": {}})
    text = lock_text({"b": {"two": one, "one": one}, "a": {}})
    assert text == lock_text({"a": {}, "b": {"one": one, "two": one}})
    assert read_lock(text) == {"a": {}, "b": {"one": one, "two": one}}


@pytest.mark.parametrize(
    ("structured", "texts", "told"),
    [
        ({"a": 1}, ["a is 1"], {"a": 1}),
        ([1, 2], [], [1, 2]),
        (None, ['{"a": 1}'], {"a": 1}),
        (None, ["{no json"], {"text": "{no json"}),
        (None, [" one ", "", "two"], {"text": "one\ntwo"}),
        (None, ["[1, 2]"], {"text": "[1, 2]"}),
    ],
)
def test_an_answer_becomes_one_document(structured: Any, texts: list[str], told: Any) -> None:
    assert answer_of(structured, texts) == told


def test_an_answer_of_pictures_only_is_said_to_be_one() -> None:
    assert "nothing that can be said" in answer_of(None, [])["summary"]
    assert len(answer_of(None, ["x" * 100_000])["text"]) == 4_000
