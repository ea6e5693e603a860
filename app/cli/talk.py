"""How commands talk: documents on stdout, everything for people on stderr; 0 fine, 1 found wrong, 2 used wrongly."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO, cast

import structlog
import typer

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
    from app.settings import Settings, SettingsError  # pydantic takes a while, and some commands need no settings

    try:
        return Settings.read()
    except SettingsError as error:
        fail(str(error), MISUSED, as_json)


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


def logging_to_stderr(level: int = logging.INFO, json_lines: bool = False) -> None:
    """structlog for us, and the libraries' own logging from WARNING up."""
    renderer = (
        structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if json_lines else _leave,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


class _Stderr:
    """Whatever `sys.stderr` is now: a stream that was replaced may be closed since."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _leave(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return event
