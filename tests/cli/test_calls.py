"""`offhook calls estimate`, and the page that quotes it."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.calls import app

PAGE = Path(__file__).parents[2] / "deploy/CAPACITY.md"
QUOTED = ("--calls", "50000", "--minutes", "3")


@pytest.fixture(autouse=True)
def _usual_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # where no .env is
    for name in ("PRICES", "AWS_REGION", "NOVA_SONIC_MODEL_ID"):
        monkeypatch.delenv(name, raising=False)


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["estimate", *words])
    assert result.exit_code == code, result.output
    return result.output


def plain(text: str) -> str:
    """Without what is not the same everywhere: where the table lies, and where lines break."""
    return " ".join(re.sub(r"\S*deploy/prices\.yaml", "deploy/prices.yaml", text).split())


def test_the_page_quotes_what_the_command_says() -> None:
    [quoted] = re.findall(r"<!-- estimate -->\n```\n(.*?)```\n<!-- end -->", PAGE.read_text(), re.S)
    assert f"offhook calls estimate {' '.join(QUOTED)}" in PAGE.read_text()
    assert plain(quoted) == plain(run(*QUOTED))


def test_the_document_adds_up() -> None:
    told = json.loads(run(*QUOTED, "--agent-hour", "30", "--handled", "60", "--json"))
    assert told["all"]["together"] == pytest.approx(told["all"]["model"] + told["all"]["carrier"])
    assert told["all"]["carrier"] == 1875.0
    assert (told["agents"]["hours"], told["agents"]["money"]) == (1500.0, 45_000.0)
    table, *others = told["memo"]["table"]
    assert (round(table["caller_minute"], 3), round(table["bot_minute"], 3)) == (0.035, 0.139)
    assert len(others) == 2 and told["memo"]["claimed_all"] == 2550.0


def test_a_price_that_nobody_knows_stays_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    told = json.loads(run("--json"))
    assert told["all"]["model"] is None and told["all"]["together"] is None and told["all"]["carrier"] > 0
    text = run()
    assert text.count("unknown") >= 6 and "0.0000" not in text
    assert "give --agent-hour" in " ".join(text.split())


def test_wrong_use_ends_with_2_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "they take turns" in run("--caller", "60", "--bot", "50", code=2)
    monkeypatch.setenv("PRICES", "none.yaml")
    assert "Set PRICES to a price table" in run(code=2)
