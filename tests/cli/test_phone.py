"""`offhook phone` as a person runs it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.phone import app, beside, public
from tests.simulator.twilio.bot import TONE, Bot, Socket, serving, stream_twiml


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async def greet(end: Socket) -> None:
        await end.take("start")
        await end.play(TONE * 3)
        await end.take_all()

    async with serving(Bot(media=greet)) as running:
        running.pages["/voice"] = lambda asked: stream_twiml(running)
        running.page("/status", "")
        yield running


async def phone(*arguments: str) -> tuple[int, str, str]:
    environment = {**os.environ, "TWILIO_AUTH_TOKEN": "first,second"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from app.cli.phone import app; app()"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_call_is_placed_judged_and_recorded(bot: Bot, tmp_path: Path) -> None:
    script = tmp_path / "short.call"
    script.write_text("wait for speech\nwait for quiet 300ms\nexpect heard at least 400ms\nhang up\n")
    wav = tmp_path / "call.wav"
    code, out, _ = await phone("--to", bot.url("/voice"), "--script", str(script), "--record", str(wav), "--json")
    told = json.loads(out)
    assert code == 0 and told["passed"] and told["status"] == "completed" and told["verbs"] == ["Connect"]
    assert wav.read_bytes().startswith(b"RIFF") and bot.of("/status")


async def test_an_expectation_that_is_not_met_ends_with_1(bot: Bot, tmp_path: Path) -> None:
    script = tmp_path / "strict.call"
    script.write_text("wait for speech\nexpect heard at least 9s\nhang up\n")
    code, out, err = await phone("--to", bot.url("/voice"), "--script", str(script))
    assert code == 1 and "not met: line 2: expect heard at least 9s" in err and "stream open" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--to", "http://127.0.0.1:1/voice"), "one of --say, --audio, --script"),
        (("--to", "nowhere", "--say", "hi"), "give the voice webhook"),
        (("--to", "http://127.0.0.1:1/voice", "--script", "none.call"), "none.call"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_to_do(arguments: tuple[str, ...], told: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2 and told in result.stderr


def test_a_numbers_other_urls_stand_beside_its_webhook() -> None:
    assert beside("https://a.b/twilio/voice?x=1", "status") == "https://a.b/twilio/status"
    assert beside("https://a.b/answer", "status") == ""


def test_the_webhook_is_signed_under_the_public_url() -> None:
    assert public("http://127.0.0.1:8000/twilio/voice", "https://bot.example") == "https://bot.example/twilio/voice"
    assert public("http://127.0.0.1:8000/twilio/voice", "") == "http://127.0.0.1:8000/twilio/voice"
