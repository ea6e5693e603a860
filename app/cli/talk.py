"""How commands talk: documents on stdout, everything for people on stderr; 0 fine, 1 found wrong, 2 used wrongly."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from app.cli.logs import logging_to_stderr as logging_to_stderr
from app.content.faults import ContentError

if TYPE_CHECKING:
    from app.settings import Settings

WRONG, MISUSED = 1, 2

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def fail(problem: str, code: int = MISUSED, as_json: bool = False) -> NoReturn:
    """Say what is wrong, a line each, and end the command. `as_json`: also as a document, {"error": problem}."""
    if as_json:
        typer.echo(json.dumps({"error": problem}, ensure_ascii=False))
    typer.echo(problem, err=True)
    raise typer.Exit(code)


def tell(document: Any, lines: str | list[str], as_json: bool) -> None:
    """What a command found: the document for programs, the lines for people."""
    shown = lines if isinstance(lines, str) else "\n".join(lines)
    typer.echo(json.dumps(document, ensure_ascii=False) if as_json else shown)


def read_settings(as_json: bool = False) -> "Settings":
    """The environment; where it is wrong, each variable is named and the command ends."""
    # pydantic takes a while, and some commands need no settings
    from app.settings import Settings, SettingsError, lend_variables

    try:
        settings = Settings.read()
    except SettingsError as error:
        fail(str(error), MISUSED, as_json)
    lend_variables()
    return settings


@contextmanager
def checked_content(as_json: bool, **beside: Any) -> Iterator[None]:
    """For the reading of staff's folders: a `ContentError` ends the command with every fault. `beside` stands in the
    document next to them."""
    try:
        yield
    except ContentError as error:
        faults = [asdict(fault) for fault in error.faults]
        tell({**beside, "faults": faults}, str(error), as_json)
        raise typer.Exit(WRONG) from None
