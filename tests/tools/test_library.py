"""The folder `tools/`: staff's Python, loaded with its mistakes named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.content.faults import ContentError, Fault
from app.tools.library import load_tools
from app.tools.tool import FunctionTool

REPOSITORY = Path(__file__).parents[2]

GOOD = '''from app.tools.tool import tool


@tool
def add(one: int, other: int) -> int:
    """Add two numbers."""
    return one + other


def helper() -> None:
    """Not a tool."""
'''


def write(home: Path, name: str, text: str) -> Path:
    (home / "tools").mkdir(exist_ok=True)
    (home / "tools" / name).write_text(text)
    return home


def fault_of(home: Path) -> Fault:
    with pytest.raises(ContentError) as caught:
        load_tools(home)
    (fault,) = caught.value.faults
    return fault


def function(home: Path, name: str) -> Callable[..., Any]:
    tool = load_tools(home).tools[name]
    assert isinstance(tool, FunctionTool)
    return tool.function


def test_decorated_functions_are_found(tmp_path: Path) -> None:
    box = load_tools(write(tmp_path, "sums.py", GOOD))
    assert list(box.tools) == ["add"]
    assert box.sources == {"tools/sums.py": GOOD}


def test_a_folder_without_tools_is_no_error(tmp_path: Path) -> None:
    assert not load_tools(tmp_path).tools


def test_files_that_begin_with_an_underscore_are_left_alone(tmp_path: Path) -> None:
    assert not load_tools(write(tmp_path, "_draft.py", "this is not Python")).tools


def test_files_of_one_name_in_two_businesses_do_not_meet(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        write(tmp_path / str(number), "sums.py", GOOD.replace("one + other", f"{number}"))
    one, two = (function(tmp_path / str(number), "add") for number in (1, 2))
    assert (one(0, 0), two(0, 0)) == (1, 2)


def test_a_slip_of_syntax_is_shown_on_its_line(tmp_path: Path) -> None:
    fault = fault_of(write(tmp_path, "sums.py", GOOD.replace("def helper() ->", "def helper( ->")))
    assert (fault.file, fault.line) == ("tools/sums.py", 10)


def test_an_import_that_fails_is_shown_on_its_line(tmp_path: Path) -> None:
    fault = fault_of(write(tmp_path, "sums.py", GOOD.replace("\n\n\n@tool", "\nimport nothing_of_this_name\n\n@tool")))
    assert (fault.line, fault.problem.split(":")[0]) == (2, "ModuleNotFoundError")


def test_a_tool_that_cannot_be_one_is_shown_where_it_is_defined(tmp_path: Path) -> None:
    fault = fault_of(write(tmp_path, "sums.py", GOOD.replace('    """Add two numbers."""\n', "")))
    assert (fault.line, fault.problem) == (4, "add has no docstring")


def test_a_tool_with_an_object_for_parameter_says_what_to_use(tmp_path: Path) -> None:
    fault = fault_of(write(tmp_path, "sums.py", GOOD.replace("one: int", "one: dict[str, int]")))
    assert "str, int, float" in fault.fix


def test_two_tools_of_one_name_are_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "a.py", GOOD)
    assert fault_of(write(tmp_path, "b.py", GOOD)).file == "tools/b.py"


def test_the_house_s_own_names_are_taken(tmp_path: Path) -> None:
    fault = fault_of(write(tmp_path, "a.py", GOOD.replace("def add", "def end_call")))
    assert (fault.field, fault.problem) == ("end_call", "is the name of another tool")


def test_a_tool_imported_from_another_file_is_not_offered_twice(tmp_path: Path) -> None:
    write(tmp_path, "a.py", GOOD)
    write(
        tmp_path,
        "b.py",
        "import sys\nadd = [m for n, m in sys.modules.items() if n.startswith('offhook_tools_a')][-1].add\n",
    )
    assert list(load_tools(tmp_path).tools) == ["add"]


PAGE = """name: find_it
description: Find it.
url: https://api.example.com/things
"""


def test_a_page_of_yaml_is_a_tool_too(tmp_path: Path) -> None:
    box = load_tools(write(write(tmp_path, "sums.py", GOOD), "find.yaml", PAGE))
    assert sorted(box.tools) == ["add", "find_it"]
    assert (box.tools["find_it"].source, box.sources["tools/find.yaml"]) == ("tools/find.yaml", PAGE)


@pytest.mark.parametrize("name", ["add", "end_call"])
def test_a_page_may_not_take_another_tool_s_name(tmp_path: Path, name: str) -> None:
    write(write(tmp_path, "sums.py", GOOD), "find.yaml", PAGE.replace("find_it", name))
    fault = fault_of(tmp_path)
    assert (fault.file, fault.field, fault.problem) == ("tools/find.yaml", name, "is the name of another tool")


def test_a_kind_nobody_knows_is_named_with_those_there_are(tmp_path: Path) -> None:
    fault = fault_of(write(tmp_path, "find.yaml", "kind: magic\n" + PAGE))
    assert (fault.line, fault.field, "http" in fault.fix) == (1, "kind", True)
