"""Money and tokens, and one set of figures for several processes."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.call.commands import CallSpent
from app.call.events import UsageReported
from app.call.prices import Bill, Usage
from app.metrics.meters import SHARED, Meters

TOUCH_ALL = """
import sys
from prometheus_client import Counter, Gauge, Histogram
from app.metrics.meters import Meters
meters = Meters()
for metric in list(meters.registry._collector_to_names):
    child = metric.labels(*metric._labelnames) if metric._labelnames else metric
    if isinstance(metric, Histogram):
        child.observe(float(sys.argv[1]))
    elif isinstance(metric, Gauge):
        meters.watch(child, lambda: float(sys.argv[1]))
    else:
        child.inc(float(sys.argv[1]))
meters.refresh()
print(sum(1 for _ in meters.registry._collector_to_names))
input()
"""


def value(meters: Meters, name: str, **labels: str) -> float | None:
    return meters.registry.get_sample_value(f"offhook_{name}", labels)


def test_a_call_s_tokens_and_money_are_told_by_call_and_in_sum() -> None:
    meters = Meters()
    spent = {"us-east-1:a": Usage(speech_in=200, text_in=5), "us-west-2:b": Usage(speech_in=50)}
    meters.count_call(CallSpent(90_000, spent, Bill(Decimal("0.03"), Decimal("0.025"))))
    assert value(meters, "call_seconds_sum") == 90
    assert value(meters, "call_tokens_sum", kind="speech_in") == 250
    assert value(meters, "money_total", what="model") == 0.03
    assert value(meters, "call_money_sum", what="total") == 0.055
    assert value(meters, "call_money_bucket", what="total", le="0.07") == 1
    assert value(meters, "money_unknown_total", what="model") == 0


def test_an_unknown_amount_is_in_no_sum_and_is_counted_apart() -> None:
    meters = Meters()
    meters.count_call(CallSpent(1, {"x": Usage(text_in=1)}, Bill(None, Decimal("0.0125"))))
    assert value(meters, "money_unknown_total", what="model") == 1
    assert value(meters, "money_total", what="model") == 0
    assert value(meters, "money_total", what="carrier") == 0.0125
    assert value(meters, "call_money_count", what="total") == 0


def test_tokens_of_sessions_without_a_call_stand_apart() -> None:
    meters = Meters()
    meters.count_tokens(UsageReported(0, 1, 2, 3, 4), "unlent_")
    assert value(meters, "model_tokens_total", kind="unlent_text_out") == 4


def test_several_processes_show_the_sum_of_every_metric(tmp_path: Path) -> None:
    """Two processes touch everything once; whoever asks a third finds the sum of both in each metric."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TOUCH_ALL, amount],
            env={SHARED: str(tmp_path), "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for amount in ("2", "3")
    ]
    try:
        counts = [int(process.stdout.readline()) for process in processes if process.stdout]
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, str(tmp_path))  # type: ignore[no-untyped-call]
        text = generate_latest(everybody).decode()
    finally:
        for process in processes:
            process.communicate("\n", timeout=20)
    lines = [line for line in text.splitlines() if not line.startswith("#") and not line.endswith(" 0.0")]
    shown = [line for line in lines if "_bucket" not in line]
    sums = [line for line in shown if not line.split("{")[0].split()[0].endswith("_count")]
    assert counts == [len(sums), len(sums)]
    assert {line.rpartition(" ")[2] for line in sums} == {"5.0"}


def test_what_alarms_ask_for_is_shown_before_it_happens_first() -> None:
    meters = Meters()
    assert value(meters, "session_errors_total", kind="throttled") == 0
    assert value(meters, "calls_ended_total", disposition="engine_failed") == 0
    assert value(meters, "money_unknown_total", what="carrier") == 0
