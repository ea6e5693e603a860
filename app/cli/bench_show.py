"""The bench on a terminal: a progress bar a stage while it runs, then figures beside their targets."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.cli.bench_runs import Outcome
from app.simulator.load.figures import Row


class Shown:
    """Told by the bench which stage runs and how far it is."""

    def __init__(self, console: Console) -> None:
        columns = TextColumn("{task.description:<44}"), BarColumn(), TimeElapsedColumn()
        self._progress = Progress(*columns, console=console, transient=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, stage: str) -> Callable[[str, float], None]:
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        task = self._progress.add_task(stage, total=1.0)

        def tell(what: str, done: float) -> None:
            self._progress.update(task, description=what, completed=done)

        return tell


def show(console: Console, outcome: Outcome, took_s: float, picture: Path) -> None:
    table = Table("", "calls", "n", "p50", "p95", "p99", "max", "target", "", box=None, pad_edge=False)
    for column in table.columns[1:7]:
        column.justify = "right"
    for row in outcome.rows:
        table.add_row(*cells(row))
    console.print(table)
    console.print()
    for row in outcome.rows:
        said = f"{row.definition}. [dim]{outcome.command(row)}[/]"
        console.print(f"[bold]{row.name}[/] ({row.unit}, {row.calls} calls): {said}", soft_wrap=True)
        if row.note:
            console.print(f"    [yellow]{row.note}[/]", soft_wrap=True)
    console.print(f"\n{took_s:.0f} s. Picture: {picture}")


def cells(row: Row) -> list[str]:
    """One row of the table; a single value stands where p50 would, with its unit."""
    head = [row.name, str(row.calls), str(row.samples)]
    if "value" in row.figures:
        figures = [f"{written(row.figures['value'])} {row.unit}", "", "", ""]
    else:
        figures = [written(row.figures[name]) if name in row.figures else "-" for name in ("p50", "p95", "p99", "max")]
    verdict = {True: "[green]met[/]", False: "[bold red]missed[/]", None: ""}[row.met]
    return [*head, *figures, ", ".join(map(str, row.targets)), verdict]


def written(value: float) -> str:
    """Three digits that matter."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
