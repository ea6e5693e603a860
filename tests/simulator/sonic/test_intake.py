"""The judge of what comes in never fails itself: it takes, or it refuses in the service's words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.sonic.intake import Intake, LiveText
from app.simulator.sonic.limits import Limits, LimitsError, limits_from
from app.simulator.sonic.refusals import Refused

NAMES = ["sessionStart", "promptStart", "contentStart", "textInput", "audioInput", "toolResult", "contentEnd"]
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=3)
BODIES = st.dictionaries(
    st.sampled_from(["promptName", "contentName", "type", "role", "content", "interactive", "toolConfiguration"]),
    JSON | st.sampled_from(["p", "c", "TEXT", "AUDIO", "TOOL", "USER", "SYSTEM", "AAAA"]),
)
EVENTS = st.tuples(st.sampled_from([*NAMES, "promptEnd", "sessionEnd", "other"]), BODIES)


@given(st.lists(EVENTS, max_size=12), st.booleans())
def test_any_events_in_any_order_are_taken_or_refused(events: list[tuple[str, dict[str, Any]]], opened: bool) -> None:
    intake = Intake(Limits())
    opening = [("sessionStart", {}), ("promptStart", {"promptName": "p"})] if opened else []
    for name, body in [*opening, *events]:
        try:
            intake.take({"event": {name: body}}, 0)
        except Refused as refused:
            assert refused.refusal.message
            return


@pytest.mark.parametrize("event", [None, [], {}, {"event": None}, {"event": {}}, {"event": {"a": {}, "b": {}}}])
def test_what_is_no_event_is_refused(event: object) -> None:
    with pytest.raises(Refused, match="Invalid input request"):
        Intake(Limits()).take(event, 0)


def with_audio(milliseconds: int) -> Intake:
    intake = Intake(Limits())
    configuration = {"sampleRateHertz": 8_000}
    start = {"promptName": "p", "contentName": "a", "type": "AUDIO", "role": "USER"}
    pcm = "AAAA" * (milliseconds * 16 // 3)
    for name, body in (
        ("sessionStart", {}),
        ("promptStart", {"promptName": "p"}),
        ("contentStart", {**start, "audioInputConfiguration": configuration}),
        ("audioInput", {"promptName": "p", "contentName": "a", "content": pcm}),
    ):
        intake.take({"event": {name: body}}, 0)
    return intake


def live_text(intake: Intake, now_ms: int) -> LiveText:
    start = {"promptName": "p", "contentName": "t", "type": "TEXT", "role": "USER", "interactive": True}
    intake.take({"event": {"contentStart": start}}, now_ms)
    intake.take({"event": {"textInput": {"promptName": "p", "contentName": "t", "content": "hi"}}}, now_ms)
    taken = intake.take({"event": {"contentEnd": {"promptName": "p", "contentName": "t"}}}, now_ms)
    assert isinstance(taken, LiveText)
    return taken


@pytest.mark.parametrize(("milliseconds", "answered"), [(63, False), (72, True)])
def test_live_text_needs_68_ms_of_audio_before_it(milliseconds: int, answered: bool) -> None:
    assert live_text(with_audio(milliseconds), 10).answered is answered


def test_a_second_live_text_needs_audio_again_unless_it_is_flowing() -> None:
    intake = with_audio(120)
    assert live_text(intake, 10).answered
    assert live_text(intake, 400).answered, "audio came 400 ms ago: it is flowing"
    assert not live_text(intake, 5_000).answered


def test_tools_are_read_with_their_schema() -> None:
    intake = Intake(Limits())
    schema = {"type": "object"}
    spec = {"name": "f", "description": "d", "inputSchema": {"json": json.dumps(schema)}}
    intake.take({"event": {"sessionStart": {"turnDetectionConfiguration": {"endpointingSensitivity": "HIGH"}}}}, 0)
    configuration = {"tools": [{"toolSpec": spec}], "toolChoice": {"any": {}}}
    intake.take({"event": {"promptStart": {"promptName": "p", "toolConfiguration": configuration}}}, 0)
    [tool] = intake.brief().tools
    assert (tool.name, tool.description, tool.schema) == ("f", "d", schema)
    assert intake.brief().endpointing_ms == 1_500


@pytest.mark.parametrize("schema", ["not json", "[]", None, {"type": "object"}])
def test_a_schema_that_is_no_json_text_is_refused(schema: object) -> None:
    intake = Intake(Limits())
    intake.take({"event": {"sessionStart": {}}}, 0)
    configuration = {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": schema}}}]}
    with pytest.raises(Refused, match="Invalid input request"):
        intake.take({"event": {"promptStart": {"promptName": "p", "toolConfiguration": configuration}}}, 0)


def test_limits_are_read() -> None:
    assert limits_from({"idle_seconds": 1.5, "streams": 3}) == Limits(idle_seconds=1.5, streams=3)


@pytest.mark.parametrize("wrong", [{"idle": 1}, {"streams": 1.5}, {"streams": "many"}, {"idle_seconds": -1}, []])
def test_what_is_no_limit_is_explained(wrong: object) -> None:
    with pytest.raises(LimitsError):
        limits_from(wrong)
