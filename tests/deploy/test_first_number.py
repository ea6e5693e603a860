"""deploy/FIRST_NUMBER.md, typed line by line: a newcomer's machine, with Twilio and Nova Sonic simulated around it.

Each line of the page's `sh` boxes is a process of its own, in a folder that is a fresh clone's. What stands in for the
world is in the environment (endpoints, an authority, one name more in the DNS); all else is what the page says.
"""

import asyncio
import json
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doctor.conftest import ACCOUNT_SID, HOST, TOKEN, TlsFront, free_port, tls_front
from tests.page import lines

__all__ = ["tls_front"]
REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "deploy" / "FIRST_NUMBER.md").read_text()
OURS, MINE = "+15035550100", "+14155550177"
KEY, SECRET = "AKIANEWCOMER", "a-newcomers-secret"
# A DNS that knows one name more, in every process.
SITE = f"""
import socket
known = socket.getaddrinfo
def look_up(host, *more, **named):
    name = host.decode() if isinstance(host, bytes) else host
    return known("127.0.0.1" if name == "{HOST}" else host, *more, **named)
socket.getaddrinfo = look_up
"""
CALLER = """
wait for speech within 3s
wait for quiet 700ms
say "when are you open"
wait for speech within 6s
wait for quiet 1000ms
hang up
"""
CALLEE = """
wait for speech within 3s
wait for quiet 700ms
hang up
"""
PATIENCE_S = 300


@dataclass
class Machine:
    """A newcomer's: a folder, an environment, and how long each line took."""

    folder: Path
    env: dict[str, str]
    port: int
    public_url: str
    twilio: str = ""
    took: dict[str, float] = field(default_factory=dict)
    open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def type(self, line: str) -> str:
        """Carry the line out as a shell does; the server stays. Gives what it printed."""
        began = time.monotonic()
        if line == "offhook serve":
            await self.open.enter_async_context(self.staying(*line.split()))
            await self.until_ready()
            said = ""
        else:
            said = await self.shell(line)
        self.took[line] = time.monotonic() - began
        print(f"{self.took[line]:7.1f} s  {line}")
        return said

    async def shell(self, line: str) -> str:
        pipe = asyncio.subprocess.PIPE
        done = await asyncio.create_subprocess_shell(
            line,
            cwd=self.folder,
            env=self.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await done.communicate()
        assert done.returncode == 0, f"{line}\n{said.decode()}"
        return said.decode()

    @asynccontextmanager
    async def staying(self, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process until the end of the test."""
        log = (self.folder / f"{words[1]}-{words[-1].strip('/')[-8:]}.log").open("wb")
        process = await asyncio.create_subprocess_exec(
            *words, cwd=self.folder, env=self.env, stdout=asyncio.subprocess.PIPE, stderr=log
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()
            log.close()

    async def simulated(self, *words: str) -> dict[str, str]:
        """`offhook emulate ...` as a process; what it says about itself."""
        process = await self.open.enter_async_context(
            self.staying("offhook", "emulate", *words, "--port", "0", "--json")
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            told: dict[str, str] = json.loads(await process.stdout.readline())
        return told

    async def until_ready(self) -> None:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
            while True:
                try:
                    if (await http.get(f"http://127.0.0.1:{self.port}/readyz")).is_success:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    async def ask(self, path: str, document: dict[str, Any] | None = None) -> Any:
        """The simulated world, of which the page knows nothing."""
        async with httpx.AsyncClient(trust_env=False, base_url=self.twilio) as http:
            answer = await (http.get(path) if document is None else http.post(path, json=document))
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def dial(self, number: str, script: str) -> dict[str, Any]:
        """Somebody calls; the result when they have hung up."""
        sid = (await self.ask("/simulator/calls", {"to": number, "script": script}))["call_sid"]
        async with asyncio.timeout(60):
            while True:
                result: dict[str, Any] = await self.ask(f"/simulator/calls/{sid}")
                if result["status"] == "completed":
                    return result
                await asyncio.sleep(0.2)

    def fill_in(self, values: dict[str, str]) -> None:
        """The settings that the page asks for, and no others."""
        assert set(lines(PAGE, "ini")) == set(values)
        file = self.folder / ".env"
        text = file.read_text()
        for name, value in values.items():
            text, found = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.M)
            assert found == 1, f"deploy/env.example has {name} {found} times"
        file.write_text(text)


@pytest.fixture
async def machine(tls_front: TlsFront, tmp_path: Path) -> AsyncIterator[Machine]:
    folder = tmp_path / "offhook"
    left = shutil.ignore_patterns("__pycache__", "rendered", ".terraform*", "node_modules")
    for part in ("prompts", "tools", "cache", "deploy"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=left)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    port = free_port()
    async with tls_front(port) as front:
        env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{tmp_path / 'site'}:{REPOSITORY}",
            "HOME": str(tmp_path),
            "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"],
            "CONTENT_DIR": str(folder),
            "PORT": str(port),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        newcomer = Machine(folder, env, port, front.url)
        async with newcomer.open:
            keys = ("--access-key", KEY, "--secret-key", SECRET)
            sonic = await newcomer.simulated("sonic", "--ca", str(tmp_path / "sonic-ca.pem"), *keys)
            newcomer.env |= {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": sonic["endpoint"], "AWS_CA_BUNDLE": sonic["ca"]}
            twilio = await newcomer.simulated(
                "twilio", "--account", ACCOUNT_SID, "--token", TOKEN, "--number", "+15035550199"
            )
            newcomer.twilio = newcomer.env["TWILIO_API_URL"] = twilio["url"]
            yield newcomer


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_newcomer_gets_a_real_number_by_typing_the_page(machine: Machine) -> None:
    outside = lines(PAGE, "console")
    assert outside and not [line for line in outside if line.removeprefix("$ ").startswith("offhook")]
    print("\nnot typed here, for it needs the outside world:", *outside, sep="\n  ")
    typed = lines(PAGE, "sh")
    for line in typed:
        if line.startswith("offhook call "):
            called = await machine.dial(OURS, CALLER)
            assert called["passed"], called["failures"]
            await machine.ask("/simulator/people", {"number": MINE, "ring_ms": 500, "script": CALLEE})
        said = await machine.type(line)
        if line.startswith("cp "):
            machine.fill_in(
                {
                    "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
                    "TWILIO_AUTH_TOKEN": TOKEN,
                    "AWS_REGION": "us-east-1",
                    "AWS_ACCESS_KEY_ID": KEY,
                    "AWS_SECRET_ACCESS_KEY": SECRET,
                    "PUBLIC_URL": machine.public_url,
                }
            )
        if line.startswith(("offhook doctor", "offhook call")):
            print(said)
    assert f"offhook numbers release {OURS} --yes" in typed


def test_the_times_on_the_page_are_of_the_lines_on_the_page() -> None:
    measured = re.findall(r"^ +[\d.]+ s  (.+)$", PAGE, re.M)
    assert measured == lines(PAGE, "sh"), "type the page again (pytest -s, as it says) and paste the times"
