"""Log lines on stderr: structlog's own, and the libraries' from WARNING up, in one form.

A traceback says where something failed and what kind of failure it was. Its message is left out, unless the operating
system wrote it: the text of an exception may hold what a caller said, and so may local variables.
"""

import logging
import sys
import traceback
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, ExcInfo, Processor


def logging_to_stderr(level: int = logging.INFO, json_lines: bool = False) -> None:
    """`json_lines`: a JSON object a line, for machines; else text for people."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_words,
    ]
    renderer = structlog.processors.JSONRenderer() if json_lines else _for_people()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
    )
    handler = logging.StreamHandler(cast(TextIO, _Stderr()))
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def without_words(_: object, __: str, event: EventDict) -> EventDict:
    """`exc_info` as the text of a traceback that holds nothing but code and kinds of exceptions."""
    given = event.pop("exc_info", None)
    if given:
        found: ExcInfo | tuple[None, None, None] = sys.exc_info()
        if isinstance(given, BaseException):
            found = (type(given), given, given.__traceback__)
        elif isinstance(given, tuple):
            found = given
        if found[1] is not None:
            event["exception"] = _told(found[1])
    return event


def _told(error: BaseException) -> str:
    """The failure and what led to it, the first cause first."""
    parts: list[str] = []
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    for one in reversed(chain):
        words = f": {one.strerror}" if isinstance(one, OSError) and one.strerror else ""
        parts += [*traceback.format_tb(one.__traceback__), f"{type(one).__module__}.{type(one).__qualname__}{words}\n"]
        if isinstance(one, BaseExceptionGroup):
            parts += [f"  of a group: {_told(inner)}\n" for inner in one.exceptions]
    return "".join(parts).rstrip()


def _for_people() -> Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


class _Stderr:
    """Whatever `sys.stderr` is now: a stream that was replaced may be closed since."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
