"""`offhook emulate sonic` as a process of its own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from app.cli.emulate_sonic import app
from app.simulator.sonic.journal import read_positions
from tests.simulator.sonic.rehearsal import speak
from tests.simulator.sonic.sdk import sdk_client, within

COMMAND = [sys.executable, "-c", "from app.cli.emulate import app; app()", "sonic", "--port", "0", "--json"]
SCRIPT = """
thinking: {uniform: [5, 10]}
listening: {pause_ms: 100}
manner: {speed: 50, final_delay_ms: 0}
otherwise: {heard: hello, say: [Good morning.]}
"""


@asynccontextmanager
async def emulator(
    *arguments: str, **environment: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | environment
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=pipe, stderr=pipe, env=own)
    assert process.stdout is not None
    try:
        yield process, json.loads(await within(process.stdout.readline()))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await within(process.communicate())


async def test_it_says_where_it_listens_writes_its_ca_and_keeps_its_logs(tmp_path: Path) -> None:
    (tmp_path / "script.yaml").write_text(SCRIPT)
    (tmp_path / "limits.yaml").write_text("streams: 1\n")
    log, positions = tmp_path / "log.jsonl", tmp_path / "positions"
    arguments = ["--mind", str(tmp_path / "script.yaml"), "--limits", str(tmp_path / "limits.yaml")]
    arguments += ["--log", str(log), "--positions", str(positions), "--dump", str(tmp_path / "heard")]
    async with emulator(*arguments, DATA_DIR=str(tmp_path)) as (process, where):
        assert where["ca"] == str(tmp_path / "sonic-ca.pem")
        assert where["signatures"] == "form only"
        place = SimpleNamespace(endpoint=where["endpoint"], ca_file=Path(where["ca"]))
        async with sdk_client(place) as client:  # type: ignore[arg-type]
            session = await client.conversation()
            await speak(session)
            await session.until("contentEnd", type="AUDIO", stopReason="END_TURN")
            await session.end()
            await session.rest()
        process.send_signal(signal.SIGINT)
        assert await within(process.wait()) == 0
    notes = [json.loads(line) for line in log.read_text().splitlines()]
    arrivals = [note for note in notes if note["event"] == "audioInput"]
    assert [note["to"] for note in arrivals] == [3200, 12_800, 19_200]
    assert [(number, to, ns) for number, to, ns in read_positions(positions)] == [
        (1, note["to"], note["ns"]) for note in arrivals
    ]
    assert notes[-1]["how"] == "closed"
    assert len((tmp_path / "heard" / "1.pcm").read_bytes()) == 19_200


async def test_the_secret_comes_from_the_environment_when_none_is_given(tmp_path: Path) -> None:
    (tmp_path / "script.yaml").write_text(SCRIPT)
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-so-secret"}
    arguments = ["--mind", str(tmp_path / "script.yaml"), "--ca", str(tmp_path / "ca.pem")]
    async with emulator(*arguments, **keys) as (_, where):
        assert where["signatures"] == "checked"
        assert where["ca"] == str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--faults", "explode@opening"], "explode"),
        (["--limits", "limits.yaml"], "no such limit"),
        (["--mind", "missing.yaml"], "missing.yaml"),
        (["--access-key", "only-half"], "belong together"),
        (["--log-audio", "some"], "all, none"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_wrong_option_is_explained_and_ends_with_2(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("script.yaml").write_text(SCRIPT)
    Path("limits.yaml").write_text("stream: 1\n")
    result = CliRunner().invoke(app, ["--mind", "script.yaml", *arguments])
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
