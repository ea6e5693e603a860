"""Figures, and what was asked of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MS = 1_000_000  # ns


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed (nearest rank). `ordered` is sorted, not empty."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and max; nothing where there are no values."""
    if not values:
        return {}
    ordered = sorted(values)
    figures = {name: percentile(ordered, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
    return {**figures, "max": ordered[-1]}


def spread_of_buckets(buckets: Mapping[float, float]) -> dict[str, float]:
    """The same of a histogram (upper bound -> how many were at most that, cumulative): each figure is the bound that
    it does not exceed."""
    bounds, total = sorted(buckets), max(buckets.values(), default=0)
    if not total:
        return {}
    shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
    return {
        name: next(bound for bound in bounds if buckets[bound] >= math.ceil(share * total)) for name, share in shares
    }


@dataclass(frozen=True, slots=True)
class Target:
    """`figure` (p50, p95, p99 or value) is to be at most `limit`, in the row's unit."""

    figure: str
    limit: float

    def met(self, figures: Mapping[str, float]) -> bool:
        return self.figure in figures and figures[self.figure] <= self.limit

    def __str__(self) -> str:
        name = "" if self.figure == "value" else f"{self.figure} "
        return f"{name}<= {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. `figures` holds p50, p95, p99 and max of samples, or a single `value`; it is empty where nothing
    could be measured, and `note` says why. `raw` is for the picture."""

    key: str
    name: str
    definition: str
    unit: str
    calls: int
    samples: int
    figures: Mapping[str, float]
    targets: Sequence[Target] = ()
    note: str = ""
    raw: Sequence[float] = field(default=(), repr=False)

    @classmethod
    def of(
        cls, key: str, name: str, definition: str, calls: int, raw: Sequence[float], *targets: Target, note: str = ""
    ) -> "Row":
        """A row of samples in ms, times or rates alike."""
        return cls(key, name, definition, "ms", calls, len(raw), spread(raw), targets, note, raw)

    @property
    def met(self) -> bool | None:
        """None where nothing is asked, or nothing was measured."""
        if not self.targets or not self.figures:
            return None
        return all(target.met(self.figures) for target in self.targets)

    def document(self, command: str) -> dict[str, object]:
        """For JSON."""
        return {
            "key": self.key,
            "name": self.name,
            "definition": self.definition,
            "unit": self.unit,
            "calls": self.calls,
            "samples": self.samples,
            "figures": {name: round(value, 3) for name, value in self.figures.items()},
            "targets": [str(target) for target in self.targets],
            "met": self.met,
            "note": self.note,
            "command": command,
        }
