"""Which MCP servers there are, and which of their tools are let in. Pure.

servers:                                       # tools/mcp.yaml
  parts:
    command: python                            # or `url: https://parts.example.com/mcp`
    args: [-m, parts_server]
    env: [TOOL_PARTS_KEY]                      # with a url: `headers: {Authorization: "Bearer {{ TOOL_PARTS_KEY }}"}`
    tools: [find_part, reserve_part]
    effects: [reserve_part]                    # which of them change something
    prefix: parts_

What a tool is for and what it takes is said by the server, but a model reads it as an instruction. So it is pinned:
`offhook tools pin` writes it into `tools/mcp.lock.json`, to be read, kept and deployed like code. A server that says
something else later changes nothing, and one that is away keeps no call from beginning.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from app.content.faults import ContentError, Fault
from app.content.page import Page, read_page, validated
from app.tools.addresses import LOOPBACK, host_problem
from app.tools.contract import Declaration
from app.tools.http_page import LONGEST_WAIT_S, URL, VARIABLE
from app.tools.schema import NotFlat, flat_schema
from app.tools.template import BadTemplate, Template

SERVERS = "tools/mcp.yaml"
LOCK = "tools/mcp.lock.json"
PIN = "Run `offhook tools pin`, and read what it wrote"
NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,63}")

type Variable = Annotated[str, StringConstraints(pattern=r"^TOOL_[A-Z0-9_]+$")]


class ServerPage(BaseModel):
    """One server: a program that is run (`command`) or an address (`url`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str = ""
    args: list[str] = []
    env: list[Variable] = []
    url: str = ""
    headers: dict[str, str] = {}
    tools: list[str] = Field(min_length=1)
    effects: list[str] = []
    prefix: Annotated[str, StringConstraints(pattern=r"^([a-zA-Z][a-zA-Z0-9_]{0,30})?$")] = ""
    time_limit_s: float = Field(default=8.0, gt=0, le=LONGEST_WAIT_S)
    at_once: int = Field(default=8, ge=1, le=64)

    @model_validator(mode="after")
    def _one_way_to_reach_it(self) -> "ServerPage":
        if bool(self.command) == bool(self.url):
            raise ValueError("needs `command` or `url`, and not both; Write one of them")
        if self.command and self.headers:
            raise ValueError("has headers, but is a program; Give it variables with `env`")
        if self.url and (self.env or self.args):
            raise ValueError("has a url, and `env` or `args` beside it; Remove them: they are for a `command`")
        return self

    def name_of(self, tool: str) -> str:
        """What the model calls this tool of the server's."""
        return self.prefix + re.sub(r"[^a-zA-Z0-9_]", "_", tool)


class ServersPage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    servers: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")], ServerPage]


class Pinned(BaseModel):
    """What a server said of a tool when it was pinned; `schema` as it came."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    description: str
    takes: dict[str, Any] = Field(alias="schema")


type Lock = Mapping[str, Mapping[str, Pinned]]  # by server, by the server's own name of the tool


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool of a server's that is let in: `remote` is the server's own name for it."""

    server: str
    remote: str
    declaration: Declaration
    page: ServerPage

    @property
    def effects(self) -> bool:
        return self.remote in self.page.effects


def read_servers(text: str) -> tuple[Page, ServersPage]:
    """`tools/mcp.yaml`. Raises `ContentError`."""
    page = read_page(text, SERVERS)
    found = validated(ServersPage, page)
    faults = [fault for name, server in found.servers.items() for fault in _faults(name, server, page)]
    if faults:
        raise ContentError(faults)
    return page, found


def read_lock(text: str) -> Lock:
    """`tools/mcp.lock.json`. Raises `ContentError`."""
    try:
        return TypeAdapter(dict[str, dict[str, Pinned]]).validate_json(text or "{}")
    except ValidationError:
        raise ContentError([Fault(LOCK, 0, "", "is not what was written there", PIN)]) from None


def lock_text(lock: Lock) -> str:
    """The lock as a file: always the same for the same offers, so that a change is seen in its history."""
    plain = {
        server: {name: tool.model_dump(by_alias=True) for name, tool in sorted(tools.items())}
        for server, tools in sorted(lock.items())
    }
    return json.dumps(plain, ensure_ascii=False, indent=2) + "\n"


def offered_tools(page: Page, servers: ServersPage, lock: Lock) -> list[Offered]:
    """Every tool that is let in, with a flat schema. Raises `ContentError` for what is not pinned or not flat."""
    found: list[Offered] = []
    faults: list[Fault] = []
    for name, server in servers.servers.items():
        for at, remote in enumerate(server.tools):
            place = ("servers", name, "tools", at)
            pinned = lock.get(name, {}).get(remote)
            if pinned is None:
                faults.append(page.fault(place, f"{remote} is not pinned", PIN))
                continue
            try:
                declaration = declared(server.name_of(remote), pinned)
            except NotFlat as error:
                faults.append(page.fault(place, str(error), "A model cannot fill it well: leave this tool out"))
                continue
            found.append(Offered(name, remote, declaration, server))
    if faults:
        raise ContentError(faults)
    return found


def declared(name: str, pinned: Pinned) -> Declaration:
    """Raises `NotFlat`."""
    try:
        schema = flat_schema(pinned.takes, name)
    except (AttributeError, KeyError, TypeError, RecursionError):  # a stranger's schema may be anything
        raise NotFlat(f"{name} has a schema that cannot be read") from None
    return Declaration(name, pinned.description or name.replace("_", " "), schema)


def variables_of(server: ServerPage) -> set[str]:
    """The `TOOL_*` it is given."""
    return {*server.env, *(name for text in server.headers.values() for name in Template(text).names)}


def _faults(name: str, server: ServerPage, page: Page) -> Iterator[Fault]:
    base = ("servers", name)
    for remote in server.tools:
        if not NAME.fullmatch(server.name_of(remote)):
            yield page.fault((*base, "tools"), f"{server.name_of(remote)!r} is no name for a tool", "Give a `prefix`")
    for remote in sorted({*server.effects} - {*server.tools}):
        yield page.fault((*base, "effects"), f"{remote} is not among `tools`", "Name it there, or remove it here")
    if server.url:
        yield from _url_faults(server.url, page, (*base, "url"))
    for header, text in server.headers.items():
        yield from _header_faults(text, page, (*base, "headers", header))


def _url_faults(url: str, page: Page, path: tuple[str, ...]) -> Iterator[Fault]:
    parts = URL.fullmatch(url)
    if parts is None:
        yield page.fault(path, "is no address", "Write https://host/path")
    elif (problem := host_problem(parts["host"].lower())) is not None:
        yield page.fault(path, f"{parts['host']} {problem}", "Name a public host, such as mcp.example.com")
    elif parts["scheme"] != "https" and parts["host"] != LOOPBACK:
        yield page.fault(path, "is not https", "Begin it with https://")


def _header_faults(text: str, page: Page, path: tuple[str, ...]) -> Iterator[Fault]:
    try:
        names = Template(text).names
    except BadTemplate as bad:
        yield page.fault(path, bad.problem, bad.fix)
        return
    for wrong in sorted(name for name in names if not VARIABLE.fullmatch(name)):
        yield page.fault(path, f"there is no {wrong!r}", "Only variables named TOOL_... may stand here")
