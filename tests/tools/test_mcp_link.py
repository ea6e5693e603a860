"""Real MCP servers, as programs of their own: over stdio and over HTTP, listed, called, ended and begun again."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.call.events import Outcome
from app.call.setup import CallFacts
from app.content.page import Page
from app.tools import mcp_link
from app.tools.addresses import read_hosts
from app.tools.host import ToolHost
from app.tools.inspect import ask_servers
from app.tools.mcp_link import Links, Pauses
from app.tools.mcp_page import Offered, Pinned, ServerPage, declared
from app.tools.mcp_tool import mcp_tool
from app.tools.web import Web

FOLDER = Path(__file__).parent
FACTS = CallFacts("CA1", "+15551234567", "+15550100", "desk", "edition", "en-US", 0)
TOOLS = ["find_part", "part.price", "reserve_part", "break_down", "count_slowly", "leave"]
EFFECTS = ["reserve_part"]
ONE_TEXT = {"type": "object", "properties": {name: {"type": "string"} for name in ("name", "number", "why")}}
PAUSES = Pauses(first_s=0.05, longest_s=0.2)
STDIO = {"command": sys.executable, "args": ["parts_server.py"], "env": ["TOOL_PARTS_KEY"]}

type Run = Callable[..., Any]


class Program:
    """The same server as a program that answers HTTP, until it is told to leave."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "parts_server.py", str(self.port)], cwd=FOLDER, stderr=subprocess.DEVNULL
        )

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def program() -> Iterator[Program]:
    program = Program()
    yield program
    program.end()


def page(how: dict[str, Any]) -> ServerPage:
    return ServerPage(tools=TOOLS, effects=EFFECTS, time_limit_s=15, **how)


@asynccontextmanager
async def parts(how: dict[str, Any], hosts: str = "") -> AsyncIterator[tuple[Run, Links]]:
    """`run(tool, **arguments)` as a call does it, and the connections."""
    server = page(how)
    pinned = Pinned(description="A tool.", schema=ONE_TEXT)
    offers = [Offered("parts", name, declared(server.name_of(name), pinned), server) for name in TOOLS]
    tools = {offer.declaration.name: mcp_tool(offer, "tools/mcp.yaml") for offer in offers}
    web = Web(read_hosts(hosts), {"TOOL_PARTS_KEY": "k3y", "TOOL_OTHER": "secret"})
    async with aclosing(web), Links({"parts": server}, web, FOLDER, pauses=PAUSES) as links:
        host = ToolHost(tools, web=web, links=links)

        async def run(name: str, /, **given: Any) -> tuple[dict[str, Any], Outcome]:
            done = await host.run(name, json.dumps(given), FACTS)
            return json.loads(done.result), done.outcome

        yield run, links


async def up(links: Links) -> None:
    async with asyncio.timeout(20):
        await links.of("parts").up.wait()


async def again(run: Run) -> dict[str, Any]:
    """Ask until it is connected again."""
    async with asyncio.timeout(20):
        while True:
            told, outcome = await run("find_part", name="bell")
            if outcome is Outcome.OK:
                return dict(told)
            assert outcome is Outcome.UNAVAILABLE
            await asyncio.sleep(0.02)


async def all_of_it(run: Run, links: Links, key: str, restart: Callable[[], None]) -> None:
    """What both ways to reach a server must do."""
    assert set(links.of("parts").offers) == {*TOOLS, "pick"}
    assert await run("find_part", name="bell") == ({"part": "bell", "count": 3, "key": key}, Outcome.OK)
    assert (await run("part_price", number="7"))[0] == {"result": "Part 7 costs nine dollars."}
    told, outcome = await run("break_down", why="Ann")
    assert (told["error"], outcome) == ("failed", Outcome.FAILED) and "srv" not in str(told)
    reserved = {"reserved": "7", "keys": 1, "times": 1}
    assert await run("reserve_part", number="7") == (reserved, Outcome.OK)
    assert await run("reserve_part", number="7") == (reserved, Outcome.OK)  # done once, and remembered
    with pytest.raises(TimeoutError):  # a caller who hangs up breaks off their own call, and no more
        await asyncio.wait_for(links.of("parts").call("count_slowly", {}), 0.2)
    assert (await run("find_part", name="bell"))[1] is Outcome.OK
    with capture_logs() as log:
        assert (await run("leave"))[1] is Outcome.FAILED  # it ended in the middle
        async with asyncio.timeout(10):
            while links.state() != {"parts": "has gone away"}:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        began = time.monotonic()
        away, outcome = await run("find_part", name="bell")
        if outcome is not Outcome.OK:
            assert outcome is Outcome.UNAVAILABLE and "out of order" in away["advice"]
            assert time.monotonic() - began < 5  # of 15: nobody waits for who is away
        restart()
        assert (await again(run))["part"] == "bell"
    assert [line["server"] for line in log if "has gone away" in line["event"]] == ["parts"]
    assert "Ann" not in str(log) and "k3y" not in str(log)


async def test_a_server_over_stdio() -> None:
    async with parts(STDIO) as (run, links):
        await up(links)
        await all_of_it(run, links, "k3y", lambda: None)


async def test_a_server_over_http(program: Program) -> None:
    url = f"http://127.0.0.1:{program.port}/mcp"
    async with parts({"url": url}, hosts=f"127.0.0.1:{program.port}") as (run, links):
        await up(links)

        def restart() -> None:
            program.end()
            program.start()

        await all_of_it(run, links, "", restart)


async def test_a_program_is_given_the_variables_that_are_named_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "deployment")
    seen = tmp_path / "seen"
    script = f"import os; open({str(seen)!r}, 'w').write('\\n'.join(os.environ))"
    async with parts({"command": sys.executable, "args": ["-c", script], "env": ["TOOL_PARTS_KEY"]}):
        async with asyncio.timeout(10):
            while not (seen.exists() and seen.read_text()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert {name for name in seen.read_text().split("\n") if name.startswith(("TOOL_", "AWS_"))} == {"TOOL_PARTS_KEY"}


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"command": "no-such-program"}, "No such file"),
        ({"command": sys.executable, "args": ["-c", "print('hello')"]}, "cannot be reached"),
        ({"command": sys.executable, "args": ["parts_server.py"], "env": ["TOOL_UNSET"]}, "TOOL_UNSET is not set"),
        ({"url": "http://127.0.0.1:9/mcp"}, "127.0.0.1 is not allowed"),
        ({"url": "https://mcp.example.invalid/mcp", "headers": {"A": "{{ TOOL_OTHER }}"}}, "is not for"),
    ],
)
async def test_a_server_that_cannot_be_had_keeps_nobody_waiting(how: dict[str, Any], why: str) -> None:
    began = time.monotonic()
    async with parts(how) as (run, links):
        told, outcome = await run("find_part", name="bell")
        assert (told["error"], outcome) == ("unavailable", Outcome.UNAVAILABLE) and time.monotonic() - began < 5
        async with asyncio.timeout(20):
            while why not in links.state()["parts"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for _ in range(8):  # more than the breaker lets fail: it was never asked, so nothing is counted
            assert (await run("find_part", name="bell"))[1] is Outcome.UNAVAILABLE


async def test_a_name_that_leads_into_a_private_network_is_not_asked() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["10.0.0.8"]

    web = Web(read_hosts(""), {}, resolve)
    server = page({"url": "https://mcp.example.com/mcp"})
    async with aclosing(web):
        _, [fault] = await ask_servers(Page("tools/mcp.yaml", {}, {}), {"parts": server}, web, FOLDER)
    assert "private network" in fault.problem


async def test_a_server_that_says_nothing_is_said_not_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_link, "CONNECT_S", 0.5)
    server = page({"command": sys.executable, "args": ["-c", "import time; time.sleep(60)"]})
    async with aclosing(Web(read_hosts(""), {})) as web:
        _, [fault] = await ask_servers(Page("tools/mcp.yaml", {}, {}), {"parts": server}, web, FOLDER)
    assert fault.problem == "cannot be reached (no answer within 0.5 s)"


async def test_a_program_ends_with_us() -> None:
    async with parts(STDIO) as (_, links):
        await up(links)
        [pid] = programs_running()
    assert not programs_running(), pid


def programs_running() -> list[str]:
    """Our children that are the server, by process id."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in children if "parts_server" in Path(f"/proc/{pid}/cmdline").read_text()]


def test_pauses_grow_and_end() -> None:
    pauses = Pauses(0.5, 30)
    assert [pauses.after(failures) for failures in (0, 1, 2, 5, 6, 1_000)] == [0.5, 1, 2, 16, 30, 30]
