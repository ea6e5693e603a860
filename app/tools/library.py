"""The tools staff wrote, in `tools/` of the content directory.

Python is code and comes with the deployment. A page of YAML says by its `kind` what it describes; without one it is an
HTTP request.
"""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from app.content.faults import ContentError, Fault
from app.content.page import Page, read_page
from app.content.texts import read_texts
from app.tools.contract import Tool
from app.tools.house import NAMES
from app.tools.http_tool import read_http_tool
from app.tools.schema import NotFlat
from app.tools.tool import BadTool, FunctionTool, offered

TOOLS = Path("tools")
TAKEN = "is the name of another tool"


@dataclass(frozen=True, slots=True)
class Code:
    """The Python tools by name, imported. They come with the deployment: a changed file waits for the next one.
    `sources` is what was imported, by file."""

    tools: Mapping[str, Tool]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Toolbox:
    """All tools by name. `sources` is what was read, by file: an edition's hash is made from it."""

    tools: Mapping[str, Tool]
    sources: Mapping[str, str]
    code: Code


def load_tools(content_dir: Path) -> Toolbox:
    """Everything in the folder. Blocks, and runs staff's code. Raises `ContentError`."""
    return read_tools(tool_texts(content_dir), import_tools(content_dir))


def read_tools(texts: Mapping[str, str], code: Code) -> Toolbox:
    """The tools of these pages, by file as `tool_texts` gives them, and those of `code`. Raises `ContentError`."""
    tools = dict(code.tools)
    faults: list[Fault] = []
    for file, text in sorted(texts.items()):
        try:
            found = _described(text, file)
        except ContentError as error:
            faults += error.faults
            continue
        for tool in found:
            name = tool.declaration.name
            if name in tools or name in NAMES:
                faults.append(Fault(file, 0, name, TAKEN, "Give it another name"))
            tools[name] = tool
    if faults:
        raise ContentError(faults)
    return Toolbox(tools, {**code.sources, **texts}, code)


# What a page of this kind describes. A reader raises `ContentError`.
KINDS: Mapping[str, Callable[[Page], list[Tool]]] = {
    "http": lambda page: [read_http_tool(page)],
}


def _described(text: str, file: str) -> list[Tool]:
    page = read_page(text, file)
    kind = page.data.get("kind", "http") if isinstance(page.data, dict) else "http"
    if kind not in KINDS:
        raise ContentError([page.fault(("kind",), f"{kind!r} is not a kind of tool", f"Choose {', '.join(KINDS)}")])
    return KINDS[kind](page)


def tool_texts(content_dir: Path) -> dict[str, str]:
    """The pages among the tools, by file: what staff may change while the server runs. Blocks on files. Raises
    `ContentError`."""
    return read_texts(content_dir, sorted((content_dir / TOOLS).glob("[!_.]*.yaml")))


def import_tools(content_dir: Path) -> Code:
    """Import every file that does not begin with `_`. Blocks, and runs staff's code. Raises `ContentError`."""
    tools: dict[str, Tool] = {}
    sources = code_texts(content_dir)
    faults: list[Fault] = []
    for name in sources:
        path = content_dir / name
        try:
            found = _tools_of(_imported(path))
        except Exception as error:
            faults.append(_fault(error, path, name))
            continue
        faults += [_taken(tool, name) for tool in found if tool.name in tools or tool.name in NAMES]
        tools |= {tool.name: replace(tool, source=name) for tool in found}
    if faults:
        raise ContentError(faults)
    return Code(tools, sources)


def code_texts(content_dir: Path) -> dict[str, str]:
    """The Python files among the tools as they are now, by file. Blocks on files."""
    return {
        str(path.relative_to(content_dir)): path.read_text(encoding="utf-8")
        for path in sorted((content_dir / TOOLS).glob("[!_.]*.py"))
    }


def _imported(path: Path) -> ModuleType:
    # A name of its own for each file wherever it lies, so that two businesses' `orders.py` do not meet.
    name = f"offhook_tools_{path.stem}_{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where pydantic and dataclasses look up annotations
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _tools_of(module: ModuleType) -> list[FunctionTool]:
    """Those defined in this file, not those it imports from another."""
    found = [offered(value) for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__]
    return [tool for tool in found if tool is not None]


def _taken(tool: FunctionTool, file: str) -> Fault:
    line = tool.function.__code__.co_firstlineno
    return Fault(file, line, tool.name, TAKEN, "Give the function another name")


def _fault(error: Exception, path: Path, file: str) -> Fault:
    if isinstance(error, SyntaxError):
        return Fault(file, error.lineno or 0, "", error.msg, "Correct the Python here")
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = (lines or [0])[-1] or 0
    if isinstance(error, BadTool):
        return Fault(file, line, "", error.problem, error.fix)
    if isinstance(error, NotFlat):
        return Fault(file, line, "", str(error), "Use str, int, float, bool, Literal or a list of one of them")
    return Fault(file, line, "", f"{type(error).__name__}: {error}", "The file must import without an error")
