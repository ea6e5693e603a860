"""The matrix as a picture: a row a fault, a column a stage, the silence a caller heard in each cell."""

from collections.abc import Sequence
from pathlib import Path

from app.simulator.lab.judge import Verdict


def draw(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Raises OSError where `path` cannot be written."""
    import matplotlib

    matplotlib.use("Agg")  # no window: this may run anywhere
    from matplotlib import pyplot

    faults = list(dict.fromkeys(verdict.cell.fault for verdict in verdicts))
    stages = list(dict.fromkeys(verdict.cell.stage for verdict in verdicts))
    shares = [[float("nan")] * len(stages) for _ in faults]
    for verdict in verdicts:
        share = verdict.silence_ms / verdict.cell.limit_ms
        shares[faults.index(verdict.cell.fault)][stages.index(verdict.cell.stage)] = share
    figure, plot = pyplot.subplots(figsize=(10, 0.36 * len(faults) + 1.6), layout="constrained")
    image = plot.imshow(shares, cmap="RdYlGn_r", vmin=0, vmax=1.25, aspect="auto")
    for verdict in verdicts:
        _write(plot, verdict, stages.index(verdict.cell.stage), faults.index(verdict.cell.fault))
    plot.set_xticks(range(len(stages)), stages)
    plot.set_yticks(range(len(faults)), faults)
    plot.set_title("Silence after a fault, ms; recovery in brackets; a cross where a promise is broken")
    figure.colorbar(image, label="share of the silence that was promised at the most")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _write(plot: object, verdict: Verdict, x: int, y: int) -> None:
    recovery = "-" if verdict.recovery_ms < 0 else f"{verdict.recovery_ms}"
    text = f"{verdict.silence_ms} ({recovery})" + ("" if verdict.good else "  ✗")
    weight = "normal" if verdict.good else "bold"
    plot.text(x, y, text, ha="center", va="center", fontsize=8, fontweight=weight)  # type: ignore[attr-defined]
