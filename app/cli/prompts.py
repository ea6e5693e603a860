"""`offhook prompts`: check, list and show the agents of the content directory."""

import time
from collections import defaultdict
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from app.cache.rendered import Rendered, inventory
from app.call.setup import CallFacts
from app.casting import system_prompt
from app.cli.talk import MISUSED, AsJson, checked_content, fail, read_settings, tell
from app.content.faults import Fault
from app.edition import Edition, load_edition
from app.prompts.agent import Agent
from app.prompts.check import warnings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Check, list and show the agents.")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Check agents, routes, transfers, phrases and tools together: what is wrong, where, and how to mend it.

    Exit code 1 where something is wrong: a server would refuse it. Warnings are for you to judge.
    """
    content_dir = read_settings(as_json).content_dir
    with checked_content(as_json, edition=None, warnings=[]):
        edition = load_edition(content_dir)
    doubts = edition_warnings(edition, content_dir, time.time_ns() // 1_000_000)
    agents, phrases, tools = edition.prompts.agents, edition.catalogue.phrases, edition.toolbox.tools
    counts = f"agents: {len(agents)}, phrases: {len(phrases)}, tools: {len(tools)}"
    lines = [*(f"warning: {doubt}" for doubt in doubts), f"edition {edition.hash} is right ({counts})"]
    tell({"edition": edition.hash, "faults": [], "warnings": [asdict(doubt) for doubt in doubts]}, lines, as_json)


def edition_warnings(edition: Edition, content_dir: Path, at_ms: int) -> list[Fault]:
    """What works and is probably not meant so. Blocks on files."""
    return [*warnings(edition.prompts, edition.house, at_ms), *_silent(edition, content_dir)]


def _silent(edition: Edition, content_dir: Path) -> list[Fault]:
    """Phrases that nobody has recorded in today's words, a warning for each voice."""
    silent: dict[str, list[str]] = defaultdict(list)
    for item in inventory(edition.catalogue, edition.narrators, Rendered(content_dir).recordings()):
        if item.state in {"missing", "stale"}:
            silent[f"{item.voice} ({item.language})"].append(item.phrase)
    return [
        Fault("cache/phrases", 0, ", ".join(phrases), f"not rendered for {narrator}", "Run `offhook cache render`")
        for narrator, phrases in silent.items()
    ]


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """Each agent with its numbers, languages, voices, tools and transfers."""
    edition = _edition(as_json)
    rows = [_row(agent, edition) for _, agent in sorted(edition.prompts.agents.items())]
    if as_json:
        tell(rows, "", as_json)
        return
    table = Table("agent", "answers", "speaks", "tools", "transfers", box=None)
    for row in rows:
        speaks = ", ".join(f"{language} ({voice})" for language, voice in row["voices"].items())
        numbers, tools, transfers = (", ".join(row[name]) for name in ("numbers", "tools", "transfers"))
        table.add_row(row["agent"], numbers, speaks, tools, transfers)
    Console().print(table)


def _row(agent: Agent, edition: Edition) -> dict[str, Any]:
    settings = agent.settings
    return {
        "agent": agent.id,
        "file": agent.page.file,
        "numbers": edition.prompts.routes.leads_to(agent.id),
        "voices": settings.voices,
        "model": settings.model,
        "tools": settings.tools,
        "transfers": settings.transfers,
        "words": len(agent.instructions.split()),
    }


@app.command()
def show(
    agent: Annotated[str, typer.Argument(help="The agent's name: its file's, without .md")],
    at: Annotated[str, typer.Option(help="When the call begins, such as 2026-12-24T17:30; now when left out.")] = "",
    caller: Annotated[str, typer.Option("--from", help="The caller's number.")] = "+15551234567",
    called: Annotated[str, typer.Option("--to", help="The number that was called.")] = "",
    language: Annotated[str, typer.Option(help="One of the agent's languages; the first when left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """What a model is sent for a call: the system prompt, and the first words of the history."""
    edition = _edition(as_json)
    found = edition.prompts.agents.get(agent)
    if found is None:
        fail(f"there is no agent {agent!r}. There are: {', '.join(sorted(edition.prompts.agents))}", MISUSED, as_json)
    if language and language not in found.settings.voices:
        fail(f"{agent} does not speak {language!r}. It speaks: {', '.join(found.settings.voices)}", MISUSED, as_json)
    chosen = language or found.settings.language
    facts = CallFacts("CA" + "0" * 32, caller, called, agent, edition.hash, chosen, _moment(at, found.time_zone))
    hours = edition.prompts.routes.way(called, facts.started_at_ms).hours
    prompt, opening = system_prompt(found, chosen), found.opening(facts, hours)
    told = {"agent": agent, "voice": found.settings.voices[chosen], "system": prompt, "opening": opening}
    tell(told, f"{prompt}\n\n--- first block of the history, as the caller\n\n{opening or '(none)'}", as_json)


def _moment(text: str, time_zone: str) -> int:
    """Unix ms; a time without a zone is the business's own."""
    if not text:
        return time.time_ns() // 1_000_000
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--at {text!r} is not a time. Write it as 2026-12-24T17:30", MISUSED)
    if when.tzinfo is None:
        when = when.replace(tzinfo=ZoneInfo(time_zone))
    return int(when.timestamp() * 1000)


def _edition(as_json: bool) -> Edition:
    with checked_content(as_json):
        return load_edition(read_settings(as_json).content_dir)
