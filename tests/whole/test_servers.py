"""Other programs' tools in a whole call: a real MCP server."""

import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.tools import app
from app.tools import mcp_link
from tests.whole.conftest import OpenHouse
from tests.whole.house import until
from tests.whole.sounds import sentence, turn
from tests.whole.test_conversation import ask_once

PAGE = f"""servers:
  store:
    command: {sys.executable}
    args: [parts_server.py]
    env: [TOOL_PARTS_KEY]
    tools: [find_part]
"""


@pytest.fixture
def desk(content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parcel desk, whose agent may ask the store room."""
    home = Path(shutil.copytree(content, tmp_path / "desk"))
    shutil.copy(Path(__file__).parents[1] / "tools" / "parts_server.py", home)
    (home / "tools" / "mcp.yaml").write_text(PAGE)
    agent = home / "prompts" / "desk.md"
    agent.write_text(agent.read_text().replace("tools:\n", "tools:\n  - find_part\n"))
    monkeypatch.setenv("CONTENT_DIR", str(home))
    monkeypatch.setenv("TOOL_PARTS_KEY", "k3y")
    monkeypatch.setattr(mcp_link, "CONNECT_S", 60.0)  # a busy machine starts a program slowly
    pinned = CliRunner().invoke(app, ["pin"])
    assert pinned.exit_code == 0, pinned.output
    return home


async def test_a_caller_is_answered_from_an_mcp_server(house: OpenHouse, desk: Path) -> None:
    find = {"use_tool": {"name": "find_part", "arguments": {"name": "bell"}}}
    minds = [turn("Have you a bell?", sentence("one", text="There are {count}."), **find)]
    async with house(content=desk, mind=minds) as here:

        async def connection() -> str:
            return str((await here.client.get("/readyz")).json()["mcp_servers"]["store"])

        await until(connection, lambda state: state == "connected")
        call = await ask_once(here)
        assert await here.metric("offhook_tools_total", tool="find_part", outcome="ok") == 1
    assert call.heard == ["greeting", "one"]
    [session] = here.sessions
    assert session.events("speculativeText")[0]["text"] == "There are 3."
