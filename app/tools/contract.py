"""What a tool is to the host, whatever it is made of: a Python function, an HTTP request, another program's offer.

The host asks `check` whether it can work with what the model sent, then awaits `call` under the tool's time limit. What
`call` returns becomes JSON; what it raises tells the host whose fault it was.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from app.call.setup import CallFacts

if TYPE_CHECKING:
    from app.tools.mcp_link import Links
    from app.tools.web import Web

TIME_LIMIT_S = 10.0  # below every limit of the call and of the service
AT_ONCE = 8  # runs of one tool in this process


@dataclass(frozen=True, slots=True)
class Declaration:
    """A tool as the model is told of it. `schema` is one flat JSON Schema object."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks. `key` is the same for every attempt at the same deed: what has effects hands it on to whatever acts, so
    that a repeat does not act twice."""

    facts: CallFacts
    key: str
    leave_behind: Callable[["asyncio.Future[Any]"], None] = lambda work: None
    """Tell the host that `work` goes on though nobody waits for it: it keeps its place until it is done."""
    data_dir: Path = Path(".data")
    """Where a tool may keep files of its own."""
    web: "Web | None" = None
    """The way out for requests, to allowed and public hosts only."""
    links: "Links | None" = None
    """The connections to MCP servers."""


class Tool(Protocol):
    """Give one to the host and agents can name it. Stateless as far as calls go: one object serves them all."""

    @property
    def declaration(self) -> Declaration: ...

    @property
    def source(self) -> str:
        """The file it was read from, as staff know it: `tools/orders.yaml`."""
        ...

    @property
    def effects(self) -> bool:
        """It changes something in the world."""
        ...

    @property
    def time_limit_s(self) -> float: ...

    @property
    def at_once(self) -> int:
        """Runs of it in this process; more are told to come back."""
        ...

    def check(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The model's arguments, already brought into the schema's types where that was possible, as `call` takes them.
        Raises `BadArguments` in words the model can act on. Neither waits nor touches the world."""
        ...

    async def call(self, given: Mapping[str, Any], context: Context) -> Any:
        """Anything that has a JSON form. Is cancelled at the time limit and at hang-up.

        Raises `Declined` where the answer is no, `ToolFailed` where the tool could say why it is broken; any other
        exception is a fault of the tool too."""
        ...


class BadArguments(Exception):
    """The model's fault; the text says what to send instead."""


class Declined(Exception):
    """An answer, and no fault of the tool: the thing asked for cannot be had. The model is told the text."""


class ToolFailed(Exception):
    """The tool, or what stands behind it, is broken. The text is for the log alone: it holds nothing of the caller's,
    and the model never reads it."""


class Unavailable(ToolFailed):
    """What stands behind it is known to be away, and was not asked: no time was lost, and it may be asked again."""
