"""`offhook tools pin`: write down what the MCP servers say of the tools that are let in."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated

import typer

from app.cli.talk import MISUSED, WRONG, fail, logging_to_stderr
from app.content.faults import ContentError, Fault
from app.content.page import Page
from app.settings import Settings, SettingsError, tool_variables
from app.tools.addresses import read_hosts
from app.tools.inspect import ask_servers
from app.tools.mcp_page import LOCK, SERVERS, Lock, ServersPage, lock_text, offered_tools, read_servers
from app.tools.web import Web


def pin(as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False) -> None:
    """Ask every MCP server of tools/mcp.yaml what its tools are, and write it into tools/mcp.lock.json.

    Read the file before it is deployed: a model will read it as its instructions.
    """
    logging_to_stderr(level=30)
    try:
        settings = Settings.read()
        page, servers = read_servers((settings.content_dir / SERVERS).read_text(encoding="utf-8"))
        lock, faults = asyncio.run(_asked(settings, page, servers))
        if not faults:
            offered_tools(page, servers, lock)
    except SettingsError as error:
        fail(str(error))
    except FileNotFoundError:
        fail(f"there is no {SERVERS}: no MCP server is declared", MISUSED)
    except ContentError as error:
        faults = list(error.faults)
    if faults:
        report = json.dumps({"faults": [asdict(fault) for fault in faults]}, ensure_ascii=False)
        print(report if as_json else "\n".join(map(str, faults)))
        raise typer.Exit(WRONG)
    (settings.content_dir / LOCK).write_text(lock_text(lock), encoding="utf-8")
    pinned = {server: sorted(tools) for server, tools in lock.items()}
    if as_json:
        print(json.dumps({"pinned": pinned}))
    else:
        lines = [f"{server}: {', '.join(tools)}" for server, tools in pinned.items()]
        print("\n".join([*lines, f"written to {LOCK}: read it before you deploy it"]))


async def _asked(settings: Settings, page: Page, servers: ServersPage) -> tuple[Lock, list[Fault]]:
    async with aclosing(Web(read_hosts(settings.tool_hosts), tool_variables())) as web:
        return await ask_servers(page, servers.servers, web, settings.content_dir)
