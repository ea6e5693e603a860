"""The image's own lines, carried out in a bare place by a user who is not root, and the server that comes of them."""

import asyncio
import os
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest

from app.simulator.load.processes import free_port
from tests.deploy.dockerfile import USER, Build, Ignored, as_nobody, bare_environment, instructions

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = REPOSITORY / "deploy/Dockerfile"


def test_the_last_pattern_that_matches_decides_what_stays_behind() -> None:
    stays = Ignored(["*", "!app", "!deploy/alive.py", "**/*.pyc"])
    assert stays(Path(".env")) and stays(Path("deploy/aws/main.tf")) and stays(Path("app/call/x.pyc"))
    assert not stays(Path("app/call/machine.py")) and not stays(Path("deploy/alive.py"))


def test_no_line_of_the_image_needs_root_or_leaves_its_folder() -> None:
    lines = [rest for word, rest in instructions(DOCKERFILE.read_text()) if word == "RUN"]
    assert lines
    for line in lines:
        assert not {"apt-get", "sudo", "chown", "useradd"} & set(line.split())
        assert not [word for word in line.split() if word.startswith(("/", "~", ".."))]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_lines_of_the_image_install_a_server_that_needs_no_root(tmp_path: Path) -> None:
    build = Build(DOCKERFILE, REPOSITORY, tmp_path)
    image = await asyncio.to_thread(build.run)
    assert len(build.ran) >= 3 and image.user == f"{USER}:{USER}" and image.stop_signal == "SIGTERM"
    assert {path.name for path in image.cwd.iterdir()} == {"app", "cache", "deploy", "prompts", "tools", ".venv"}

    port = free_port()
    settings = {"PORT": str(port), "PUBLIC_URL": "https://bot.example.com", "TWILIO_AUTH_TOKEN": "t" * 32}
    nowhere = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
    env = image.environment(bare_environment(tmp_path)) | settings | nowhere | {"HOST": "127.0.0.1"}

    said = tmp_path / "said"

    async def inside(*words: str) -> asyncio.subprocess.Process:
        with said.open("ab") as out:
            return await asyncio.create_subprocess_exec(
                *as_nobody(), *words, cwd=image.cwd, env=env, stderr=subprocess.STDOUT, stdout=out
            )

    async def healthy() -> bool:
        return await (await inside(*image.health)).wait() == 0

    assert not await healthy()
    server = await inside(*image.entrypoint, *image.command)
    try:
        async with asyncio.timeout(60):
            while not await healthy():
                assert server.returncode is None, said.read_text()
                await asyncio.sleep(0.2)
        assert psutil.Process(server.pid).uids().effective == (USER if os.geteuid() == 0 else os.geteuid())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert (await client.post("/twilio/voice")).status_code == 403
            assert "offhook_calls_live" in (await client.get("/metrics")).text
        server.terminate()
        assert await asyncio.wait_for(server.wait(), 30) == 0
    finally:
        if server.returncode is None:
            server.kill()
    assert "t" * 32 not in said.read_text()
    if os.geteuid() == 0:
        mine = [path for path in image.root.rglob("*") if path.lstat().st_uid == USER]
        assert mine and all(path.is_relative_to(image.place("/data")) for path in mine)
