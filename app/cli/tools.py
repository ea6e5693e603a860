"""`offhook tools`: list, check and run the tools of the content directory."""

import asyncio
import json
import secrets
import time
from contextlib import aclosing, suppress
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.call.events import Outcome
from app.call.setup import CallFacts
from app.cli.talk import MISUSED, WRONG, AsJson, checked_content, fail, logging_to_stderr, read_settings, tell
from app.cli.tools_knowledge import knowledge
from app.cli.tools_pin import pin
from app.content.faults import Fault
from app.settings import Settings, tool_variables
from app.tools.addresses import read_hosts
from app.tools.contract import Tool
from app.tools.host import ToolHost, ToolRun
from app.tools.inspect import deployment_faults, live_faults, live_server_faults, server_faults
from app.tools.library import Toolbox, load_tools
from app.tools.mcp_link import CONNECT_S, Links
from app.tools.mcp_tool import McpTool
from app.tools.web import Web

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, check and run the tools.")
app.command()(knowledge)
app.command()(pin)


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """What agents can name: each tool, its file, parameters and limits."""
    tools = _toolbox(read_settings(as_json), as_json).tools
    rows = [_row(tools[name]) for name in sorted(tools)]
    if as_json:
        tell(rows, "", as_json)
        return
    table = Table("tool", "file", "parameters", "effects", "limit", "what it does", box=None)
    for row in rows:
        effects = "yes" if row["effects"] else ""
        first_line = row["description"].splitlines()[0]
        limit = f"{row['time_limit_s']:g} s"
        table.add_row(row["name"], row["file"], " ".join(row["parameters"]), effects, limit, first_line)
    Console().print(table)


def _row(tool: Tool) -> dict[str, Any]:
    declared = tool.declaration
    return {
        "name": declared.name,
        "file": tool.source,
        "description": declared.description,
        "parameters": list(declared.schema.get("properties", {})),
        "schema": dict(declared.schema),
        "effects": tool.effects,
        "time_limit_s": tool.time_limit_s,
    }


@app.command()
def check(
    live: Annotated[bool, typer.Option("--live", help="Shake hands with each host and MCP server, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read every file, and look whether this machine's environment lets the tools work."""
    settings = read_settings(as_json)
    toolbox = _toolbox(settings, as_json)
    tools = toolbox.tools
    faults = asyncio.run(_looked_at(settings, toolbox, live))
    document = {"tools": sorted(tools), "faults": [asdict(fault) for fault in faults]}
    tell(document, [*map(str, faults), f"{len(tools)} tools, {len(faults)} to mend"], as_json)
    raise typer.Exit(WRONG if faults else 0)


async def _looked_at(settings: Settings, toolbox: Toolbox, live: bool) -> list[Fault]:
    tools, code = toolbox.tools.values(), toolbox.code
    async with aclosing(_web(settings)) as web:
        faults = [*deployment_faults(tools, web), *server_faults(code, web)]
        if faults or not live:
            return faults
        return [*await live_faults(tools, web), *await live_server_faults(code, web, settings.content_dir)]


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="The tool's name.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="key=value ...", metavar="[KEY=VALUE]...")] = None,
    as_json: AsJson = False,
) -> None:
    """Run one tool exactly as a call would: the same checks, limits and result."""
    logging_to_stderr(level=30)
    settings = read_settings(as_json)
    toolbox = _toolbox(settings, as_json)
    tools = toolbox.tools
    if name not in tools:
        fail(f"there is no tool {name!r}. There are: {', '.join(sorted(tools)) or 'none'}", MISUSED, as_json)
    wrong = [argument for argument in arguments or [] if "=" not in argument]
    if wrong:
        fail(f"{wrong[0]!r} is no argument: write key=value", MISUSED, as_json)
    given = dict(argument.split("=", 1) for argument in arguments or [])
    done = asyncio.run(_run(settings, toolbox, name, given))
    result = json.loads(done.result)
    document = {"tool": name, "outcome": done.outcome, "ms": done.ms, "result": result}
    tell(document, [json.dumps(result, ensure_ascii=False, indent=2), f"{done.outcome}, {done.ms} ms"], as_json)
    raise typer.Exit(0 if done.outcome is Outcome.OK else WRONG)


def _nobody() -> CallFacts:
    """Who calls, where no call is: each time another, or a deed would be the last one's."""
    return CallFacts(f"CLI{secrets.token_hex(8)}", "", "", "", "", "", time.time_ns() // 1_000_000)


async def _run(settings: Settings, toolbox: Toolbox, name: str, given: dict[str, str]) -> ToolRun:
    tool = toolbox.tools[name]
    asked = {tool.offered.server} if isinstance(tool, McpTool) else set()
    servers = {server: page for server, page in toolbox.code.servers.items() if server in asked}
    async with aclosing(_web(settings)) as web, Links(servers, web, settings.content_dir, toolbox.code.lock) as links:
        for server in servers:
            await _settled(links, server)
        host = ToolHost(toolbox.tools, web=web, data_dir=settings.data_dir, links=links)
        return await host.run(name, json.dumps(given), _nobody())


async def _settled(links: Links, server: str) -> None:
    """Connected, or as long as that may take: where it cannot be reached the host says so."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CONNECT_S):
            await links.of(server).up.wait()


def _web(settings: Settings) -> Web:
    return Web(read_hosts(settings.tool_hosts), tool_variables())


def _toolbox(settings: Settings, as_json: bool) -> Toolbox:
    with checked_content(as_json):
        return load_tools(settings.content_dir)
