"""YAML tools against a real server, and at addresses where they may not go."""

import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.call.events import Outcome
from app.call.setup import CallFacts
from app.content.faults import ContentError
from app.content.page import read_page
from app.tools.addresses import read_hosts
from app.tools.host import ToolHost
from app.tools.http_tool import read_http_tool
from app.tools.web import Web
from tests.tools.server import Reply, Server

FACTS = CallFacts("CA1", "+15551234567", "+15550100", "desk", "edition", "en-US", 0)
HOST = "api.example.com"
SEE = """
name: see
description: See a thing.
parameters:
  number: {type: string, description: its number}
url: https://api.example.com/things/{{ number }}
time_limit_s: 2
"""
MAKE = """
name: make
description: Make a thing.
parameters:
  name: {type: string, description: its name}
  count: {type: integer, description: how many, required: false}
method: POST
url: https://api.example.com/things
headers: {Authorization: "Bearer {{ TOOL_KEY }}"}
json: {name: "{{ name }}", count: "{{ count }}", by: telephone}
answers:
  - status: 409
    result: {made: false, say: "There is one already."}
  - result: {made: true, number: "{{ answer.number }}", say: "Made {{ name }}."}
"""

type Run = Callable[..., AbstractAsyncContextManager[Callable[[dict[str, Any]], Any]]]


@asynccontextmanager
async def tool(text: str, web: Web) -> AsyncIterator[Callable[[dict[str, Any]], Any]]:
    made = read_http_tool(read_page(text, "tools/it.yaml"))
    host = ToolHost({made.declaration.name: made}, web=web)

    async def run(given: dict[str, Any]) -> tuple[dict[str, Any], Outcome]:
        done = await host.run(made.declaration.name, json.dumps(given), FACTS)
        return json.loads(done.result), done.outcome

    try:
        yield run
    finally:
        await web.aclose()


def way_to(server: Server, **variables: str) -> Web:
    return Web(read_hosts(f"{HOST}=http://127.0.0.1:{server.port}"), variables)


def json_reply(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


async def test_an_answer_without_a_mapping_is_handed_on() -> None:
    with Server({"/things/a%20b": [json_reply({"state": "new"})]}) as server:
        async with tool(SEE, way_to(server)) as run:
            assert await run({"number": "a b"}) == ({"state": "new"}, Outcome.OK)
    assert server.asked[0].headers["host"] == HOST


async def test_a_deed_is_sent_with_its_key_its_variable_and_only_what_there_is() -> None:
    with Server({"/things": [json_reply({"number": 7}, 201)]}) as server:
        async with tool(MAKE, way_to(server, TOOL_KEY="secret", TOOL_KEY_HOST=HOST)) as run:
            first = await run({"name": "bell"})
            assert first == ({"made": True, "number": 7, "say": "Made bell."}, Outcome.OK)
            assert await run({"name": "bell"}) == first  # the same deed: nobody is asked again
            await run({"name": "bell", "count": "two"})
    one, other = server.asked
    assert json.loads(one.body) == {"name": "bell", "by": "telephone"}
    assert json.loads(other.body) == {"name": "bell", "count": 2, "by": "telephone"}
    assert one.headers["authorization"] == "Bearer secret"
    keys = {asked.headers["idempotency-key"] for asked in (one, other)}
    assert [len(key) for key in keys] == [32, 32]


async def test_statuses_are_mapped_or_told_without_their_text() -> None:
    replies = [Reply(409), Reply(422, b'{"error": "swordfish"}'), Reply(500, b'{"error": "swordfish"}')]
    with Server({"/things": replies}) as server, capture_logs() as lines:
        async with tool(MAKE, way_to(server, TOOL_KEY="secret", TOOL_KEY_HOST=HOST)) as run:
            assert await run({"name": "a"}) == ({"made": False, "say": "There is one already."}, Outcome.OK)
            told = [await run({"name": "b"}), await run({"name": "c"})]
    assert [outcome for _, outcome in told] == [Outcome.REFUSED, Outcome.FAILED]
    assert "swordfish" not in json.dumps([answer for answer, _ in told]) + str(lines)
    assert len(server.asked) == 3  # a POST is never sent twice


async def test_what_is_only_looked_at_is_asked_for_again_where_nobody_was_at_home() -> None:
    with Server({"/things/1": [Reply(503), json_reply({"state": "new"})]}) as server:
        async with tool(SEE, way_to(server)) as run:
            assert (await run({"number": "1"}))[1] is Outcome.OK
    assert len(server.asked) == 2


async def test_a_variable_goes_to_the_host_it_is_for_and_nowhere_else() -> None:
    with Server({"/things": [json_reply({})]}) as server, capture_logs() as lines:
        for variables in ({}, {"TOOL_KEY": "secret"}, {"TOOL_KEY": "secret", "TOOL_KEY_HOST": "bank.example.com"}):
            async with tool(MAKE, way_to(server, **variables)) as run:
                assert (await run({"name": "a"}))[1] is Outcome.FAILED
    assert not server.asked
    assert "TOOL_KEY" in str(lines) and "secret" not in str(lines)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(body=b'"' + b"x" * 1_100_000 + b'"'), "longer than"),
        (Reply(body=b"{not json"), "JSON"),
        (Reply(headers={"Content-Type": "text/html"}, body=b"<p>hello"), "text/html"),
        (Reply(headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}, body=b"x"), "compressed"),
        (Reply(302, headers={"Location": "http://169.254.169.254/latest"}), "sent elsewhere"),
        (Reply(302, headers={"Location": "https://other.example.com/"}), "sent elsewhere"),
        (Reply(302, headers={"Location": "https://api.example.com/things/1"}), "circles"),
    ],
)
async def test_an_answer_that_cannot_be_used_fails_and_says_why_to_the_log_alone(reply: Reply, why: str) -> None:
    with Server({"/things/1": [reply]}) as server, capture_logs() as lines:
        async with tool(SEE, way_to(server)) as run:
            answer, outcome = await run({"number": "1"})
    assert (outcome, answer["error"]) == (Outcome.FAILED, "failed")
    assert why in str(lines) and why not in str(answer)


async def test_a_redirect_on_the_same_host_is_followed() -> None:
    moved = Reply(302, headers={"Location": "/things/2"})
    with Server({"/things/1": [moved], "/things/2": [json_reply({"state": "new"})]}) as server:
        async with tool(SEE, way_to(server)) as run:
            assert await run({"number": "1"}) == ({"state": "new"}, Outcome.OK)


async def test_a_server_that_says_nothing_is_given_up_at_the_time_limit() -> None:
    gate = threading.Event()
    with Server({}, before=lambda: void(gate.wait(10))) as server:
        async with tool(SEE.replace("time_limit_s: 2", "time_limit_s: 0.3"), way_to(server)) as run:
            assert (await run({"number": "1"}))[1] in {Outcome.TIMED_OUT, Outcome.FAILED}
        gate.set()


def void(_: object) -> None:
    """For its effect alone."""


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["169.254.169.254"], ["10.0.0.8"], ["::1"], ["::ffff:10.0.0.8"], ["8.8.8.8", "192.168.0.1"]],
)
async def test_a_public_name_at_a_private_address_is_not_connected_to(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return addresses

    def connect(*_: object) -> None:
        raise AssertionError("it connected")

    monkeypatch.setattr(socket.socket, "connect", connect)
    with capture_logs() as lines:
        async with tool(SEE, Web(resolve=resolve)) as run:
            answer, outcome = await run({"number": "1"})
    assert (outcome, answer["error"]) == (Outcome.FAILED, "failed")
    assert "private network" in str(lines)


async def test_this_machine_is_reached_only_where_the_deployment_lists_the_port() -> None:
    with Server({"/things/1": [json_reply({"state": "new"})]}) as server:
        text = SEE.replace("https://api.example.com", f"http://127.0.0.1:{server.port}")
        for hosts, outcome in (("", Outcome.FAILED), (f"127.0.0.1:{server.port}", Outcome.OK)):
            async with tool(text, Web(read_hosts(hosts))) as run:
                assert (await run({"number": "1"}))[1] is outcome
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("https://api.example.com/things/{{ number }}", "http://api.example.com/", 6, "url"),
        ("https://api.example.com/things/{{ number }}", "https://10.0.0.1/", 6, "url"),
        ("https://api.example.com/things/{{ number }}", "https://{{ number }}/", 6, "url"),
        ("https://api.example.com/things/{{ number }}", "https://api.example.com/?q={{ number }}", 6, "url"),
        ("https://api.example.com/things/{{ number }}", "https://me:pw@api.example.com/", 6, "url"),
        ("{{ number }}", "{{ TOOL_KEY }}", 6, "url"),
        ("{{ number }}", "{{ nmuber }}", 6, "url"),
        ("{{ number }}", "{% if 1 %}{% endif %}", 6, "url"),
        ("its number}", "its number, required: false}", 6, "url"),
        ("type: string", "type: text", 5, "parameters.number.type"),
        ("its number}", "its number, pattern: '('}", 5, "parameters.number.pattern"),
        ("its number}", "its number, enum: [1]}", 5, "parameters.number.enum"),
        ("number: {", "Number!: {", 5, "parameters.Number!"),
        ("time_limit_s: 2", "time_limit_s: 60", 7, "time_limit_s"),
        ("time_limit_s: 2", "timeout: 2", 7, "timeout"),
        ("time_limit_s: 2", "headers: {Host: a}", 7, "headers.Host"),
        ("time_limit_s: 2", "query: {key: '{{ TOOL_KEY }}'}", 7, "query.key"),
        ("time_limit_s: 2", "json: {a: 1}", 1, ""),
        ("time_limit_s: 2", "answers: [{result: {key: '{{ TOOL_KEY }}'}}]", 7, "answers.0.result.key"),
        ("time_limit_s: 2", "answers: [{where: {'a b': 1}, result: {a: 1}}]", 7, "answers.0.where.a b"),
        ("name: see", "name: see it", 2, "name"),
    ],
)
def test_a_slip_is_shown_with_its_line_its_field_and_a_fix(old: str, new: str, line: int, field: str) -> None:
    with pytest.raises(ContentError) as caught:
        read_http_tool(read_page(SEE.replace(old, new), "tools/see.yaml"))
    fault = caught.value.faults[0]
    assert (fault.file, fault.field) == ("tools/see.yaml", field), fault
    assert fault.line == line or not field
    assert fault.problem and fault.fix


def test_a_page_declares_a_flat_schema() -> None:
    made = read_http_tool(read_page(MAKE, str(Path("tools/make.yaml"))))
    assert made.declaration.schema == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "its name"},
            "count": {"type": "integer", "description": "how many"},
        },
        "required": ["name"],
    }
    assert made.effects
