"""`offhook bench soak`: does a server grow? Memory, tasks, sockets, descriptors, sessions under minutes of calls.

45 calls at once are half the knee that was measured on two cores which the telephones shared: 90. Another machine's is
found by `offhook bench --only knee`.
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from app.cli.bench import rendered_content
from app.cli.bench_show import Shown
from app.cli.talk import fail, logging_to_stderr
from app.simulator.lab.soaking import COUNTS, FEWEST_ROUNDS, SURE, Sample, draw, later_half, leaked, slope
from app.simulator.load.overload import BUSY
from app.simulator.load.processes import NotStarted
from app.simulator.load.soak import soak as soak_for

HALF_THE_KNEE = 45
MOST_REFUSED = 0.1  # of the callers: with fewer calls nothing is proved
MOST_HIDDEN_KB = 20.0  # a call, that noise may hide: a call that is kept whole is 60

app = typer.Typer()


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=0.5, help="How long calls come and go.")] = 30.0,
    calls: Annotated[int, typer.Option(min=1, help="At once. 45 are half of what a core carries.")] = HALF_THE_KNEE,
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
    busy = [trouble for trouble in met.troubles() if BUSY in trouble]
    troubles = [trouble for trouble in met.troubles() if BUSY not in trouble]
    figures = summary(samples) | {"calls": len(met.calls), "at_once": calls, "refused": len(busy)}
    figures |= {"troubles": troubles, "picture": str(path)}
    figures["why_not"] = why_not(figures)
    _show(console, samples, figures)
    if as_json:
        json.dump({**figures, "samples": [asdict(sample) for sample in samples]}, sys.stdout, indent=1)
        print()
    raise typer.Exit(1 if figures["why_not"] else 0)


def hidden_kb(figures: Mapping[str, Any]) -> float:
    """How much memory each call could keep without its being told from noise."""
    noise: float = figures["noise_mb_a_minute"] * figures["minutes"] * 1000 / max(1, figures["calls"])
    return SURE * noise


def why_not(figures: Mapping[str, Any]) -> list[str]:
    """What speaks against "it does not grow"; nothing, where that is proved."""
    found = [f"grows: {', '.join(figures['leaks'])}"] if figures["leaks"] else []
    if figures["rounds"] < FEWEST_ROUNDS:
        found.append(
            f"{figures['rounds']} rounds are too few to tell: {FEWEST_ROUNDS} at least, so give it more minutes"
        )
    elif (hidden := hidden_kb(figures)) > MOST_HIDDEN_KB:
        found.append(
            f"noise hides up to {hidden:.0f} KB a call, and {MOST_HIDDEN_KB:.0f} are allowed: give it more minutes"
        )
    if figures["refused"] > MOST_REFUSED * figures["calls"]:
        found.append(f"{figures['refused']} of {figures['calls']} calls were refused: this machine carries too few")
    if figures["troubles"]:
        found.append(f"{len(figures['troubles'])} calls in trouble: {figures['troubles'][0]}")
    return found


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
    if figures["refused"]:
        console.print(f"{figures['refused']} calls were refused while the server ran late.")
    if figures["why_not"]:
        console.print(f"[bold red]NOT PROVED.[/] {'; '.join(figures['why_not'])}.", soft_wrap=True)
    else:
        console.print(
            f"[green]IT DOES NOT GROW.[/] {figures['at_once']} calls at once: memory within noise, "
            f"no more {', '.join(COUNTS)} than after the first round.",
            soft_wrap=True,
        )
