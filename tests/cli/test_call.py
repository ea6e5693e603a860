"""`offhook call` as staff use it, judged by what the simulated Twilio has afterwards."""

import asyncio
import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner, Result

from app.cli.call import app
from app.simulator.callscript import parse
from app.simulator.twilio.plant import DialOutcome
from tests.cli.test_numbers import OTHER, OURS, Carrier, carrier
from tests.web.house import running

__all__ = ["carrier"]
THEM = "+14155550177"
AGENT = ("--agent", "desk")


async def run(*words: str, code: int = 0) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def office(carrier: Carrier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Carrier:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    carrier.exchange.plant.default_outcome = DialOutcome(ring_ms=100, status="busy")
    return carrier


async def test_a_call_is_placed_from_the_only_number_and_its_end_is_told(office: Carrier) -> None:
    told = await run(THEM, *AGENT, "--facts", "name=Anna", "--facts", "slot=9 o'clock", "--json", code=1)
    (call,) = office.exchange.plant.called(THEM)
    document = json.loads(told.stdout)
    assert document == {"call": call.party.call_sid, "result": "busy", "seconds": 0}
    assert call.party.caller == OURS and "Anna" not in told.output and THEM not in told.output


async def test_nobody_need_wait_for_the_end(office: Carrier) -> None:
    told = await run(THEM, *AGENT, "--no-wait", "--json")
    assert json.loads(told.stdout)["result"] is None


async def test_who_does_not_want_to_be_called_is_not(office: Carrier, tmp_path: Path) -> None:
    (tmp_path / "no.txt").write_text(f"{THEM}\n")
    told = await run(THEM, *AGENT, "--do-not-call", str(tmp_path / "no.txt"), code=1)
    assert "they do not want to be called" in told.output and not office.exchange.plant.calls


async def test_who_asks_never_to_be_called_again_is_not(office: Carrier) -> None:
    async def ended(request: Request) -> Response:
        return JSONResponse({"call": "CA1", "disposition": "do_not_call"})

    office.exchange.plant.default_outcome = DialOutcome(ring_ms=100, script=parse("wait 200ms\nhang up"))
    async with running(Starlette(routes=[Route("/outbound/ended/{sealed}", ended)])) as port:
        told = await run(THEM, *AGENT, "--server", f"http://127.0.0.1:{port}", "--json")
    assert json.loads(told.stdout)["result"] == "do_not_call"
    told = await run(THEM, *AGENT, code=1)
    assert "they have asked us not to call them again" in told.output
    assert len(office.exchange.plant.called(THEM)) == 1


async def test_what_a_dot_env_file_says_of_calls_holds_and_an_option_goes_before_it(
    office: Carrier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no.txt").write_text(f"{THEM}\n")
    (tmp_path / "nobody.txt").write_text("")
    (tmp_path / ".env").write_text(f"CALLER_ID={OTHER}\nDO_NOT_CALL=no.txt\n")
    told = await run(THEM, *AGENT, code=1)
    assert "no.txt holds the number" in told.output
    told = await run(THEM, *AGENT, "--do-not-call", "nobody.txt", code=1)
    assert "not placed: the caller's number is neither owned" in told.output
    await run(THEM, *AGENT, "--do-not-call", "nobody.txt", "--from", OURS, code=1)
    (call,) = office.exchange.plant.called(THEM)
    assert call.party.caller == OURS


async def test_a_refusal_is_one_sentence_with_the_fix(office: Carrier) -> None:
    told = await run(THEM, *AGENT, "--from", OTHER, code=1)
    assert "not placed: the caller's number is neither owned" in told.output


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ((), "a number such as +15550100, or --campaign FILE"),
        (("555", *AGENT), "write the number with its country"),
        ((THEM,), "--agent: say who calls. There are: desk"),
        ((THEM, "--agent", "nobody"), "--agent nobody: there is none. There are: desk"),
        ((THEM, *AGENT, "--facts", "name"), "write it as key=value"),
        ((THEM, *AGENT, "--facts", f"name={'x' * 201}"), "not one line of 200 characters"),
        (("--campaign", "people.csv", "--hours", "9-5"), "write it as 08:00-21:00"),
        (("--campaign", "people.csv", "--timezone", "Mars"), "give one such as America/New_York"),
        (("--campaign", "people.csv", "--facts", "a=b"), "each column of the file is a fact"),
        (("--campaign", "people.csv", "--name", "a/b"), "give the campaign a name of letters"),
    ],
)
async def test_what_is_used_wrongly_is_told_with_the_fix(office: Carrier, words: tuple[str, ...], fix: str) -> None:
    told = await run(*words, code=2)
    assert fix in told.output and not office.exchange.plant.calls
    document = json.loads((await run(*words, "--json", code=2)).stdout)
    assert fix in document["error"]


async def test_an_agent_that_places_no_calls_is_told_how_it_would(carrier: Carrier) -> None:
    desk = carrier.content / "prompts" / "desk.md"
    kept = desk.read_text().split("outbound:")
    if len(kept) > 1:
        desk.write_text(kept[0] + "known_answers:" + kept[1].split("known_answers:", 1)[1])
    told = await run(THEM, *AGENT, code=2)
    assert "it places no calls: write `outbound: {}` into the front matter of prompts/desk.md" in told.output


async def test_without_an_address_twilio_can_reach_nobody_is_called(
    office: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, problem in (
        ("http://bot.example.com", "https"),
        ("https://localhost", "cannot be reached"),
        ("", "not set"),
    ):
        monkeypatch.setenv("PUBLIC_URL", url)
        told = await run(THEM, *AGENT, code=2)
        assert "PUBLIC_URL" in told.output and problem in told.output


async def test_every_mistake_of_a_campaign_s_file_is_told_before_anybody_is_called(
    office: Carrier, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("number,consent,timezone\n+14155550177,yes,UTC\n415,yes,UTC\n+14155550178,,UTC\n")
    told = await run("--campaign", str(file), *AGENT, "--json", code=1)
    faults = json.loads(told.stdout)["faults"]
    assert [(fault["line"], fault["field"]) for fault in faults] == [(3, "number"), (4, "consent")]
    assert not office.exchange.plant.calls
    told = await run("--campaign", str(tmp_path / "none.csv"), *AGENT, code=1)
    assert "cannot be read: No such file" in told.output
