"""The dashboard with data: `python -m app.cli.bench_board [--picture FILE]`.

A server with callers who talk and callers who break in, scraped by a real Prometheus with the configuration and the
alert rules of deploy/prometheus; then every panel of deploy/grafana's dashboard is asked for what it would show, and
drawn. Prometheus must be at hand: `sh deploy/prometheus/fetch.sh`. Exit 1 where a panel that must have data has none.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import yaml
from rich.console import Console

from app.cli.bench import rendered_content
from app.cli.board_picture import Curve, Drawn, draw
from app.cli.talk import WRONG, fail
from app.settings import REPOSITORY
from app.simulator.load.figures import MS
from app.simulator.load.orders import Orders
from app.simulator.load.processes import Mind, NotStarted, free_port, model, server
from app.simulator.load.stages import Plan, generate
from app.simulator.load.talker import Habits

DEPLOY = REPOSITORY / "deploy"
PICTURE = DEPLOY / "grafana" / "dashboard.png"
SCRAPE_S = 1
SCRAPED_WITHIN_S = 30
RATE_INTERVAL = "15s"
TALK_S = 75
TALKERS, INTERRUPTERS = 12, 6
MAY_BE_EMPTY = {"Tools, p95", "Tools by outcome"}  # the callers of a load ask for no tool


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str

    def until_scraped(self) -> None:
        """Wait until the server's figures are here. Raises `NotStarted`."""
        until = time.monotonic() + SCRAPED_WITHIN_S
        while time.monotonic() < until:
            now = time.time()
            try:
                if self.range('up{job="offhook"} == 1', now - SCRAPE_S, now):
                    return
            except httpx.HTTPError:
                pass  # it is starting
            time.sleep(0.2)
        raise NotStarted("Prometheus did not reach the server")

    def rules(self) -> dict[str, str]:
        """Alert -> its state."""
        groups = self._get("/api/v1/rules")["groups"]
        return {rule["name"]: rule["state"] for group in groups for rule in group["rules"]}

    def range(self, query: str, start: float, end: float) -> list[dict[str, Any]]:
        asked = {"query": query, "start": str(start), "end": str(end), "step": str(SCRAPE_S)}
        return list(self._get("/api/v1/query_range", asked)["result"])

    def _get(self, path: str, asked: Mapping[str, str] | None = None) -> Any:
        return httpx.get(self.url + path, params=asked, timeout=30, trust_env=False).raise_for_status().json()["data"]


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """One that scrapes `target` every second, as deploy/prometheus has it otherwise."""
    fetched = REPOSITORY / ".data" / "prometheus" / "usr" / "bin" / "prometheus"
    program = shutil.which("prometheus") or str(fetched)
    if not Path(program).exists():
        fail("there is no Prometheus here: sh deploy/prometheus/fetch.sh")
    chosen = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    chosen["global"] = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"}
    chosen["rule_files"] = [str(DEPLOY / "prometheus" / "offhook.rules.yml")]
    chosen["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(chosen))
    port = free_port()
    words = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    process = subprocess.Popen([*words, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"])
    try:
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=20)


def board() -> list[dict[str, Any]]:
    """The dashboard's panels."""
    found: list[dict[str, Any]] = json.loads((DEPLOY / "grafana" / "dashboards" / "offhook.json").read_text())["panels"]
    return found


def shown(there: Prometheus, panel: Mapping[str, Any], start: float, end: float) -> Drawn:
    """What Grafana would draw."""
    curves = []
    for target in panel.get("targets", ()):
        query = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
        for series in there.range(query, start, end):
            name = target["legendFormat"]
            for label, value in series["metric"].items():
                name = name.replace("{{" + label + "}}", value)
            points = [(float(at) - start, float(value)) for at, value in series["values"]]
            curves.append(Curve(name, points))
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    steps = defaults.get("thresholds", {}).get("steps", ())
    limits = [step["value"] for step in steps if step["value"] is not None]
    return Drawn(panel["title"], panel["type"], defaults.get("unit", ""), panel["gridPos"], curves, limits)


def callers(url: str, begin: int) -> list[Orders]:
    """Who talks and listens, and who breaks in on every answer."""
    end = begin + TALK_S * 1000 * MS
    talkers = Habits.for_shares(700)
    interrupters = Habits(talk_ms=1_400, pause_ms=600, listen_ms=4_000, interrupts_after=(700, 1_130, 940, 1_510))
    crowd = ((0, TALKERS, talkers), (500, INTERRUPTERS, interrupters))
    return [
        Orders(url, [*range(first, first + count)], count, begin, 8_000, end, (begin, end), habits, first=first)
        for first, count, habits in crowd
    ]


def run(picture: Annotated[Path, typer.Option(help="Where the picture goes.")] = PICTURE) -> None:
    """Draw the dashboard with the data of a load."""
    console = Console(stderr=True, highlight=False)
    content = rendered_content(console)
    calls = TALKERS + INTERRUPTERS
    with tempfile.TemporaryDirectory(prefix="offhook-board-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with (
            model(folder, Mind(700, 2_500)) as sonic,
            server(folder, calls, sonic, content) as house,
            prometheus(folder, f"127.0.0.1:{house.port}") as there,
        ):
            there.until_scraped()
            start, begin = time.time(), time.monotonic_ns() + 500 * MS
            orders = callers(house.voice_url, begin)
            generate(orders, folder, Plan(content), f"{calls} callers", orders[0].end)
            time.sleep(3)
            drawn = [shown(there, panel, start, time.time()) for panel in board()]
            rules = there.rules()
    draw(picture, drawn, f"{calls} callers for {TALK_S} s, scraped by Prometheus every {SCRAPE_S} s")
    empty = [panel.title for panel in drawn if panel.kind != "row" and not panel.curves]
    firing = sorted(alert for alert, state in rules.items() if state == "firing")
    panels = sum(panel.kind != "row" for panel in drawn)
    console.print(f"{panels} panels, {len(rules)} alert rules loaded, firing: {', '.join(firing) or 'none'}")
    console.print(f"without data: {', '.join(empty) or 'none'}; {picture}")
    if set(empty) - MAY_BE_EMPTY:
        raise typer.Exit(WRONG)


if __name__ == "__main__":
    typer.run(run)
    sys.exit(0)
