"""`offhook tools`: list, check and run the tools of the content directory."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.call.events import Outcome
from app.call.setup import CallFacts
from app.cli.talk import MISUSED, WRONG, fail, logging_to_stderr
from app.content.faults import ContentError, Fault
from app.settings import Settings, SettingsError, tool_variables
from app.tools.addresses import read_hosts
from app.tools.contract import Tool
from app.tools.host import ToolHost, ToolRun
from app.tools.inspect import deployment_faults, live_faults
from app.tools.library import Toolbox, load_tools
from app.tools.web import Web

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, check and run the tools.")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """What agents can name: each tool, its file, parameters and limits."""
    tools = _toolbox(_settings(), as_json).tools
    rows = [_row(tools[name]) for name in sorted(tools)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
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
    live: Annotated[bool, typer.Option("--live", help="Resolve each host and shake hands with it, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read every file, and look whether this machine's environment lets the tools work."""
    settings = _settings()
    tools = _toolbox(settings, as_json).tools
    faults = asyncio.run(_looked_at(settings, list(tools.values()), live))
    if as_json:
        print(json.dumps({"tools": sorted(tools), "faults": [asdict(fault) for fault in faults]}, ensure_ascii=False))
    else:
        print("\n".join([*map(str, faults), f"{len(tools)} tools, {len(faults)} to mend"]))
    raise typer.Exit(WRONG if faults else 0)


async def _looked_at(settings: Settings, tools: list[Tool], live: bool) -> list[Fault]:
    async with aclosing(_web(settings)) as web:
        faults = deployment_faults(tools, web)
        return faults if faults or not live else await live_faults(tools, web)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="The tool's name.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="key=value ...", metavar="[KEY=VALUE]...")] = None,
    as_json: AsJson = False,
) -> None:
    """Run one tool exactly as a call would: the same checks, limits and result."""
    logging_to_stderr(level=30)
    settings = _settings()
    tools = _toolbox(settings, as_json).tools
    if name not in tools:
        fail(f"there is no tool {name!r}. There are: {', '.join(sorted(tools)) or 'none'}", MISUSED)
    wrong = [argument for argument in arguments or [] if "=" not in argument]
    if wrong:
        fail(f"{wrong[0]!r} is no argument: write key=value", MISUSED)
    given = dict(argument.split("=", 1) for argument in arguments or [])
    done = asyncio.run(_run(settings, tools, name, given))
    result = json.loads(done.result)
    if as_json:
        print(json.dumps({"tool": name, "outcome": done.outcome, "ms": done.ms, "result": result}, ensure_ascii=False))
    else:
        print(json.dumps(result, ensure_ascii=False, indent=2))
        print(f"{done.outcome}, {done.ms} ms")
    raise typer.Exit(0 if done.outcome is Outcome.OK else WRONG)


def _nobody() -> CallFacts:
    """Who calls, where no call is: each time another, or a deed would be the last one's."""
    return CallFacts(f"CLI{secrets.token_hex(8)}", "", "", "", "", "", time.time_ns() // 1_000_000)


async def _run(settings: Settings, tools: Mapping[str, Tool], name: str, given: dict[str, str]) -> ToolRun:
    async with aclosing(_web(settings)) as web:
        return await ToolHost(tools, web=web, data_dir=settings.data_dir).run(name, json.dumps(given), _nobody())


def _web(settings: Settings) -> Web:
    return Web(read_hosts(settings.tool_hosts), tool_variables())


def _settings() -> Settings:
    try:
        return Settings.read()
    except SettingsError as error:
        fail(str(error))


def _toolbox(settings: Settings, as_json: bool) -> Toolbox:
    try:
        return load_tools(settings.content_dir)
    except ContentError as error:
        if as_json:
            print(json.dumps({"faults": [asdict(fault) for fault in error.faults]}, ensure_ascii=False))
            raise typer.Exit(WRONG) from None
        fail(str(error), WRONG)
