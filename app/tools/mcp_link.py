"""Connections to MCP servers, kept for as long as the process lives.

Each connection belongs to a task of its own, in which all tasks of the SDK live: a call asks through it and owns none
of it. A server that is away keeps nobody waiting: its tools answer at once that they are not available, and it is tried
again after ever longer pauses. The SDK takes a second to import, so that is done in a thread, and only where a server
is declared.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO
from urllib.parse import urlsplit

import structlog

from app.tools.contract import ToolFailed, Unavailable
from app.tools.mcp_page import Pinned, ServerPage, variables_of
from app.tools.mcp_tool import answer_of
from app.tools.template import template
from app.tools.web import Web

if TYPE_CHECKING:
    from mcp.client import Client

log = structlog.get_logger()

CONNECT_S = 15.0  # to start it, shake hands and hear what it offers
CLOSE_S = 3.0  # for one that is just being connected
MOST_PAGES = 20  # of a server's list of tools
KEY = "offhook/idempotency-key"  # in `_meta` of a call that changes something


@dataclass(frozen=True, slots=True)
class Pauses:
    """Before it is tried again: the first, and the longest; each is twice the one before."""

    first_s: float = 0.5
    longest_s: float = 30.0

    def after(self, failures: int) -> float:
        return float(min(self.longest_s, self.first_s * 2 ** min(failures, 20)))


class Link:
    """One server."""

    def __init__(
        self,
        name: str,
        page: ServerPage,
        web: Web,
        folder: Path,
        pinned: Mapping[str, Pinned] | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        self._name = name
        self._page = page
        self._web = web
        self._folder = folder
        self._pinned = pinned or {}
        self._pauses = pauses or Pauses()
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._closing = asyncio.Event()
        self._since_s = 0.0
        self.up = asyncio.Event()
        self.why = "is not connected yet"
        self.offers: dict[str, Pinned] = {}

    # --- for calls ------------------------------------------------------------------------------------------------

    async def call(self, tool: str, given: Mapping[str, Any], key: str = "") -> Any:
        """Raises `Unavailable` where there is no connection, `ToolFailed` where the server fails."""
        client = self._client
        if client is None:
            raise Unavailable(f"{self._name} {self.why}")
        from mcp import MCPError

        limit_s = self._page.time_limit_s + 1  # the host's own comes first
        meta: Any = {KEY: key} if key else None
        try:
            result = await client.call_tool(tool, dict(given), limit_s, meta=meta)
        except MCPError as error:
            if _is_end(error):
                self._lost.set()
            raise ToolFailed(f"{self._name}: MCP error {error.code}") from None
        if result.is_error:  # its text is an exception's, mostly
            raise ToolFailed(f"{self._name}: the tool says that it failed")
        return answer_of(result.structured_content, [part.text for part in result.content if part.type == "text"])

    # --- for its own task -----------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Connect, and again whenever the connection is lost, until `close`."""
        failures = 0
        while not self._closing.is_set():
            try:
                async with self.connected():
                    await self._lost.wait()
                if not self._closing.is_set():
                    self._down("has gone away")
            except Exception as error:
                self._down("has gone away" if self.up.is_set() else f"cannot be reached ({reason(error)})")
            if self._stayed():
                failures = 0
            self.up.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._pauses.after(failures))
            failures += 1

    def close(self) -> None:
        """Let `keep` end in its own time: a program is waited for, and the SDK must not be broken off in that."""
        self._closing.set()
        self._lost.set()

    def _stayed(self) -> bool:
        """It was well for a while; one that ends as soon as it begins is not started again and again."""
        return self.up.is_set() and asyncio.get_running_loop().time() - self._since_s > self._pauses.longest_s

    @asynccontextmanager
    async def connected(self, errlog: TextIO | None = None) -> AsyncIterator[Self]:
        """Connected while this is entered. Raises what the SDK raises, `ToolFailed` for what may not be reached."""
        self._lost.clear()
        if self._closing.is_set():
            self._lost.set()
        sdk = await asyncio.to_thread(_sdk)  # our own time, not the server's
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(CONNECT_S):
                transport = await stack.enter_async_context(self._transport(errlog))
                client = await stack.enter_async_context(
                    sdk(_watched(transport, self._lost.set), read_timeout_seconds=CONNECT_S)
                )
                self.offers = await _offers(client)
            self._client = client
            self._since_s = asyncio.get_running_loop().time()
            self._welcome()
            self.up.set()
            try:
                yield self
            finally:
                self._client = None

    def _welcome(self) -> None:
        log.info("= connected to an MCP server", server=self._name, tools=len(self.offers))
        for tool, pinned in self._pinned.items():
            if tool in self._page.tools and self.offers.get(tool) != pinned:
                what = "offers it otherwise than pinned" if tool in self.offers else "offers it no more"
                log.warning("! an MCP server " + what, server=self._name, tool=tool, fix="run `offhook tools pin`")

    def _down(self, why: str) -> None:
        if why != self.why:
            log.warning("! an MCP server " + why, server=self._name)
        self.why = why

    @asynccontextmanager
    async def _transport(self, errlog: TextIO | None) -> AsyncIterator[Any]:
        """How it is reached, ready to be entered. What the program writes to its standard error may be a caller's
        words: it is not kept."""
        if self._page.url:
            from app.tools.mcp_http import client_for

            host = urlsplit(self._page.url).hostname or ""
            secret = {name: self._web.variable(name, host) for name in variables_of(self._page)}
            headers = {name: str(template(text).fill(secret)) for name, text in self._page.headers.items()}
            async with client_for(self._page.url, self._web, headers, self._page.time_limit_s + 1) as client:
                from mcp.client.streamable_http import streamable_http_client

                yield streamable_http_client(self._page.url, http_client=client)
            return
        from mcp.client.stdio import StdioServerParameters, stdio_client

        given = {name: self._web.given(name) for name in self._page.env}
        program = StdioServerParameters(command=self._page.command, args=self._page.args, env=given, cwd=self._folder)
        with _nowhere() if errlog is None else nullcontext(errlog) as errors:
            yield stdio_client(program, errors)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


class Links:
    """Every server's connection. Entering begins to connect and waits for nothing."""

    def __init__(
        self,
        servers: Mapping[str, ServerPage],
        web: Web,
        folder: Path,
        pinned: Mapping[str, Mapping[str, Pinned]] | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        lock = pinned or {}
        self._links = {name: Link(name, page, web, folder, lock.get(name), pauses) for name, page in servers.items()}
        self._tasks: list[asyncio.Task[None]] = []

    def of(self, server: str) -> Link:
        """Raises `ToolFailed`."""
        if server not in self._links:
            raise ToolFailed(f"there is no MCP server {server!r} in this process")
        return self._links[server]

    def state(self) -> dict[str, str]:
        """For whoever watches the server: what is to be said of each connection."""
        return {name: "connected" if link.up.is_set() else link.why for name, link in self._links.items()}

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(link.keep(), name=f"MCP server {name}") for name, link in self._links.items()
        ]
        return self

    async def __aexit__(self, *exception: object) -> None:
        for link in self._links.values():
            link.close()
        if not self._tasks:
            return
        _, hanging = await asyncio.wait(self._tasks, timeout=CLOSE_S)
        for task in hanging:
            task.cancel()
        if hanging:
            await asyncio.wait(hanging)


def _sdk() -> "type[Client]":
    """Blocks for about a second, the first time."""
    import mcp.client.stdio
    import mcp.client.streamable_http  # noqa: F401
    from mcp.client import Client

    # It logs what it cannot read, and that may be a caller's words.
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
    logging.getLogger("client").setLevel(logging.CRITICAL + 1)
    return Client


async def _offers(client: "Client") -> dict[str, Pinned]:
    """All it offers, by name. Asked at the beginning, for the SDK would else ask in the middle of a call."""
    found: dict[str, Pinned] = {}
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            found[tool.name] = Pinned(description=(tool.description or "").strip(), schema=tool.input_schema)
        cursor = page.next_cursor
        if not cursor:
            break
    return found


def _is_end(error: Any) -> bool:
    from mcp_types import CONNECTION_CLOSED, INVALID_REQUEST

    ended = error.code == INVALID_REQUEST and error.message == "Session terminated"
    return bool(ended or error.code == CONNECTION_CLOSED)


def reason(error: BaseException) -> str:
    """Of a group, the first that lies in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return str(error) or f"no answer within {CONNECT_S:g} s"
    return str(error) if isinstance(error, ToolFailed | OSError) else type(error).__name__


@asynccontextmanager
async def _watched(transport: AbstractAsyncContextManager[Any], ended: Callable[[], None]) -> AsyncIterator[Any]:
    """The same transport; `ended` is called when nothing more can come from it."""
    async with transport as (read, write):
        yield _Watched(read, ended), write


class _Watched:
    """A read stream of the SDK's that tells when it is over."""

    def __init__(self, stream: Any, ended: Callable[[], None]) -> None:
        self._stream = stream
        self._ended = ended

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return await self._told(self._stream.__anext__())

    async def receive(self) -> Any:
        return await self._told(self._stream.receive())

    async def _told(self, item: Awaitable[Any]) -> Any:
        try:
            return await item
        except BaseException:
            self._ended()
            raise

    @property
    def last_context(self) -> Any:
        return getattr(self._stream, "last_context", None)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> Any:
        return await self._stream.__aexit__(*exception)
