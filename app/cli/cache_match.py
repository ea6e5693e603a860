"""`offhook cache match`: which phrase answers a caller's words at once, and why."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cache.match import Decision
from app.cli.talk import AsJson, checked_content, fail, read_settings, tell
from app.edition import Edition, load_edition


def match(
    words: Annotated[str, typer.Argument(help="What a caller says.")],
    agent: Annotated[str | None, typer.Option(help="Only phrases that this agent may use.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell which phrase answers these words at once, and why, or why none does."""
    edition = _edition(as_json)
    if agent is not None and agent not in edition.prompts.agents:
        fail(f"there is no agent {agent!r}; there are {', '.join(edition.prompts.agents)}", as_json=as_json)
    decision = edition.matcher.explain(words, _allowed(edition, agent))
    if as_json:
        tell(asdict(decision), "", as_json)
    else:
        _show(decision)
    raise typer.Exit(0 if decision.match is not None else 1)


def _edition(as_json: bool) -> Edition:
    with checked_content(as_json):
        return load_edition(read_settings(as_json).content_dir)


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
