"""`offhook doctor` on a whole deployment: a real server behind TLS, the simulated model and Twilio, a real Redis."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from app.cache.catalogue import load_catalogue
from app.cache.keys import Narrator
from app.cache.private_server import PrivateServer, programs
from app.cache.render import render
from app.cli.doctor import app
from app.legs.twilio.handling import handling
from app.simulator.reading_mind import ReadingMinds
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.simulator import SonicSimulator
from app.simulator.tonal import PhraseVoice
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.rest import create_app
from app.web.doors import Doors, listen
from tests.doctor.conftest import ACCOUNT_SID, PARCELS, TOKEN, TlsFront, free_port, settings, tls_front, world
from tests.simulator.twilio.calls import fast_plant
from tests.whole.sounds import TONES

__all__ = ["settings", "tls_front", "world"]
FALLBACK = "https://static.example.org/fallback.xml"
SECRETS = (TOKEN, "a-secret-of-the-doctor", "a-bearer-of-metrics")
QUICK = Manner(speed=50, chunk_ms=100, final_delay_ms=50)


@dataclass
class Deployment:
    exchange: Exchange
    server: asyncio.subprocess.Process

    async def examined(self, *words: str, code: int) -> dict[str, Any]:
        result = await self.run(*words, "--json", code=code)
        found: dict[str, Any] = json.loads(result.stdout)
        return {check["check"]: check for check in found["checks"]}

    async def run(self, *words: str, code: int) -> Result:
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert result.exit_code == code, result.output
        assert not [secret for secret in SECRETS if secret in result.output]
        return result


@pytest.fixture
async def deployment(
    world: None, tls_front: TlsFront, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deployment]:
    content = tmp_path / "content"
    shutil.copytree(PARCELS, content, ignore=shutil.ignore_patterns("__pycache__"))
    await render(load_catalogue(content), [Narrator("matthew", "en-US")], PhraseVoice(TONES), content)
    redis = PrivateServer(programs()[0], tmp_path / "redis")
    await asyncio.to_thread(redis.start)
    plant, port = fast_plant(), free_port()
    owner = Account(ACCOUNT_SID, TOKEN)
    exchange = Exchange(plant, {owner.sid: owner})
    async with (
        SonicSimulator(ReadingMinds(), manner=QUICK) as sonic,
        Doors(create_app(exchange), listen("127.0.0.1", 0)) as twilio,
        tls_front(port) as front,
    ):
        exchange.own(owner, "+15035550199", handling(front.url, FALLBACK))
        for name, value in {
            "PUBLIC_URL": front.url,
            "FALLBACK_URL": FALLBACK,
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_API_URL": f"http://127.0.0.1:{twilio.port}",
            "METRICS_TOKEN": "a-bearer-of-metrics",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": sonic.endpoint,
            "AWS_CA_BUNDLE": str(sonic.ca_file),
            "REDIS_URL": f"unix://{redis.socket_path}",
            "CONTENT_DIR": str(content),
            "DATA_DIR": str(tmp_path / "data"),
            "FOREIGN_AUDIO": "true",
            "POOL_SIZE": "1",
            "MAX_CALLS": "10",
        }.items():
            monkeypatch.setenv(name, value)
        async with _serving(port) as server:
            yield Deployment(exchange, server)
    await asyncio.to_thread(redis.stop)
    await plant.aclose()


@asynccontextmanager
async def _serving(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`offhook serve` as a process of its own."""
    command = (sys.executable, "-m", "app.cli", "serve", "--port", str(port))
    server = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
            while not await _is_up(http, port):
                assert server.returncode is None, "it ended"
                await asyncio.sleep(0.05)
        yield server
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()


async def _is_up(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz")).is_success
    except httpx.TransportError:
        return False


async def test_a_deployment_in_order_is_right_and_one_that_went_down_is_told(deployment: Deployment) -> None:
    found = await deployment.examined(code=0)
    not_right = {name: check["said"] for name, check in found.items() if check["state"] != "right"}
    assert not_right.keys() <= {"store", "disk", "round-trip"}, not_right  # a busy machine may be slow or full
    assert found["model"]["facts"]["first_audio_ms"] >= 0 and found["certificate"]["facts"]["days"] == 59
    assert not deployment.exchange.placed

    (number,) = deployment.exchange.numbers.values()
    number.update({"voice_url": "https://old.example.com/twilio/voice"})
    deployment.server.terminate()
    await deployment.server.wait()
    told = await deployment.run("--only", "webhook", "--only", "numbers", code=1)
    shown = " ".join(told.stdout.split())
    assert "2 wrong" in shown and "numbers check" in shown and "offhook" in shown


async def test_a_local_server_needs_nothing_of_twilio_and_the_doctor_says_so(
    world: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PUBLIC_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONTENT_DIR", str(PARCELS))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    only = [word for name in ("settings", "account", "numbers", "webhook") for word in ("--only", name)]
    local = await asyncio.to_thread(CliRunner().invoke, app, ["--local", *only, "--json"])
    states = {check["check"]: check["state"] for check in json.loads(local.stdout)["checks"]}
    assert local.exit_code == 0 and states["settings"] == "right"
    assert {states[name] for name in ("account", "numbers", "webhook")} == {"left out"}
    without = await asyncio.to_thread(CliRunner().invoke, app, ["--only", "settings", "--only", "webhook"])
    assert without.exit_code == 1 and "PUBLIC_URL" in without.stdout and "left out" in without.stdout


def test_a_check_that_there_is_not_is_misuse() -> None:
    told = CliRunner().invoke(app, ["--only", "weather"])
    assert told.exit_code == 2 and "certificate" in told.stderr
