"""The fixed metrics of the house, in Prometheus's words. Bridge, pool and doors turn events into these, nobody else."""

import os
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.call.commands import BargeInOutcome, CallSpent
from app.call.disposition import Disposition
from app.call.events import Failure, UsageReported
from app.call.prices import TOKEN_KINDS, Usage

SPEECH_SECONDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.3, 1.6, 2.0, 3.0, 5.0, 10.0)
BARGE_IN_SECONDS = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
KEPT_SECONDS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0)
LINE_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 3.0, 10.0)
CALL_SECONDS = (5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 480.0, 900.0, 1800.0, 3600.0)
CALL_TOKENS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
CALL_MONEY = (0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0)
LATENESS_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0)

PAID = ("model", "carrier")

SHARED = "PROMETHEUS_MULTIPROC_DIR"  # the library's own variable: a folder in which several processes count together


def begin(*families: tuple[Counter | Histogram, Iterable[str]]) -> None:
    """Show these series from now on."""
    for family, values in families:
        for value in values:
            family.labels(value)


class EndpointsDown(Collector):
    """`offhook_endpoint_down{endpoint}`: 1 where it is left alone. Endpoints come to be known by being asked."""

    def __init__(self, down: Callable[[], Mapping[str, bool]]) -> None:
        self._down = down

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "offhook_endpoint_down", "Model endpoints left alone after failures", labels=["endpoint"]
        )
        for endpoint, down in self._down().items():
            family.add_metric([endpoint], float(down))
        yield family


class Meters:
    """One set for each process. Names are a contract: dashboards and alarms rely on them."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"offhook_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"offhook_{name}", text, labels, buckets=buckets, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"offhook_{name}", text, labels, registry=registry, multiprocess_mode="livesum")

        self._endpoints: EndpointsDown | None = None
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self.calls_live = gauge("calls_live", "Calls in progress")
        self.calls_ended = counter("calls_ended", "Calls ended, by disposition", "disposition")
        self.calls_refused = counter("calls_refused", "New calls that were told all lines are busy, by reason", "why")
        self.first_word = histogram("first_word_seconds", "Stream start to the first frame of speech", SPEECH_SECONDS)
        self.turn = histogram("turn_seconds", "Parts of a turn, from the caller's last sound", SPEECH_SECONDS, "part")
        self.turns = counter("turns", "Turns answered, by whom", "answered_by")
        self.known_answers = counter(
            "known_answers", "Turns answered by a phrase, by how the model was kept from answering", "how"
        )
        self.known_answer = histogram(
            "known_answer_seconds", "The caller's words known to the first frame of the phrase", LATENESS_SECONDS
        )
        self.barge_in = histogram("barge_in_seconds", "Onset of speech to the outcome of the hold", BARGE_IN_SECONDS)
        self.barge_ins = counter("barge_in", "Holds, by what became of them", "outcome")
        self.pool_sessions = gauge("pool_sessions", "Model sessions, by state", "state")
        self.session_errors = counter("session_errors", "Model sessions that failed, by kind", "kind")
        self.media_gap = histogram(
            "media_gap_seconds", "Widest gap between two of the caller's frames, each second", LINE_SECONDS
        )
        self.media_delay = histogram(
            "media_delay_seconds",
            "How much later than the stream's most punctual frame a caller's frame came, each second",
            LINE_SECONDS,
        )
        self.media_missing = counter("media_missing", "Caller's frames that the carrier counted and that never came")
        self.late_frames = counter("late_frames", "Frames handed over after the telephone had run dry")
        self.loop_lateness = histogram(
            "loop_lateness_seconds", "How late the ticker ran: what every call of the process felt", LATENESS_SECONDS
        )
        self.bad_signatures = counter("bad_signatures", "Requests refused for their signature")
        self.model_tokens = counter("model_tokens", "Tokens the model reported, by kind", "kind")
        self.call_seconds = histogram("call_seconds", "How long calls lasted", CALL_SECONDS)
        self.call_tokens = histogram("call_tokens", "Tokens of a call, by kind", CALL_TOKENS, "kind")
        self.money = counter("money", "What was paid for, in the price table's currency", "what")
        self.money_unknown = counter("money_unknown", "Amounts that have no price, and are in no sum", "what")
        self.call_money = histogram("call_money", "What a call cost, where it is known", CALL_MONEY, "what")
        self.tools = counter("tools", "Tool runs, by tool and outcome", "tool", "outcome")
        self.tool_seconds = histogram(
            "tool_seconds",
            "How long tools ran; effects: whether the tool changes something",
            SPEECH_SECONDS,
            *("tool", "outcome", "effects"),
        )
        self.tools_left_behind = gauge("tools_left_behind", "Threads of tools that nobody waits for any more")
        self.cold_opens = counter("pool_cold_opens", "Sessions opened while a caller waited")
        self.pool_opened = histogram("pool_open_seconds", "Time to open a model session", SPEECH_SECONDS)
        self.pool_lent = counter("pool_lent", "Warm sessions lent to calls")
        self.pool_retired = counter("pool_retired", "Warm sessions closed unused, by reason", "why")
        self.snapshot_kept = histogram(
            "snapshot_kept_seconds",
            "End of a turn to the store's word that its snapshot is kept",
            KEPT_SECONDS,
        )
        self.notes = counter("notes", "What calls noted: fillers, recoveries, missing phrases", "what")

        # An increase from nothing is not seen: what alarms ask for is there from the start, with 0.
        begin((self.session_errors, Failure), (self.calls_ended, Disposition), (self.money_unknown, PAID))
        begin((self.call_money, (*PAID, "total")), (self.call_tokens, TOKEN_KINDS), (self.money, PAID))
        begin((self.model_tokens, TOKEN_KINDS), (self.barge_ins, get_args(BargeInOutcome.__value__)))

    def exposition(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)

    def count_tokens(self, usage: UsageReported, prefix: str = "") -> None:
        """What a session used; `prefix` sets apart those that served no call."""
        for kind in TOKEN_KINDS:
            self.model_tokens.labels(prefix + kind).inc(usage.usage.of(kind))

    def pay(self, what: str, amount: Decimal | None) -> None:
        """`what`: model, carrier, or unlent_model for sessions that served no call."""
        if amount is None:
            self.money_unknown.labels(what).inc()
        else:
            self.money.labels(what).inc(float(amount))

    def count_call(self, spent: CallSpent) -> None:
        """What a whole call used and cost."""
        self.call_seconds.observe(spent.ms / 1000)
        total = sum(spent.tokens.values(), Usage())
        for kind in TOKEN_KINDS:
            self.call_tokens.labels(kind).observe(total.of(kind))
        self.pay("model", spent.bill.model)
        self.pay("carrier", spent.bill.carrier)
        for what, amount in spent.bill.parts.items():
            if amount is not None:
                self.call_money.labels(what).observe(float(amount))

    def watch_endpoints(self, down: Callable[[], Mapping[str, bool]]) -> None:
        """`down`: each endpoint of the model by name, and whether it is left alone."""
        self._endpoints = EndpointsDown(down)
        self.registry.register(self._endpoints)

    def watch_live_calls(self, count: Callable[[], int]) -> None:
        self.watch(self.calls_live, count)

    def watch(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Show what `value` gives."""
        if SHARED in os.environ:
            self._watched.append((gauge, value))
        else:
            gauge.set_function(value)

    def refresh(self) -> None:
        """Several processes show their figures together, by files: write what is watched there. Once a second will
        do."""
        for gauge, value in self._watched:
            gauge.set(value())

    @property
    def shown(self) -> CollectorRegistry:
        """What /metrics shows: the sum of all processes that share a port, or this one's alone."""
        if SHARED not in os.environ:
            return self.registry
        self.refresh()
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        if self._endpoints is not None:  # as this process finds them
            everybody.register(self._endpoints)
        return everybody
