"""A Bedrock knowledge base through its real client, at a local stand-in. The service itself was never reached."""

import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.call.events import Outcome
from app.call.setup import CallFacts
from app.content.faults import ContentError
from app.content.page import read_page
from app.tools.bedrock import read_bedrock
from app.tools.host import ToolHost
from tests.tools.server import Asked, Reply, Server

FACTS = CallFacts("CA1", "+15551234567", "+15550100", "desk", "edition", "en-US", 0)
PATH = "/knowledgebases/ABCDEFGHIJ/retrieve"
PAGE = """
kind: bedrock
name: search_manuals
description: Search the manuals.
knowledge_base: ABCDEFGHIJ
region: us-west-2
results: 2
least_score: 0.5
time_limit_s: 2
"""
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=AKIATEST/\d{8}/us-west-2/bedrock/aws4_request, "
    r"SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}"
)


def result(text: str, score: float, uri: str = "s3://manuals/bosch/errors.pdf") -> dict[str, Any]:
    return {
        "content": {"type": "TEXT", "text": text},
        "location": {"type": "S3", "s3Location": {"uri": uri}},
        "score": score,
        "metadata": {"x-amz-bedrock-kb-chunk-id": "1"},
    }


def answer(*results: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps({"retrievalResults": list(results)}).encode())


def error(status: int, code: str) -> Reply:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": f"{code}:http://internal.amazon.com/"}
    return Reply(status, json.dumps({"message": "the bell of Ann's bicycle"}).encode(), headers)


def faults(asked: Asked) -> list[str]:
    """What the service would not take."""
    found = []
    if asked.method != "POST" or asked.path != PATH:
        found.append(f"{asked.method} {asked.path}")
    if not SIGNED.fullmatch(asked.headers.get("authorization", "")) or "x-amz-date" not in asked.headers:
        found.append("not signed")
    if asked.headers.get("content-type") != "application/json":
        found.append("no JSON")
    body = json.loads(asked.body)
    if set(body) != {"retrievalQuery", "retrievalConfiguration"} or set(body["retrievalQuery"]) != {"text"}:
        found.append(f"body {sorted(body)}")
    if body["retrievalConfiguration"] != {"vectorSearchConfiguration": {"numberOfResults": 2}}:
        found.append("configuration")
    return found


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`at(reply, ...)`: a stand-in that answers so, one after the other."""
    open_servers = []

    def stand_in(*replies: Reply, before: Any = lambda: None) -> Server:
        server = Server({PATH: list(replies)}, before).__enter__()
        open_servers.append(server)
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME", f"http://127.0.0.1:{server.port}")
        return server

    yield stand_in
    for server in open_servers:
        server.__exit__(None, None, None)


async def ask(question: str = "what does error 504 mean", page: str = PAGE) -> tuple[dict[str, Any], Outcome]:
    tool = read_bedrock(read_page(page, "tools/manuals.yaml"))
    done = await ToolHost({"search_manuals": tool}).run("search_manuals", json.dumps({"question": question}), FACTS)
    return json.loads(done.result), done.outcome


async def test_a_question_is_asked_as_the_service_wants_it_and_near_passages_come_back(at: Any) -> None:
    server = at(answer(result("Error 504 means\n  a manipulated  motor.", 0.81), result("Chains wear.", 0.32)))
    told, outcome = await ask()
    assert outcome is Outcome.OK
    assert told == {
        "found": True,
        "passages": [{"source": "errors.pdf", "text": "Error 504 means a manipulated motor."}],
    }
    [asked] = server.asked
    assert faults(asked) == [] and json.loads(asked.body)["retrievalQuery"]["text"] == "what does error 504 mean"


@pytest.mark.parametrize("results", [[], [result("Chains wear.", 0.2)], [{"content": {"type": "IMAGE"}}]])
async def test_nothing_near_is_said_so(at: Any, results: list[dict[str, Any]]) -> None:
    at(answer(*results))
    told, outcome = await ask()
    assert (told["found"], outcome) == (False, Outcome.OK)


async def test_a_long_passage_is_cut_at_a_word(at: Any) -> None:
    at(answer(result("word " * 1_000, 0.9)))
    told, _ = await ask()
    [passage] = told["passages"]
    assert len(passage["text"]) < 1_300 and passage["text"].endswith("word ...")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "ThrottlingException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (400, "ValidationException"),
        (500, "InternalServerException"),
    ],
)
async def test_the_service_s_errors_are_asked_once_and_logged_by_their_code(at: Any, status: int, code: str) -> None:
    server = at(error(status, code))
    with capture_logs() as log:
        told, outcome = await ask()
    assert (told["error"], outcome, len(server.asked)) == ("failed", Outcome.FAILED, 1)
    assert code in str(log) and "Ann" not in str(log) + str(told)


async def test_what_is_no_json_fails_the_tool(at: Any) -> None:
    at(Reply(200, b"<html>"))
    assert (await ask())[1] is Outcome.FAILED


async def test_a_service_that_hangs_is_given_up_in_time(at: Any) -> None:
    go_on = threading.Event()
    at(answer(), before=lambda: go_on.wait(10))
    began = time.monotonic()
    told, outcome = await ask(page=PAGE.replace("time_limit_s: 2", "time_limit_s: 1"))
    go_on.set()
    assert told["error"] in {"timed_out", "failed"} and outcome in {Outcome.TIMED_OUT, Outcome.FAILED}
    assert time.monotonic() - began < 8


async def test_without_credentials_it_fails_and_says_why(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    server = at(answer())
    with capture_logs() as log:
        assert (await ask())[1] is Outcome.FAILED
    assert "NoCredentialsError" in str(log) and not server.asked


@pytest.mark.parametrize(
    ("line", "wrong", "field"),
    [
        ("knowledge_base: ABCDEFGHIJ", "knowledge_base: ../ABC", "knowledge_base"),
        ("region: us-west-2", "region: evil.example.com#", "region"),
        ("results: 2", "results: 20", "results"),
        ("least_score: 0.5", "least_score: 7", "least_score"),
    ],
)
def test_a_page_that_will_not_do_names_the_field(line: str, wrong: str, field: str) -> None:
    with pytest.raises(ContentError) as caught:
        read_bedrock(read_page(PAGE.replace(line, wrong), "tools/manuals.yaml"))
    assert [fault.field for fault in caught.value.faults] == [field]
