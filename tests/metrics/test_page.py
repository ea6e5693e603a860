"""deploy/METRICS.md says what the code counts: names, types, labels, units, meanings."""

import re
from pathlib import Path

from prometheus_client.registry import Collector

from app.metrics.meters import Meters

PAGE = Path(__file__).parent.parent.parent / "deploy" / "METRICS.md"


def unit(name: str) -> str:
    """Of a metric, by its name."""
    if name.endswith("_seconds"):
        return "seconds"
    if "money" in name and "unknown" not in name:
        return "currency"
    return "tokens" if "_tokens" in name else "count"


def rows_of(meters: Meters) -> list[str]:
    """The page's table, as the code has it."""
    meters.watch_endpoints(lambda: {"us-east-1:a-model": False})
    return sorted(row for collector in list(meters.registry._collector_to_names) for row in _rows(collector))


def _rows(collector: Collector) -> list[str]:
    rows = []
    for family in collector.collect():
        found = {name for sample in family.samples for name in sample.labels}
        names = getattr(collector, "_labelnames", sorted(found))
        labels = ", ".join(f"`{label}`" for label in names)
        name = family.name + ("_total" if family.type == "counter" else "")
        rows.append(f"| `{name}` | {family.type} | {labels} | {unit(family.name)} | {family.documentation} |")
    return rows


def test_the_page_tells_of_every_metric_and_of_no_other() -> None:
    written = [line for line in PAGE.read_text().splitlines() if line.startswith("| `offhook_")]
    assert sorted(written) == rows_of(Meters())


def test_the_page_tells_of_every_label() -> None:
    text = PAGE.read_text().partition("\n## Labels\n")[2].partition("\n## ")[0]
    labels = {label for row in rows_of(Meters()) for label in re.findall(r"`(\w+)`", row.split("|")[3])}
    explained = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert labels == explained
