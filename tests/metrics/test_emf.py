"""Lines for CloudWatch: lawful in the embedded metric format, and true to the meters."""

import asyncio
import json
from typing import Any

import jsonschema
import pytest

from app.cli.emitting import emitting
from app.metrics.emf import MOST_VALUES, TOLD, Emf, spread
from app.metrics.meters import Meters

NUMBERS = {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}, "maxItems": 100}]}
NAME = {"type": "string", "minLength": 1, "maxLength": 255}
# Amazon CloudWatch User Guide, "Specification: Embedded metric format": the stricter of its text and its schema.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 1_500_000_000_000},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "array", "maxItems": 9, "items": NAME},
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {"Name": NAME, "Unit": {"enum": ["Seconds", "Count", "None"]}},
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}


def lawful(line: str) -> dict[str, Any]:
    """The document, if CloudWatch would take it."""
    assert "\n" not in line and len(line) < 256_000
    document: dict[str, Any] = json.loads(line)
    jsonschema.validate(document, SCHEMA)
    [directive] = document["_aws"]["CloudWatchMetrics"]
    for metric in directive["Metrics"]:
        jsonschema.validate(document[metric["Name"]], NUMBERS)
    return document


def busy() -> Meters:
    meters = Meters()
    meters.watch_live_calls(lambda: 3)
    meters.watch_endpoints(lambda: {"us-east-1:a": True, "us-west-2:a": False})
    meters.calls_ended.labels("completed").inc(4)
    meters.calls_ended.labels("engine_failed").inc()
    meters.money.labels("model").inc(0.25)
    for nth in range(1, 1_001):
        meters.turn.labels("first_frame").observe(nth / 1_000)
    meters.turn.labels("transcript").observe(9)
    return meters


def test_a_line_is_lawful_and_tells_what_is_now_and_what_happened() -> None:
    told = lawful(Emf(busy(), "p1").line(1_700_000_000_000))
    assert (told["CallsLive"], told["CallsEnded"], told["CallsFailed"], told["EndpointsDown"]) == (3, 5, 1, 1)
    assert (told["Money"], told["process"]) == (0.25, "p1")
    assert "FirstWordSeconds" not in told  # nothing was seen
    turns = sorted(told["TurnSeconds"])
    assert len(turns) == MOST_VALUES
    assert turns[49] == pytest.approx(0.5, abs=0.02) and turns[94] == pytest.approx(0.95, abs=0.02)


def test_the_next_line_tells_only_what_came_since() -> None:
    meters = busy()
    emf = Emf(meters, "p1")
    emf.line(1)
    meters.calls_ended.labels("completed").inc()
    meters.turn.labels("first_frame").observe(0.35)
    told = lawful(emf.line(1_700_000_060_000))
    assert (told["CallsLive"], told["CallsEnded"], told["Money"]) == (3, 1, 0)
    [seen] = told["TurnSeconds"]
    assert 0.3 < seen <= 0.4


def test_each_metric_that_is_told_is_one_of_ours_with_a_value_of_its_label() -> None:
    collected = {family.name.removeprefix("offhook_"): family for family in busy().registry.collect()}
    for told in TOLD.values():
        assert collected[told.name].type == told.kind


def test_values_above_the_last_bucket_are_told_as_its_bound() -> None:
    assert list(spread({1.0: 1, 10.0: 1, float("inf"): 3})) == [0.5, 10.0, 10.0]
    assert list(spread({})) == []


async def test_a_server_writes_a_line_again_and_again_and_a_last_one(capsys: pytest.CaptureFixture[str]) -> None:
    meters = busy()
    async with emitting(meters, "p1", every_s=0.05):
        async with asyncio.timeout(10):
            while not (first := capsys.readouterr().out):  # noqa: ASYNC110 (what is watched is the standard output)
                await asyncio.sleep(0.01)
        meters.calls_ended.labels("completed").inc(7)
    lines = (first + capsys.readouterr().out).splitlines()
    assert lawful(lines[0])["CallsEnded"] == 5
    assert sum(lawful(line)["CallsEnded"] for line in lines) == 12
