"""`offhook cache match`: which phrase answers a caller's words at once, and why."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cache.match import Decision
from app.content.faults import ContentError
from app.edition import Edition, load_edition
from app.settings import Settings, SettingsError


def match(
    words: Annotated[str, typer.Argument(help="What a caller says.")],
    agent: Annotated[str | None, typer.Option(help="Only phrases that this agent may use.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Tell which phrase answers these words at once, and why, or why none does."""
    edition = _edition(as_json)
    if agent is not None and agent not in edition.prompts.agents:
        _end(f"there is no agent {agent!r}; there are {', '.join(edition.prompts.agents)}", as_json)
    decision = edition.matcher.explain(words, _allowed(edition, agent))
    if as_json:
        print(json.dumps(asdict(decision), ensure_ascii=False))
    else:
        _show(decision)
    raise typer.Exit(0 if decision.match is not None else 1)


def _edition(as_json: bool) -> Edition:
    try:
        return load_edition(Settings.read().content_dir)
    except SettingsError as error:
        _end(str(error), as_json)
    except ContentError as error:
        faults = [asdict(fault) for fault in error.faults]
        print(json.dumps({"faults": faults}, ensure_ascii=False) if as_json else str(error))
        raise typer.Exit(1) from None


def _allowed(edition: Edition, agent: str | None) -> frozenset[str] | None:
    """As far as the agent says; in a call it must be rendered too."""
    phrases = edition.prompts.agents[agent].settings.phrases if agent is not None else None
    return None if phrases is None else frozenset(phrases)


def _show(decision: Decision) -> None:
    console = Console(highlight=False)
    if decision.match is None:
        console.print(f"left to the model: {escape(decision.refused)}")
    else:
        console.print(f"[bold]{decision.match.phrase}[/] answers this, confidence {decision.match.confidence:.2f}")
    for language, wish in decision.words.items():
        console.print(f"  {language}: {escape(' '.join(wish)) or '(nothing)'}", style="dim")
    if decision.candidates:
        console.print(_table(decision))


def _table(decision: Decision) -> Table:
    table = Table("phrase", "nearest example", "language", "score", "confidence", "not explained", box=None)
    for row in _rows(decision):
        table.add_row(*map(escape, row))
    return table


def _rows(decision: Decision) -> Iterator[tuple[str, ...]]:
    for one in decision.candidates:
        score, confidence = f"{one.score:.2f}", f"{one.confidence:.2f}"
        yield one.phrase, one.example, one.language, score, confidence, ", ".join(one.unexplained)


def _end(problem: str, as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps({"error": problem}))
    print(problem, file=sys.stderr)
    raise typer.Exit(2)
