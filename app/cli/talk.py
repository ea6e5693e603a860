"""How commands talk: documents on stdout, everything for people on stderr; 0 fine, 1 found wrong, 2 used wrongly."""

import logging
import sys
from typing import NoReturn, TextIO, cast

import structlog
import typer

WRONG, MISUSED = 1, 2


def fail(problem: str, code: int = MISUSED) -> NoReturn:
    """Say what is wrong, a line each, and end the command."""
    typer.echo(problem, err=True)
    raise typer.Exit(code)


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
