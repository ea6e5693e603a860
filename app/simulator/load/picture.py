"""The bench as a picture: how delays are distributed, and what a call costs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.simulator.load.figures import Row
from app.simulator.load.rows import CPU_TARGET

DELAYS = ("echo", "added-up", "added-down", "barge-in", "turn", "first-word-3", "first-word-40")


def draw(path: Path, rows: Sequence[Row], cpu: Sequence[tuple[int, float]]) -> None:
    """`cpu`: (calls, cores used by the server). Raises OSError where `path` cannot be written."""
    import matplotlib

    matplotlib.use("Agg")  # no window: this may run anywhere
    from matplotlib import pyplot

    figure, (delays, cost) = pyplot.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
    _delays(delays, rows)
    _cost(cost, cpu)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _delays(plot: Any, rows: Sequence[Row]) -> None:
    for row in rows:
        if row.key in DELAYS and row.raw:
            ordered = sorted(max(value, 0.01) for value in row.raw)
            shares = [100 * (index + 1) / len(ordered) for index in range(len(ordered))]
            plot.plot(ordered, shares, label=f"{row.name} ({row.calls} calls)", drawstyle="steps-post")
    plot.set(xscale="log", xlabel="ms", ylabel="% of samples within", title="Delays", ylim=(0, 100))
    plot.grid(True, which="both", alpha=0.25)
    if plot.lines:
        plot.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=3)


def _cost(plot: Any, cpu: Sequence[tuple[int, float]]) -> None:
    points = sorted(cpu)
    most = max((calls for calls, _ in points), default=50)
    plot.plot([0, most], [0, most * CPU_TARGET / 10], "--", color="grey", label=f"{CPU_TARGET:g} ms a call-second")
    plot.plot([calls for calls, _ in points], [cores * 100 for _, cores in points], "o-", label="server")
    plot.set(xlabel="calls", ylabel="% of one core", title="CPU against calls")
    plot.set_ylim(bottom=0)
    plot.set_xlim(left=0)
    plot.grid(True, alpha=0.25)
    plot.legend(fontsize=8)
