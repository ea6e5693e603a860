"""A process watched over time: what it holds when it is idle between rounds of calls, and where that leads to. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

COUNTS = ("tasks", "sockets", "descriptors", "sessions")
MINUTE = 60.0
SURE = 3.0  # standard errors: less is noise
FEWEST = 5
FEWEST_ROUNDS = 3
SMALL_MB = 0.1  # a minute: below this nothing can be told from noise in a short run


@dataclass(frozen=True, slots=True)
class Sample:
    """At `at_s` of the run. `idle`: nobody was on the telephone, and the pool was full."""

    at_s: float
    idle: bool
    rss_mb: float
    calls: int
    tasks: int
    sockets: int
    descriptors: int
    sessions: int  # of the model, open or spare
    lateness_ms: float


@dataclass(frozen=True, slots=True)
class Slope:
    """MB a minute, with its standard error."""

    mb_a_minute: float
    noise: float

    @property
    def leaks(self) -> bool:
        return self.mb_a_minute > max(SURE * self.noise, SMALL_MB)


def slope(samples: Sequence[Sample]) -> Slope:
    """Of the memory of samples taken in one state; of fewer than three nothing can be said."""
    if len(samples) < FEWEST_ROUNDS:
        return Slope(0.0, float("inf"))
    minutes = np.array([sample.at_s for sample in samples]) / MINUTE
    mb = np.array([sample.rss_mb for sample in samples])
    spread = float(((minutes - minutes.mean()) ** 2).sum())
    if spread == 0:
        return Slope(0.0, float("inf"))
    gain = float(((minutes - minutes.mean()) * (mb - mb.mean())).sum()) / spread
    residual = mb - mb.mean() - gain * (minutes - minutes.mean())
    return Slope(gain, float(np.sqrt((residual**2).sum() / (len(samples) - 2) / spread)))


def later_half(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Caches fill and the allocator settles in the first half of a run. Of a short run, its last five samples."""
    return samples[-max(FEWEST, len(samples) // 2) :]


def leaked(rounds: Sequence[Sample]) -> dict[str, int]:
    """What is held more at the last idle moment than at the first one after calls: name -> how many."""
    if len(rounds) < 2:
        return {}
    first, last = rounds[0], rounds[-1]
    more = {name: getattr(last, name) - getattr(first, name) for name in COUNTS}
    return {name: count for name, count in more.items() if count > 0}


def draw(path: Path, samples: Sequence[Sample]) -> None:
    """Raises OSError where `path` cannot be written."""
    import matplotlib

    matplotlib.use("Agg")  # no window: this may run anywhere
    from matplotlib import pyplot

    figure, (memory, counts, late) = pyplot.subplots(3, 1, figsize=(11, 9), sharex=True, layout="constrained")
    minutes = [sample.at_s / MINUTE for sample in samples]
    memory.plot(minutes, [sample.rss_mb for sample in samples], label="memory")
    idle = [sample for sample in samples if sample.idle]
    memory.plot([s.at_s / MINUTE for s in idle], [s.rss_mb for s in idle], "o", markersize=3, label="idle")
    memory.set(ylabel="MB resident", title="A server under rounds of calls")
    memory.legend(fontsize=8)
    for name in ("calls", *COUNTS):
        counts.plot(minutes, [getattr(sample, name) for sample in samples], label=name)
    counts.set(ylabel="held")
    counts.legend(fontsize=8)
    late.plot(minutes, [sample.lateness_ms for sample in samples], color="tab:red")
    late.set(ylabel="loop late, ms", xlabel="minutes")
    for plot in (memory, counts, late):
        plot.grid(True, alpha=0.25)
        plot.set_ylim(bottom=0)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
