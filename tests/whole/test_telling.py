"""What a whole call leaves in traces, logs and metrics: all that operators need, and nothing that a caller said."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from app.cli.logs import logging_to_stderr
from app.metrics.spans import trace_id
from tests.whole.conftest import OpenHouse
from tests.whole.house import PUBLIC, TOKEN
from tests.whole.receiver import Receiver, receiver, told
from tests.whole.search import spelled
from tests.whole.sounds import sentence, turn

CALLER = "+14155559371"
DIGITS = "73912846"
SAID, ANSWERED, GIVEN = "wolverine", "chrysanthemum", "PRCL-88X-441"
OTLP_SECRET, METRICS_SECRET, AWS_SECRET = "otlp-secret-5521", "metrics-secret-8832", "aws-secret-7741"
FIND: dict[str, Any] = {"use_tool": {"name": "find_parcel", "arguments": {"number": GIVEN}}}
BREAK: dict[str, Any] = {"use_tool": {"name": "open_the_safe", "arguments": {}}}
MIND = [
    turn(f"My {SAID} is lost.", sentence("one", text=f"The {ANSWERED} is {{place}}."), **FIND),
    turn("And the safe?", sentence("two", text="It does not open."), **BREAK),
]


@pytest.fixture
def json_logs() -> Iterator[None]:
    logging_to_stderr(json_lines=True)
    yield
    structlog.reset_defaults()


async def told_call(house: OpenHouse, monkeypatch: pytest.MonkeyPatch, otlp: Receiver) -> tuple[str, str]:
    """One call with words, digits, two tools and a barge-in. Its CallSid, and what /metrics shows."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", AWS_SECRET)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={OTLP_SECRET}")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=rehearsal")
    async with house(mind=MIND, metrics_token=METRICS_SECRET) as here:
        here.client.headers["Authorization"] = f"Bearer {METRICS_SECRET}"
        call = await here.call(
            f"""
            wait for speech
            wait for quiet 300ms
            say "my {SAID} is lost"
            wait for speech
            wait for quiet 300ms
            press {" ".join(DIGITS)}
            say "and the safe"
            wait for speech
            wait for quiet 300ms
            hang up
            """,
            caller=CALLER,
        )
        await here.dispositions()
        metrics = (await here.client.get("/metrics")).text
        bare = await here.client.get("/metrics", headers={"Authorization": ""})
    assert call.result.passed, call.result.failures
    assert call.heard[:2] == ["greeting", "one"]
    assert bare.status_code == 401
    return call.result.call_sid, metrics


async def test_a_call_leaves_spans_log_lines_and_figures_and_none_of_its_words(
    house: OpenHouse,
    json_logs: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with receiver() as otlp:
        call_sid, metrics = await told_call(house, monkeypatch, otlp)
    printed = capfd.readouterr()

    # The trace: one for the call, its id made of the CallSid, spans within their call.
    [call] = otlp.named("call")
    assert {span.trace_id for span in otlp.spans} == {trace_id(call_sid).to_bytes(16)}
    assert told(call) | {"offhook.call": call_sid, "offhook.disposition": "caller_hung_up"} == told(call)
    assert told(call)["offhook.tokens.speech_out"] and told(call)["offhook.money.total"]
    assert otlp.resources[0]["service.name"] == "offhook"
    assert otlp.resources[0]["deployment.environment"] == "rehearsal"
    assert otlp.headers[0]["authorization"] == OTLP_SECRET
    others = [span for span in otlp.spans if span.name != "call"]
    assert {span.name for span in others} >= {"turn", "tool", "lend"}
    slack_ns = 1_000_000  # machine time is told in whole ms
    for span in others:
        assert span.parent_span_id == call.span_id
        assert call.start_time_unix_nano - slack_ns <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= call.end_time_unix_nano + slack_ns
    turn_span = otlp.named("turn")[0]
    parts = [event.name for event in turn_span.events]
    assert parts[-1] == "first_frame" and set(parts) >= {"transcript", "first_audio"}
    assert told(turn_span)["offhook.first_frame_ms"] == pytest.approx(
        (turn_span.end_time_unix_nano - turn_span.start_time_unix_nano) / 1e6, abs=2
    )
    assert [told(span)["offhook.tool"] for span in otlp.named("tool")] == ["find_parcel", "open_the_safe"]
    assert [told(span)["offhook.outcome"] for span in otlp.named("tool")] == ["ok", "failed"]

    # The log: JSON, and each line from the call's first to its last names it.
    lines = [json.loads(line) for line in printed.err.splitlines()]
    of_call = [at for at, line in enumerate(lines) if line.get("call") == call_sid]
    unnamed = [line for line in lines[of_call[0] : of_call[-1] + 1] if line.get("call") != call_sid]
    assert not unnamed
    assert any(line["event"] == "! a tool failed" for line in lines if line.get("call") == call_sid)
    assert all("timestamp" in line and "level" in line for line in lines)

    written = {
        "traces": "\n".join(map(str, (*otlp.spans, *otlp.resources))),
        "logs": f"{printed.err}\n{printed.out}\n{caplog.text}",
        "metrics": metrics,
    }
    assert all(len(text) > 500 for text in written.values())
    secrets = (TOKEN, "the same in every house", OTLP_SECRET, METRICS_SECRET, AWS_SECRET, "11-22-33", GIVEN)
    for place, text in written.items():
        for word in (SAID, ANSWERED, "on the pier", *secrets):
            assert word.casefold() not in text.casefold(), f"{place} hold {word}"
        assert not spelled(DIGITS, text), f"{place} hold the digits"
        assert CALLER.removeprefix("+") not in text, f"{place} hold the caller's number"
    assert PUBLIC not in written["traces"]
