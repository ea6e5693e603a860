"""`offhook tools pin`: write down what the MCP servers say of the tools that are let in."""

import asyncio
from contextlib import aclosing

from app.cli.talk import MISUSED, AsJson, checked_content, fail, logging_to_stderr, read_settings, tell
from app.content.faults import ContentError, Fault
from app.content.page import Page
from app.settings import Settings, tool_variables
from app.tools.addresses import read_hosts
from app.tools.inspect import ask_servers
from app.tools.mcp_page import LOCK, SERVERS, Lock, ServersPage, lock_text, offered_tools, read_servers
from app.tools.web import Web


def pin(as_json: AsJson = False) -> None:
    """Ask every MCP server of tools/mcp.yaml what its tools are, and write it into tools/mcp.lock.json.

    Read the file before it is deployed: a model will read it as its instructions.
    """
    logging_to_stderr(level=30)
    settings = read_settings(as_json)
    try:
        with checked_content(as_json):
            page, servers = read_servers((settings.content_dir / SERVERS).read_text(encoding="utf-8"))
            lock, faults = asyncio.run(_asked(settings, page, servers))
            if faults:
                raise ContentError(faults)
            offered_tools(page, servers, lock)
    except FileNotFoundError:
        fail(f"there is no {SERVERS}: no MCP server is declared", MISUSED, as_json)
    (settings.content_dir / LOCK).write_text(lock_text(lock), encoding="utf-8")
    pinned = {server: sorted(tools) for server, tools in lock.items()}
    lines = [f"{server}: {', '.join(tools)}" for server, tools in pinned.items()]
    tell({"pinned": pinned}, [*lines, f"written to {LOCK}: read it before you deploy it"], as_json)


async def _asked(settings: Settings, page: Page, servers: ServersPage) -> tuple[Lock, list[Fault]]:
    async with aclosing(Web(read_hosts(settings.tool_hosts), tool_variables())) as web:
        return await ask_servers(page, servers.servers, web, settings.content_dir)
