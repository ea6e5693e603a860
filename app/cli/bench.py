"""`offhook bench`: every delay we add, what a call costs, and how many a core carries.

A server of its own for each stage, the simulated model, and telephones from separate processes; see
`app.simulator.load`.
"""

import asyncio
import importlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from app.cli.bench_runs import KEYS, Bench, Sizes
from app.cli.bench_show import Shown, show
from app.cli.cache import render_missing
from app.cli.talk import fail, logging_to_stderr
from app.content.faults import ContentError
from app.settings import Settings, SettingsError
from app.simulator.load.processes import NotStarted

LONG = {"knee", "overload"}  # minutes each: only where they are asked for
LABORATORY = {"faults": "app.cli.bench_faults", "soak": "app.cli.bench_soak"}


class JsonWithOrWithoutFile(TyperGroup):
    """`--json` alone means standard output, as with every command; a file's name may follow it. The laboratory's
    commands are imported when they are asked for."""

    def list_commands(self, ctx: object) -> list[str]:
        return list(LABORATORY)

    def get_command(self, ctx: object, name: str) -> Any:
        if name not in LABORATORY:
            return None
        return typer.main.get_command(importlib.import_module(LABORATORY[name]).app)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] in LABORATORY:
            return super().parse_args(ctx, args)
        words = []
        for index, word in enumerate(args):
            words.append(word)
            if word == "--json" and (args[index + 1 : index + 2] or ["--"])[0].startswith("--"):
                words.append("-")
        return super().parse_args(ctx, words)


app = typer.Typer(cls=JsonWithOrWithoutFile)


@app.callback(invoke_without_command=True)
def bench(
    ctx: typer.Context,
    calls: Annotated[int | None, typer.Option(min=1, help="Callers at once, instead of 40 and then 50.")] = None,
    turns: Annotated[int, typer.Option(min=0, help="Go on until every call has had so many turns.")] = 0,
    think: Annotated[int, typer.Option(min=300, help="How long the model thinks, ms after the last sound.")] = 700,
    seconds: Annotated[float | None, typer.Option(min=2, help="Length of what is measured in each run.")] = None,
    memory_after: Annotated[float | None, typer.Option(min=0, help="Seconds of calls before memory is read.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A first look in about a minute.")] = False,
    knee: Annotated[bool, typer.Option("--knee", help="Also search for the calls a core carries (minutes).")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"Only this: {', '.join(KEYS)}.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Where the picture goes; bench-<time>.png when left out.")
    ] = None,
    as_json: Annotated[
        str | None, typer.Option("--json", help="The figures as JSON, to a file or (-) to stdout.")
    ] = None,
) -> None:
    """Print calls a core and every delay we add; `faults` and `soak` are the fault laboratory."""
    if ctx.invoked_subcommand is not None:
        return
    logging_to_stderr(level=30)
    if unknown := sorted(set(only or ()) - set(KEYS)):
        fail(f"--only {unknown[0]}: there are {', '.join(KEYS)}")
    console = Console(stderr=as_json == "-", highlight=False)
    content = rendered_content(console)
    sizes = Sizes(think_ms=think, turns=turns)
    if quick:
        sizes = replace(sizes, calls=(20,), seconds=8.0, memory_after_s=0.0, quick=True)
    if calls is not None:
        sizes = replace(sizes, calls=(calls,))
    if seconds is not None:
        sizes = replace(sizes, seconds=seconds)
    if memory_after is not None:
        sizes = replace(sizes, memory_after_s=memory_after)
    wanted = set(only) if only else set(KEYS) - LONG
    _run(Bench(content, sizes, wanted | ({"knee"} if knee else set())), console, picture, as_json)


def rendered_content(console: Console) -> Path:
    """The content directory, every phrase rendered: a first word is played, not waited for."""
    try:
        content = Settings.read().content_dir.resolve()
        asyncio.run(render_missing(content, bar=console))
    except (SettingsError, ContentError) as error:
        fail(str(error))
    return content


def _run(run: Bench, console: Console, picture: Path | None, as_json: str | None) -> None:
    began = time.monotonic()
    try:
        with Shown(console) as progress:
            outcome = run.run(progress)
    except NotStarted as error:
        fail(str(error), code=1)
    path = picture or Path(time.strftime("bench-%Y%m%d-%H%M%S.png"))
    from app.simulator.load.picture import draw  # matplotlib takes a second

    draw(path, outcome.rows, outcome.cpu)
    document = outcome.document(time.monotonic() - began, str(path))
    show(console, outcome, time.monotonic() - began, path)
    if as_json == "-":
        json.dump(document, sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif as_json is not None:
        Path(as_json).write_text(json.dumps(document, indent=1) + "\n")
