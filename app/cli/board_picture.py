"""A dashboard's panels as a picture, each where the dashboard has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

COLUMNS = 24
INCHES = 1.0, 0.42  # of one column, of one row


@dataclass(frozen=True, slots=True)
class Curve:
    name: str
    points: Sequence[tuple[float, float]]  # seconds since the start, value


@dataclass(frozen=True, slots=True)
class Drawn:
    """One panel. `unit` is Grafana's name of it, `place` its gridPos; `limits` are drawn as dashed lines."""

    title: str
    kind: str
    unit: str
    place: Mapping[str, int]
    curves: Sequence[Curve]
    limits: Sequence[float] = ()


def spelled(value: float, unit: str) -> str:
    """A value with its unit, as Grafana writes it."""
    if not isfinite(value):
        return "no data"
    if unit == "s":
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
    return f"{100 * value:.1f} %" if unit == "percentunit" else f"{value:.4g}"


def draw(path: Path, panels: Sequence[Drawn], caption: str) -> None:
    """Raises OSError where `path` cannot be written."""
    import matplotlib

    matplotlib.use("Agg")  # no window: this may run anywhere
    from matplotlib import pyplot

    rows = max(panel.place["y"] + panel.place["h"] for panel in panels)
    figure = pyplot.figure(figsize=(COLUMNS * INCHES[0], (rows + 2) * INCHES[1]), layout="none")
    figure.text(0.01, 1 - 0.8 / (rows + 2), f"Offhook: {caption}", fontsize=13, weight="bold")
    for panel in panels:
        x, y, width, height = (panel.place[name] for name in ("x", "y", "w", "h"))
        top = 1 - (y + 2) / (rows + 2)
        if panel.kind == "row":
            figure.text(0.01, top - 0.6 / (rows + 2), panel.title, fontsize=11, weight="bold")
            continue
        left, bottom = (x + 0.9) / COLUMNS, top - (height - 1.4) / (rows + 2)
        plot = figure.add_axes((left, bottom, (width - 1.3) / COLUMNS, (height - 2.6) / (rows + 2)))
        plot.set_title(panel.title, fontsize=9, loc="left")
        (_number if panel.kind == "stat" else _curves)(plot, panel)
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def _number(plot: Any, panel: Drawn) -> None:
    values = [value for curve in panel.curves for _, value in curve.points if isfinite(value)]
    plot.axis("off")
    text = spelled(values[-1], panel.unit) if values else "no data"
    plot.text(0.5, 0.4, text, fontsize=17, ha="center", va="center", weight="bold")


def _curves(plot: Any, panel: Drawn) -> None:
    scale = {"s": 1000.0, "percentunit": 100.0}.get(panel.unit, 1.0)
    for curve in panel.curves:
        points = [(at, value * scale) for at, value in curve.points if isfinite(value)]
        name = curve.name if any(value for _, value in points) else "_nolegend_"  # series that stay 0 are many
        plot.plot([at for at, _ in points], [value for _, value in points], label=name, linewidth=1.1)
    for limit in panel.limits:
        plot.axhline(limit * scale, linestyle="--", linewidth=0.8, color="firebrick")
    plot.set_ylim(bottom=0)
    plot.set_ylabel({"s": "ms", "percentunit": "%", "ops": "a second"}.get(panel.unit, ""), fontsize=7)
    plot.tick_params(labelsize=7)
    plot.grid(True, alpha=0.25)
    if plot.get_legend_handles_labels()[1]:
        plot.legend(fontsize=6, loc="upper left")
    if not panel.curves:
        plot.text(0.5, 0.5, "no data", transform=plot.transAxes, ha="center", fontsize=9, color="grey")
