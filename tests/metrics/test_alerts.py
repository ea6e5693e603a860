"""Alert rules and dashboard ask for what is counted, and each rule is proved. What Prometheus says of them is slow."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.metrics.test_page import PAGE

DEPLOY = PAGE.parent
RULES = DEPLOY / "prometheus" / "offhook.rules.yml"
PROOFS = DEPLOY / "prometheus" / "offhook.rules.test.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "offhook.json"
OF_PROMETHEUS = {"le", "instance", "job", "alertstate"}
RATE_INTERVAL = "1m"  # what Grafana puts in place of its variable

type Document = dict[str, Any]


def rules() -> list[Document]:
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def board() -> Document:
    return dict(json.loads(DASHBOARD.read_text()))


def panels() -> list[Document]:
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"].replace("$__rate_interval", RATE_INTERVAL) for target in panel["targets"])


def counted() -> dict[str, set[str]]:
    """Series that the page tells of, with their labels."""
    series: dict[str, set[str]] = {}
    for name, kind, labels in re.findall(r"^\| `(offhook_\w+)` \| (\w+) \| (.*?) \|", PAGE.read_text(), re.MULTILINE):
        ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        series |= {name + end: set(re.findall(r"`(\w+)`", labels)) for end in ends}
    return series


def assert_asks_for_what_is_counted(query: str) -> None:
    known = counted()
    for name, selector in re.findall(r"\b(offhook_\w+)(?:\{(.*?)\})?", query):
        assert name in known, f"{query}: {name} is not on the page"
        asked = set(re.findall(r"(\w+)\s*[=!]~?", selector))
        assert asked <= known[name] | OF_PROMETHEUS, f"{query}: {name} has no label {asked - known[name]}"
    grouped = {label for labels in re.findall(r"by \((.*?)\)", query) for label in re.findall(r"\w+", labels)}
    assert grouped <= set().union(*known.values()) | OF_PROMETHEUS


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in rules()), *queries()])
def test_a_query_asks_for_what_is_counted(query: str) -> None:
    assert_asks_for_what_is_counted(query)


def test_a_query_for_what_nobody_counts_would_be_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_asks_for_what_is_counted("sum(rate(offhook_turns_bucket[1m]))")
    with pytest.raises(AssertionError):
        assert_asks_for_what_is_counted('offhook_turns_total{part="x"}')


def test_each_alert_says_who_is_to_look_and_why_and_is_proved_to_fire() -> None:
    proved = PROOFS.read_text()
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")
        assert f'alertname="{rule["alert"]}"' in proved


def test_the_dashboard_s_panels_stand_side_by_side_and_each_asks_something() -> None:
    ids = [panel["id"] for panel in board()["panels"]]
    assert len(set(ids)) == len(ids)
    places: set[tuple[int, int]] = set()
    for panel in board()["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & places and place["x"] + place["w"] <= 24
        places |= cells
    for panel in panels():
        assert panel["type"] in {"timeseries", "stat"} and panel["fieldConfig"]["defaults"]["unit"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def test_every_figure_of_a_turn_is_on_the_dashboard() -> None:
    asked = " ".join(queries())
    unseen = {"snapshot_kept_seconds", "known_answer_seconds", "notes_total", "tools_left_behind", "pool_retired_total"}
    names = set(re.findall(r"^\| `(offhook_\w+)`", PAGE.read_text(), re.MULTILINE))
    missing = {name for name in names if not re.search(rf"\b{name}(_bucket|_sum|_count)?\b", asked)}
    assert missing == {f"offhook_{name}" for name in (*unseen, "bad_signatures_total")}


# --- what a Prometheus says -------------------------------------------------------------------------------------------


def promtool(*words: str) -> str:
    program = shutil.which("promtool") or str(PAGE.parent.parent / ".data/prometheus/usr/bin/promtool")  # fetch.sh
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_prometheus_takes_configuration_and_rules() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))


@pytest.mark.slow
def test_each_alert_fires_on_made_data_and_stays_quiet_on_good_data() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(PROOFS))


@pytest.mark.slow
def test_prometheus_can_read_each_query_of_the_dashboard(tmp_path: Path) -> None:
    recorded = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    assert f"{len(recorded)} rules found" in promtool("check", "rules", str(file))
