"""The tools staff wrote, in `tools/` of the content directory.

Python is code and comes with the deployment, and so does the list of MCP servers. A page of YAML says by its `kind`
what it describes; without one it is an HTTP request. Documents under `knowledge/` are searched by a tool of their own.
"""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType

from app.content.faults import ContentError, Fault
from app.content.page import Page, read_page
from app.content.texts import read_texts
from app.tools.bedrock import read_bedrock
from app.tools.contract import Tool
from app.tools.house import NAMES
from app.tools.http_tool import read_http_tool
from app.tools.knowledge import DOCUMENTS, KNOWLEDGE, is_document, read_knowledge
from app.tools.mcp_page import LOCK, SERVERS, Lock, ServerPage, offered_tools, read_lock, read_servers
from app.tools.mcp_tool import mcp_tool
from app.tools.schema import NotFlat
from app.tools.tool import BadTool, FunctionTool, offered

TOOLS = Path("tools")
TAKEN = "is the name of another tool"


@dataclass(frozen=True, slots=True)
class Code:
    """The Python tools by name, imported, and those of the MCP servers. They come with the deployment: a changed file
    waits for the next one. `sources` is what was read, by file."""

    tools: Mapping[str, Tool]
    sources: Mapping[str, str]
    servers: Mapping[str, ServerPage] = field(default_factory=dict)
    lock: Lock = field(default_factory=dict)


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
    documents = {file: text for file, text in texts.items() if is_document(file)}
    for file, read in _readers(texts, documents):
        try:
            found = read()
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


type Documents = Mapping[str, str]

# What a page of this kind describes, given the documents by file. A reader raises `ContentError`.
KINDS: Mapping[str, Callable[[Page, Documents], list[Tool]]] = {
    "http": lambda page, documents: [read_http_tool(page)],
    "knowledge": lambda page, documents: [read_knowledge(page, documents)],
    "bedrock": lambda page, documents: [read_bedrock(page)],
}


def _readers(texts: Mapping[str, str], documents: Documents) -> Iterator[tuple[str, Callable[[], list[Tool]]]]:
    """Each page with its reader. Documents are searched even where no page says how."""
    for file in sorted(texts.keys() - documents.keys()):
        yield file, partial(_described, texts[file], file, documents)
    if documents and KNOWLEDGE not in texts:
        yield DOCUMENTS, lambda: [read_knowledge(None, documents)]


def _described(text: str, file: str, documents: Documents) -> list[Tool]:
    page = read_page(text, file)
    kind = page.data.get("kind", "http") if isinstance(page.data, dict) else "http"
    if kind not in KINDS:
        raise ContentError([page.fault(("kind",), f"{kind!r} is not a kind of tool", f"Choose {', '.join(KINDS)}")])
    return KINDS[kind](page, documents)


def tool_texts(content_dir: Path) -> dict[str, str]:
    """The pages among the tools, by file: what staff may change while the server runs. Blocks on files. Raises
    `ContentError`."""
    pages = [path for path in (content_dir / TOOLS).glob("[!_.]*.yaml") if path != content_dir / SERVERS]
    documents = [path for path in (content_dir / DOCUMENTS).glob("[!_.]*") if path.suffix in {".md", ".txt"}]
    return read_texts(content_dir, sorted([*pages, *documents]))


def import_tools(content_dir: Path) -> Code:
    """Import every file that does not begin with `_`, and read which MCP servers there are. Blocks, and runs staff's
    code. Raises `ContentError`."""
    tools: dict[str, Tool] = {}
    sources = code_texts(content_dir)
    faults: list[Fault] = []
    for name in sources:
        if not name.endswith(".py"):
            continue
        path = content_dir / name
        try:
            found = _tools_of(_imported(path))
        except Exception as error:
            faults.append(_fault(error, path, name))
            continue
        faults += [_taken(tool, name) for tool in found if tool.name in tools or tool.name in NAMES]
        tools |= {tool.name: replace(tool, source=name) for tool in found}
    code = Code(tools, sources)
    try:
        code = with_servers(code)
    except ContentError as error:
        faults += error.faults
    if faults:
        raise ContentError(faults)
    return code


def with_servers(code: Code) -> Code:
    """The same with what its MCP servers offer. Raises `ContentError`."""
    if SERVERS not in code.sources:
        return code
    page, found = read_servers(code.sources[SERVERS])
    lock = read_lock(code.sources.get(LOCK, ""))
    tools = dict(code.tools)
    faults: list[Fault] = []
    for remote in offered_tools(page, found, lock):
        name = remote.declaration.name
        if name in tools or name in NAMES:
            faults.append(page.fault(("servers", remote.server, "tools"), f"{name} {TAKEN}", "Give a `prefix`"))
        tools[name] = mcp_tool(remote, SERVERS)
    if faults:
        raise ContentError(faults)
    return Code(tools, code.sources, found.servers, lock)


def code_texts(content_dir: Path) -> dict[str, str]:
    """What among the tools comes with the deployment, as it is now, by file. Blocks on files. Raises `ContentError`."""
    paths = [*sorted((content_dir / TOOLS).glob("[!_.]*.py")), content_dir / SERVERS, content_dir / LOCK]
    return read_texts(content_dir, paths)


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
