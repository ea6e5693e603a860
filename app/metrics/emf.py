"""The same meters for CloudWatch: a line of JSON each minute in its embedded metric format.

A log agent carries the lines of standard output to CloudWatch Logs, which makes metrics of them (namespace Offhook).
Every series of CloudWatch costs money each month, so this is a choice, without dimensions: each process tells what
happened in it since its last line, and sums over processes are right. Of a histogram at most 100 values may be told:
they are spread evenly over their buckets, so percentiles are as exact as the buckets are.
Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format", read in November 2026.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from prometheus_client import Metric
from prometheus_client.samples import Sample

from app.metrics.meters import Meters

NAMESPACE = "Offhook"
EVERY_S = 60.0
MOST_VALUES = 100  # of one metric in one line

type Unit = Literal["Count", "Seconds", "None"]
type Kind = Literal["counter", "gauge", "histogram"]
type Bounds = dict[float, float]  # how many were at most so large


@dataclass(frozen=True, slots=True)
class Told:
    """One of ours, as CloudWatch has it: the sum of the series with these labels."""

    name: str
    kind: Kind
    unit: Unit = "Count"
    labels: Mapping[str, str] = field(default_factory=dict)


TOLD: Mapping[str, Told] = {
    "CallsLive": Told("calls_live", "gauge"),
    "CallsEnded": Told("calls_ended", "counter"),
    "CallsFailed": Told("calls_ended", "counter", labels={"disposition": "engine_failed"}),
    "CallsRefused": Told("calls_refused", "counter"),
    "CallSeconds": Told("call_seconds", "histogram", "Seconds"),
    "FirstWordSeconds": Told("first_word_seconds", "histogram", "Seconds"),
    "TurnSeconds": Told("turn_seconds", "histogram", "Seconds", {"part": "first_frame"}),
    "BargeInsConfirmed": Told("barge_in", "counter", labels={"outcome": "confirmed"}),
    "BargeInsResumed": Told("barge_in", "counter", labels={"outcome": "resumed"}),
    "PoolIdle": Told("pool_sessions", "gauge", labels={"state": "idle"}),
    "PoolLent": Told("pool_lent", "counter"),
    "PoolColdOpens": Told("pool_cold_opens", "counter"),
    "SessionOpenSeconds": Told("pool_open_seconds", "histogram", "Seconds"),
    "SessionErrors": Told("session_errors", "counter"),
    "EndpointsDown": Told("endpoint_down", "gauge"),
    "LateFrames": Told("late_frames", "counter"),
    "MediaMissing": Told("media_missing", "counter"),
    "MediaGapSeconds": Told("media_gap_seconds", "histogram", "Seconds"),
    "LoopLatenessSeconds": Told("loop_lateness_seconds", "histogram", "Seconds"),
    "BadSignatures": Told("bad_signatures", "counter"),
    "Tokens": Told("model_tokens", "counter"),
    "Money": Told("money", "counter", "None"),
    "MoneyUnknown": Told("money_unknown", "counter"),
}


class Emf:
    """One for each process: `line` tells what has changed since the line before."""

    def __init__(self, meters: Meters, process: str) -> None:
        self._meters = meters
        self._process = process
        self._sums: dict[str, float] = {}
        self._bounds: dict[str, Bounds] = {}

    def line(self, now_ms: int) -> str:
        """Without its end. `now_ms`: Unix time. Takes milliseconds: not on the event loop."""
        families = {family.name.removeprefix("offhook_"): family for family in self._meters.registry.collect()}
        values: dict[str, float | list[float]] = {}
        for name, told in TOLD.items():
            found = self._value(name, told, families.get(told.name))
            if found is not None:
                values[name] = found
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[]],
            "Metrics": [{"Name": name, "Unit": TOLD[name].unit} for name in values],
        }
        meta = {"Timestamp": now_ms, "CloudWatchMetrics": [directive]}
        return json.dumps({"_aws": meta, "process": self._process, **values}, separators=(",", ":"))

    def _value(self, name: str, told: Told, family: Metric | None) -> float | list[float] | None:
        """None for a histogram of which nothing was seen."""
        if told.kind == "histogram":
            now = _bounds(family, told.labels)
            before, self._bounds[name] = self._bounds.get(name, {}), now
            return list(spread({bound: count - before.get(bound, 0.0) for bound, count in now.items()})) or None
        ending = "_total" if told.kind == "counter" else ""
        found = sum(sample.value for sample in _samples(family, ending, told.labels))
        if told.kind == "gauge":
            return found
        before_sum, self._sums[name] = self._sums.get(name, 0.0), found
        return round(found - before_sum, 9)


def spread(bounds: Bounds) -> Iterator[float]:
    """At most 100 values that lie as those that were counted: evenly between the bounds of their bucket. What lies
    above the last bound is told as that."""
    edges = [0.0, *sorted(bounds)]
    seen = bounds.get(float("inf"), 0.0)
    wanted = min(round(seen), MOST_VALUES)
    buckets = [(low, low if high == float("inf") else high, high) for low, high in pairwise(edges)]
    for nth in range(wanted):
        rank = (nth + 0.5) * seen / wanted
        low, top, high = next(bucket for bucket in buckets if bounds[bucket[2]] >= rank)
        below = bounds.get(low, 0.0)
        yield round(low + (top - low) * (rank - below) / (bounds[high] - below), 6)


def _bounds(family: Metric | None, labels: Mapping[str, str]) -> Bounds:
    bounds: Bounds = {}
    for sample in _samples(family, "_bucket", labels):
        bound = float(sample.labels["le"])
        bounds[bound] = bounds.get(bound, 0.0) + sample.value
    return bounds


def _samples(family: Metric | None, ending: str, labels: Mapping[str, str]) -> Iterable[Sample]:
    if family is None:
        return []
    return [s for s in family.samples if s.name == family.name + ending and labels.items() <= s.labels.items()]
