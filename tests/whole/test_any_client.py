"""`offhook serve` as users run it, told by its environment alone, with clients and a model that know nothing of it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from app.simulator.script import script_from
from app.simulator.scripted_mind import ScriptedMinds
from app.simulator.sonic.signing import Key
from app.simulator.sonic.simulator import SonicSimulator
from tests.whole.hand import Hand
from tests.whole.house import HABITS, NEVER_LATE, QUICK, until
from tests.whole.sounds import turn

REPOSITORY = Path(__file__).parents[2]
PUBLIC = "https://calls.example.org:8443"
TOKEN, SECRET = "the-account's-token", "the model's secret"
GOODBYE = {"use_tool": {"name": "end_call", "arguments": {"reason": "finished"}}}
MIND = [turn("Zanzibar, please.", "one"), turn("Goodbye.", **GOODBYE)]


class Served:
    """A running `offhook serve`, and what it writes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.written = ""
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.written += line.decode()
            if b"= answering" in line and not self.port.done():
                self.port.set_result(int(json.loads(line)["port"]))
        if not self.port.done():
            self.port.set_exception(AssertionError(self.written))

    async def ended(self) -> int:
        async with asyncio.timeout(60):
            await self._reading
            return await self.process.wait()


@asynccontextmanager
async def serve(environment: dict[str, str]) -> AsyncIterator[Served]:
    command = (sys.executable, "-m", "app.cli", "serve", "--port", "0")
    paths = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}
    data_dir = environment["DATA_DIR"]
    process = await asyncio.create_subprocess_exec(
        *command, env=paths | environment, cwd=data_dir, stderr=asyncio.subprocess.PIPE
    )
    served = Served(process)
    try:
        async with asyncio.timeout(60):
            await asyncio.shield(served.port)
        yield served
    finally:
        if process.returncode is None:
            process.kill()
        await served.ended()


async def test_serve_holds_calls_for_any_client_and_finishes_them_before_it_stops(
    content: Path, store_url: str, tmp_path: Path
) -> None:
    minds = ScriptedMinds(script_from(HABITS | {"turns": MIND}))
    async with SonicSimulator(minds, manner=QUICK, keys=[Key("AKIAANY", SECRET)]) as sonic:
        environment = {
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": sonic.endpoint,
            "AWS_CA_BUNDLE": str(sonic.ca_file),
            "AWS_ACCESS_KEY_ID": "AKIAANY",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "TWILIO_AUTH_TOKEN": f"an older token, {TOKEN}",
            "PUBLIC_URL": PUBLIC,
            "CONTENT_DIR": str(content),
            "DATA_DIR": str(tmp_path),
            "REDIS_URL": store_url,
            "HOST": "127.0.0.1",
            "POOL_SIZE": "1",
            "DRAIN_SECONDS": "20",
            "FOREIGN_AUDIO": "true",
            "MAX_LATENESS_MS": str(NEVER_LATE),
        }
        async with (
            serve(environment) as served,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{await served.port}", trust_env=False) as client,
        ):
            first = Hand(client, "CA" + "4" * 32, TOKEN, PUBLIC)
            assert "<Connect>" in await first.ask("/twilio/voice")
            assert first.stream_url == "wss://calls.example.org:8443/twilio/media"
            await first.open()
            await first.hears("greeting")
            await first.says("where is it")
            await first.hears("one")
            second = Hand(client, "CA" + "5" * 32, TOKEN, PUBLIC)
            await second.ask("/twilio/voice")
            await second.open()
            await second.hears("greeting")
            await second.hang_up()
            served.process.terminate()
            await until(lambda: client.get("/readyz"), lambda answer: answer.status_code == 503)
            assert "<Say" in await Hand(client, "CA" + "6" * 32, TOKEN, PUBLIC).ask("/twilio/voice")
            await first.says("thanks goodbye")
            await first.hears("goodbye")
            assert await first.closed() == 1000
            assert "<Hangup" in await first.ask("/twilio/next")
            await first.hang_up()
            assert await served.ended() == 0
    assert "draining" in served.written and "completed" in served.written
    secrets = ("zanzibar", "4155550123", "5035550199", TOKEN, SECRET, "older token", "sentence one")
    assert not [secret for secret in secrets if secret in served.written.lower()]
    assert [session.signatures_verified > 0 for session in sonic.sessions[:1]] == [True]
