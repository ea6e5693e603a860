"""A page of Markdown as a reader uses it: its boxes, what it quotes as code, and the commands in both."""

import importlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from app.cli import COMMANDS

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+)`")
OURS = re.compile(r"(?:[$#] )?(?:\S*/)?offhook (\S.*)")


@dataclass(frozen=True, slots=True)
class Box:
    """`kind` is the word behind the fence: `sh` is typed by a test, `console` is the outside world's."""

    kind: str
    lines: tuple[str, ...]


def boxes(text: str) -> Iterator[Box]:
    for kind, inside in FENCE.findall(text):
        joined = inside.replace("\\\n", " ")
        yield Box(kind, tuple(line for line in joined.splitlines() if line.strip()))


def lines(text: str, *kinds: str) -> list[str]:
    """Of the boxes of these kinds, or of all."""
    return [line for box in boxes(text) if not kinds or box.kind in kinds for line in box.lines]


def spans(text: str) -> list[str]:
    """What is quoted as code in the text itself."""
    return SPAN.findall(FENCE.sub("", text))


def commands(text: str) -> list[str]:
    """Every `offhook ...`, without its first word."""
    found = (OURS.fullmatch(line.strip()) for line in [*lines(text), *spans(text)])
    return [match[1] for match in found if match]


def command_flaw(command: str) -> str:
    """What the program would not understand in it; "" for nothing."""
    words = shlex.split(command.partition(" | ")[0], comments=True)
    name = words.pop(0)
    if name not in COMMANDS:
        return f"there is no `offhook {name}`"
    node: Any = typer.main.get_command(importlib.import_module(f"app.cli.{name}").app)
    for word in words:
        inner = getattr(node, "commands", {})
        if word.startswith("-") and word != "-":
            known = {option for one in node.params for option in (*one.opts, *one.secondary_opts)} | {"--help"}
            if word.partition("=")[0] not in known:
                return f"`offhook {name}` has no {word} in {command!r}"
        elif inner:
            if word not in inner:
                return f"there is no `{word}` in `offhook {command}`"
            node = inner[word]
    return ""
