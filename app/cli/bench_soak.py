"""`offhook bench soak`: does a server grow? Memory, tasks, sockets, descriptors, sessions under minutes of calls."""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from app.cli.bench import rendered_content
from app.cli.bench_show import Shown
from app.cli.talk import fail, logging_to_stderr
from app.simulator.lab.soaking import COUNTS, Sample, draw, later_half, leaked, slope
from app.simulator.load.processes import NotStarted
from app.simulator.load.soak import soak as soak_for

app = typer.Typer()


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=0.5, help="How long calls come and go.")] = 30.0,
    calls: Annotated[int, typer.Option(min=1, help="At once: half of what the machine carries.")] = 30,
    picture: Annotated[Path | None, typer.Option(help="Where the graph goes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All samples as JSON on standard output.")] = False,
) -> None:
    """Does a server grow? Rounds of calls for minutes, and what it holds when nobody is on the telephone."""
    logging_to_stderr(level=30)
    console = Console(stderr=as_json, highlight=False)
    content = rendered_content(console)
    try:
        with tempfile.TemporaryDirectory(prefix="offhook-soak-") as folder, Shown(console) as shown:
            samples, met = soak_for(Path(folder), content, calls, minutes, shown.begin("soak"))
    except NotStarted as error:
        fail(str(error), code=1)
    path = picture or Path(time.strftime("soak-%Y%m%d-%H%M%S.png"))
    draw(path, samples)
    figures = summary(samples) | {"calls": len(met.calls), "troubles": met.troubles(), "picture": str(path)}
    _show(console, samples, figures)
    if as_json:
        json.dump({**figures, "samples": [asdict(sample) for sample in samples]}, sys.stdout, indent=1)
        print()
    raise typer.Exit(0 if not figures["leaks"] and not met.troubles() else 1)


def summary(samples: Sequence[Sample]) -> dict[str, Any]:
    """The figures that are judged: the slope of idle memory in the later half of the run, and what is held at the last
    idle moment that was not at the first."""
    idle = [sample for sample in samples if sample.idle]
    memory = slope(later_half(idle))
    more = leaked(idle)
    late = sorted(sample.lateness_ms for sample in samples)
    return {
        "minutes": round(samples[-1].at_s / 60, 1) if samples else 0,
        "rounds": len(idle),
        "mb_a_minute": round(memory.mb_a_minute, 3),
        "noise_mb_a_minute": round(memory.noise, 3) if memory.noise != float("inf") else None,
        "leaked": more,
        "lateness_ms": {"median": late[len(late) // 2], "most": late[-1]} if late else {},
        "leaks": [*(["memory"] if memory.leaks else []), *more],
    }


def _show(console: Console, samples: Sequence[Sample], figures: dict[str, Any]) -> None:
    for sample in samples:
        if sample.idle:
            held = ", ".join(f"{getattr(sample, name)} {name}" for name in COUNTS)
            console.print(f"{sample.at_s / 60:5.1f} min, idle: {sample.rss_mb:.1f} MB, {held}", soft_wrap=True)
    noise = figures["noise_mb_a_minute"]
    console.print(
        f"\nIdle memory in the later half: {figures['mb_a_minute']:+.3f} MB a minute, standard error "
        + (f"{noise:.3f}" if noise is not None else "unknown (fewer than three rounds)")
        + f"; {figures['calls']} calls in {figures['rounds']} rounds, {figures['minutes']} min.",
        soft_wrap=True,
    )
    late = figures["lateness_ms"]
    console.print(f"Loop late: median {late['median']:.1f} ms, most {late['most']:.1f} ms. Graph: {figures['picture']}")
    for trouble in figures["troubles"]:
        console.print(f"[red]a call:[/] {trouble}")
    leaks = figures["leaks"]
    console.print(f"[bold red]Leaks: {', '.join(leaks)}[/]" if leaks else "[green]No leaks.[/]")
