"""`offhook numbers` as staff use it, judged by what the simulated Twilio has afterwards."""

import asyncio
import json
import os
import pty
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli.numbers import app
from app.prompts.library import load_prompts
from app.simulator import callscript
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.resources import ApiError, Number
from app.simulator.twilio.rest import create_app
from app.web.doors import Doors, listen
from tests.simulator.twilio.calls import fast_plant

ACCOUNT = Account("AC" + "a" * 32, "token")
OURS, OTHER = "+15035550199", "+15035550198"
PUBLIC = "https://bot.example.com"
TRUNK, APPLICATION = "TK" + "1" * 32, "AP" + "1" * 32
PARCELS = Path(__file__).parents[1] / "whole" / "content"
ROUTES = """# Who answers.
default: {agent: desk, hours: depot, closed: greeting}

numbers:
  +15550100: {agent: desk, language: en-US} # the old line

# Loading goes on later.
hours:
  depot:
    time_zone: America/New_York
    monday: 09:00-18:00
    tuesday: 09:00-18:00
    wednesday: 09:00-18:00
    thursday: 09:00-18:00
    friday: 09:00-18:00
    saturday: closed
    sunday: closed
"""


@dataclass
class Carrier:
    exchange: Exchange
    content: Path

    async def run(self, *words: str, code: int = 0) -> Result:
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert result.exit_code == code, result.output
        return result

    async def asked(self, *words: str, code: int = 0) -> Any:
        return json.loads((await self.run(*words, "--json", code=code)).stdout)

    def number(self, phone_number: str = OURS) -> Number:
        return next(n for n in self.exchange.numbers.values() if n.phone_number == phone_number)

    @property
    def routes(self) -> Path:
        return self.content / "prompts" / "routes.yaml"


@pytest.fixture
async def carrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Carrier]:
    shutil.copytree(PARCELS, tmp_path, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    (tmp_path / "prompts" / "routes.yaml").write_text(ROUTES)
    plant = fast_plant()
    exchange = Exchange(plant, {ACCOUNT.sid: ACCOUNT})
    exchange.own(ACCOUNT, OURS, {"voice_url": "https://demo.twilio.com/welcome/voice/"})
    async with Doors(create_app(exchange), listen("127.0.0.1", 0)) as doors:
        for name, value in {
            "CONTENT_DIR": str(tmp_path),
            "PUBLIC_URL": PUBLIC,
            "TWILIO_ACCOUNT_SID": ACCOUNT.sid,
            "TWILIO_AUTH_TOKEN": f"{ACCOUNT.token},older",
            "TWILIO_API_URL": f"http://127.0.0.1:{doors.port}/",
        }.items():
            monkeypatch.setenv(name, value)
        yield Carrier(exchange, tmp_path)
        await plant.aclose()


async def test_a_number_is_led_here_with_its_fallback_and_its_route(carrier: Carrier) -> None:
    before = carrier.routes.read_text()
    done = await carrier.asked("assign", OURS, "--agent", "desk", "--yes")
    assert done["done"] and {change["field"] for change in done["changes"]} >= {"voice_url", "status_callback"}
    settings = carrier.number().settings
    assert settings["voice_url"] == f"{PUBLIC}/twilio/voice"
    assert settings["voice_fallback_url"] == f"{PUBLIC}/twilio/fallback"
    assert settings["status_callback"] == f"{PUBLIC}/twilio/status"
    added = f"  {OURS}: {{agent: desk, hours: depot, closed: greeting}}\n"
    assert carrier.routes.read_text().replace(added, "") == before
    assert OURS in load_prompts(carrier.content).routes.leads_to("desk")
    again = await carrier.asked("assign", carrier.number().sid, "--agent", "desk")
    assert again["done"] and not again["changes"] and not again["route"]["changed"]


async def test_without_a_terminal_nothing_is_changed_unless_told(carrier: Carrier) -> None:
    before, settings = carrier.routes.read_bytes(), dict(carrier.number().settings)
    refused = await carrier.run("assign", OURS, "--agent", "desk", code=2)
    assert "demo.twilio.com/welcome/voice/  ->  https://bot.example.com/twilio/voice" in refused.output
    assert "--yes" in refused.stderr
    assert (await carrier.asked("assign", OURS, "--agent", "desk", code=2))["done"] is False
    assert (carrier.routes.read_bytes(), carrier.number().settings) == (before, settings)


async def test_a_person_at_a_terminal_is_asked_first(carrier: Carrier) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from app.cli.numbers import app; app()", "release", OURS),
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    shown, asked = await process.communicate()
    os.close(ours)
    os.close(theirs)
    assert f"release {OURS}".encode() in shown and b"Do it? [y/N]" in asked
    assert (len(carrier.exchange.numbers), process.returncode) == (1, 1)


async def test_drift_is_found_and_repaired(carrier: Carrier) -> None:
    await carrier.run("assign", OURS, "--agent", "desk", "--yes")
    carrier.number().update({"voice_url": "https://old-tunnel.example.com/twilio/voice", "voice_fallback_url": ""})
    found = await carrier.asked("check", code=1)
    (row,) = found["numbers"]
    assert (row["state"], [change["field"] for change in row["changes"]]) == (
        "drifted",
        ["voice_url", "voice_fallback_url"],
    )
    assert "check --repair" in (await carrier.run("check", code=1)).output
    assert (await carrier.asked("check", "--repair", "--yes"))["numbers"][0]["state"] == "right"
    assert (await carrier.asked("check"))["numbers"][0]["state"] == "right"


async def test_check_counts_another_applications_number_as_none_of_ours(carrier: Carrier) -> None:
    found = await carrier.asked("check", code=1)
    assert found["numbers"][0]["state"] == "elsewhere" and "no number" in found["problems"][0]
    carrier.exchange.own(ACCOUNT, OTHER)
    await carrier.run("assign", OTHER, "--agent", "desk", "--yes")
    states = {row["number"]: row["state"] for row in (await carrier.asked("check"))["numbers"]}
    assert states == {OURS: "elsewhere", OTHER: "right"}


async def test_check_warns_where_both_handlers_fail_together(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    await carrier.run("assign", OURS, "--agent", "desk", "--yes")
    assert any("share the host bot.example.com" in warning for warning in (await carrier.asked("check"))["warnings"])
    monkeypatch.setenv("FALLBACK_URL", "https://static.example.org/fallback.xml")
    assert (await carrier.asked("check", code=1))["numbers"][0]["state"] == "drifted"
    found = await carrier.asked("check", "--repair", "--yes")
    assert not any("share the host" in warning for warning in found["warnings"])
    settings = carrier.number().settings
    assert settings["voice_fallback_url"] == "https://static.example.org/fallback.xml"
    assert settings["voice_fallback_method"] == "GET"


@pytest.mark.parametrize(
    ("override", "name"), [({"trunk_sid": TRUNK}, TRUNK), ({"voice_application_sid": APPLICATION}, APPLICATION)]
)
async def test_a_trunk_or_application_that_takes_the_calls_is_named(
    carrier: Carrier, override: dict[str, str], name: str
) -> None:
    carrier.number().update(override)
    warned = await carrier.asked("assign", OURS, "--agent", "desk", "--yes", code=1)
    assert name in warned["warnings"][0] and "--detach" in warned["warnings"][0]
    with pytest.raises(ApiError):
        await carrier.exchange.dial_in(OTHER, OURS, callscript.parse("wait for hang up"), LineOptions())
    assert (await carrier.asked("check", "--repair", "--yes", code=1))["numbers"][0]["state"] == "overridden"
    await carrier.run("assign", OURS, "--agent", "desk", "--detach", "--yes")
    assert (await carrier.asked("check"))["numbers"][0]["overridden_by"] == ""


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("PUBLIC_URL", "http://bot.example.com"),
        ("PUBLIC_URL", "https://localhost:8000"),
        ("PUBLIC_URL", "https://192.168.1.4"),
        ("FALLBACK_URL", "http://static.example.org/fallback.xml"),
    ],
)
async def test_what_twilio_cannot_reach_safely_is_never_given_to_it(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    refused = await carrier.run("assign", OURS, "--agent", "desk", "--yes", code=2)
    assert refused.stderr.startswith(f"{name} {url} ")
    assert carrier.number().settings["voice_url"].startswith("https://demo.twilio.com")


async def test_an_agent_that_is_not_there_changes_nothing(carrier: Carrier) -> None:
    refused = await carrier.run("assign", OURS, "--agent", "nobody", "--yes", code=2)
    assert "There are: desk" in refused.stderr
    assert carrier.number().settings["voice_url"].startswith("https://demo.twilio.com")


async def test_content_that_is_wrong_is_told_before_twilio_is_asked(carrier: Carrier) -> None:
    carrier.routes.write_text(carrier.routes.read_text().replace("hours: depot, closed", "hours: deepot, closed", 1))
    wrong = await carrier.asked("assign", OURS, "--agent", "desk", "--yes", code=1)
    assert wrong["faults"][0]["file"] == "prompts/routes.yaml"
    assert carrier.number().settings["voice_url"].startswith("https://demo.twilio.com")


async def test_a_number_is_bought_with_its_agent_and_given_back(carrier: Carrier) -> None:
    looked = await carrier.asked("buy", "--area-code", "415", code=2)
    assert len(looked["numbers"]) == 10 and len(carrier.exchange.numbers) == 1
    bought = await carrier.asked("buy", "--area-code", "415", "--agent", "desk", "--yes")
    assert bought["number"] == looked["chosen"]
    assert carrier.number(bought["number"]).settings["voice_url"] == f"{PUBLIC}/twilio/voice"
    assert bought["number"] in load_prompts(carrier.content).routes.numbers
    released = await carrier.asked("release", bought["number"], "--yes")
    assert "prompts/routes.yaml:6" in released["warnings"][0]
    assert [number.phone_number for number in carrier.exchange.numbers.values()] == [OURS]


async def test_the_list_shows_who_answers(carrier: Carrier) -> None:
    assert (await carrier.asked("list"))[0]["voice_url"] == "https://demo.twilio.com/welcome/voice/"
    await carrier.run("assign", OURS, "--agent", "desk", "--yes")
    assert (await carrier.asked("list"))[0]["agent"] == "desk"
    assert OURS in (await carrier.run("list")).stdout


async def test_a_refusal_of_twilio_is_one_sentence_with_the_fix(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "offhook numbers list" in (await carrier.run("release", OTHER, "--yes", code=1)).stderr
    assert "Twilio 20404" in (await carrier.run("release", "PN" + "0" * 32, "--yes", code=1)).stderr
    assert "Twilio 21422" in (await carrier.run("buy", OURS, "--yes", code=1)).stderr
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "wrong")
    refused = await carrier.run("list", code=1)
    assert "TWILIO_AUTH_TOKEN" in refused.stderr and refused.stderr.count("\n") == 1
    monkeypatch.setenv("TWILIO_API_URL", "http://127.0.0.1:9")
    assert "TWILIO_API_URL" in (await carrier.run("list", code=1)).stderr
    monkeypatch.delenv("TWILIO_AUTH_TOKEN")
    assert "TWILIO_ACCOUNT_SID" in (await carrier.run("list", code=2)).stderr
