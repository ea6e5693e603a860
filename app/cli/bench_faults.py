"""`offhook bench faults`: what a caller hears when something breaks, for every fault at every stage of a turn."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.cli.lab import desk, strike
from app.cli.lab_wavs import Kept, keep_wavs
from app.cli.talk import fail, logging_to_stderr
from app.simulator.lab.cells import FAULTS, STAGES, Cell, described, matrix
from app.simulator.lab.judge import Verdict
from app.simulator.lab.picture import draw

app = typer.Typer()
AT_ONCE = 8
COLOURS = {"heard": "green", "lost": "bold red", "again": "yellow", "piece": "yellow", "line": "cyan"}
APART_S = 0.4  # the houses of a matrix open one after another
CRITICAL = 50  # the log of a server in trouble is not what is shown here


@app.command()
def faults(
    only: Annotated[list[str] | None, typer.Option(help="Only this fault; may be given several times.")] = None,
    stage: Annotated[list[str] | None, typer.Option(help=f"Only this stage: {', '.join(STAGES)}.")] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Calls at the same time.")] = AT_ONCE,
    wav: Annotated[Path | None, typer.Option(help="Instead: two calls as WAV files, compared word by word.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Where the matrix is drawn.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON on standard output.")] = False,
) -> None:
    """What a caller hears when something breaks: every fault at every stage, each in a call of its own, on loopback."""
    logging_to_stderr(level=CRITICAL)
    _known("--only", only, FAULTS)
    _known("--stage", stage, STAGES)
    console = Console(stderr=as_json, highlight=False)
    if wav is not None:
        kept = asyncio.run(_wavs(wav))
        _show_wavs(console, kept)
        if as_json:
            print(json.dumps([one.document() for one in kept]))
        raise typer.Exit(0 if all(one.good for one in kept) else 1)
    cells = list(matrix(only or FAULTS, stage or STAGES))
    if not cells:
        fail("no such cell: this fault has no such stage")
    began = time.monotonic()
    verdicts = asyncio.run(_all(cells, at_once, console))
    if picture is not None:
        draw(picture, verdicts)
    _show(console, verdicts, time.monotonic() - began, picture)
    if as_json:
        json.dump([verdict.document() for verdict in verdicts], sys.stdout, indent=1)
        print()
    raise typer.Exit(0 if all(verdict.good for verdict in verdicts) else 1)


def _known(option: str, given: Sequence[str] | None, known: Sequence[str]) -> None:
    for name in given or ():
        if name not in known:
            fail(f"{option} {name}: there are {', '.join(known)}")


async def _all(cells: Sequence[Cell], at_once: int, console: Console) -> list[Verdict]:
    """The verdicts in the order of the cells."""
    places = asyncio.Semaphore(at_once)
    columns = TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with tempfile.TemporaryDirectory(prefix="offhook-lab-") as folder, Progress(*columns, console=console) as bar:
        task = bar.add_task("calls", total=len(cells))
        async with desk(Path(folder)) as here:

            async def one(place: int, cell: Cell) -> Verdict:
                await asyncio.sleep(APART_S * min(place, at_once))
                async with places:
                    verdict, _ = await strike(here, cell)
                bar.update(task, advance=1, description=str(cell))
                return verdict

            return await asyncio.gather(*(one(place, cell) for place, cell in enumerate(cells)))


def _show(console: Console, verdicts: Sequence[Verdict], took_s: float, picture: Path | None) -> None:
    stages = [stage for stage in STAGES if any(verdict.cell.stage == stage for verdict in verdicts)]
    by_cell = {(verdict.cell.fault, verdict.cell.stage): verdict for verdict in verdicts}
    table = Table("fault", *stages, box=None, pad_edge=False)
    for fault in dict.fromkeys(verdict.cell.fault for verdict in verdicts):
        table.add_row(fault, *(_cell(by_cell.get((fault, stage))) for stage in stages))
    console.print(table)
    console.print(
        "\nEach cell: silence heard (ms, after the fault and the caller's last word) / recovery (ms, from the fault to "
        "the next word of the answer behind a pause), -words lost +words said twice, what the house said meanwhile.",
        style="dim",
    )
    for verdict in verdicts:
        if not verdict.good:
            why = "; ".join(verdict.broken)
            console.print(f"[bold red]{verdict.cell}[/] ({described(verdict.cell.fault)}): {why}", soft_wrap=True)
    good = sum(verdict.good for verdict in verdicts)
    console.print(f"\n{good} of {len(verdicts)} as promised, {took_s:.0f} s." + (f" {picture}" if picture else ""))


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return "[dim]-[/]"
    recovery = "never" if verdict.recovery_ms < 0 else f"{verdict.recovery_ms}"
    words = f" -{len(verdict.answer.lost)}" if verdict.answer.lost else ""
    words += f" +{len(verdict.answer.repeated)}" if verdict.answer.repeated else ""
    lines = f" [dim]{' '.join(verdict.lines)}[/]" if verdict.lines else ""
    share = verdict.silence_ms / verdict.cell.limit_ms
    colour = "bold red" if not verdict.good else "yellow" if share > 0.7 else "green"
    return f"[{colour}]{verdict.silence_ms} / {recovery}{words}[/]{lines}"


async def _wavs(folder: Path) -> list[Kept]:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="offhook-lab-") as place:
        async with desk(Path(place)) as here:
            return await keep_wavs(here, folder)


def _show_wavs(console: Console, kept: Sequence[Kept]) -> None:
    for one in kept:
        console.print(f"\n[bold]{one.path}[/]: {one.what}", soft_wrap=True)
        for what in one.happened:
            console.print(f"  [dim]{what}[/]", soft_wrap=True)
        for row in one.rows:
            words = " ".join(f"[{COLOURS[mark]}]{_word(name, mark)}[/]" for name, mark, _ in row)
            console.print(f"  {row[0][2] / 1000:6.1f} s  {words}", soft_wrap=True)
        console.print(f"  {one.summary}", soft_wrap=True)
    console.print(
        "\nword heard as sent, word×2 heard again, word… in part, -word lost, (line) of the house", style="dim"
    )


def _word(name: str, mark: str) -> str:
    return {"heard": name, "lost": f"-{name}", "again": f"{name}×2", "piece": f"{name}…", "line": f"({name})"}[mark]
