"""The fault laboratory's own words; one cell of it is lived."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import bench, bench_soak
from app.simulator.lab.soaking import Sample


def test_a_session_that_is_lost_in_mid_sentence_is_a_cell_of_the_matrix() -> None:
    result = CliRunner().invoke(bench.app, ["faults", "--only", "drop", "--stage", "speaking", "--json"])
    [cell] = json.loads(result.stdout)
    assert (cell["fault"], cell["stage"]) == ("drop", "speaking") and cell["sessions"] >= 2, cell
    assert cell["struck"] and not cell["answer"]["lost"] and not cell["second"]["lost"], cell
    assert cell["disposition"] == "caller_hung_up"
    assert (result.exit_code == 0) is (cell["broken"] == []), cell


def test_a_fault_or_stage_that_is_not_is_told_with_those_that_are() -> None:
    result = CliRunner().invoke(bench.app, ["faults", "--only", "flood"])
    assert result.exit_code == 2 and "there are none, throttle" in result.stderr
    result = CliRunner().invoke(bench.app, ["faults", "--stage", "sleeping"])
    assert result.exit_code == 2 and "caller-speaking, thinking" in result.stderr
    assert CliRunner().invoke(bench.app, ["faults", "--only", "slow", "--stage", "tool-running"]).exit_code == 2


def test_a_soak_is_summed_up_by_its_idle_moments() -> None:
    samples = [Sample(40.0 * n, n % 2 == 0, 100.0 + n % 2, 0, 20 + n, 8, 40, 4, 0.1 * n) for n in range(9)]
    figures = bench_soak.summary(samples)
    assert figures["rounds"] == 5 and figures["leaked"] == {"tasks": 8} and figures["leaks"] == ["tasks"]
    assert figures["lateness_ms"] == {"median": 0.4, "most": 0.8}


WELL = {"leaks": [], "rounds": 5, "minutes": 4.0, "calls": 100, "refused": 0, "troubles": [], "noise_mb_a_minute": 0.1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"leaks": ["memory", "tasks"]}, "grows: memory, tasks"),
        ({"rounds": 2, "noise_mb_a_minute": None}, "too few to tell"),
        ({"noise_mb_a_minute": 0.5}, "noise hides up to 60 KB a call"),
        ({"refused": 11}, "11 of 100 calls were refused"),
        ({"troubles": ["the line broke"]}, "1 calls in trouble: the line broke"),
    ],
)
def test_a_soak_proves_nothing_where_it_grew_was_short_or_had_no_calls(change: dict[str, Any], said: str) -> None:
    assert bench_soak.why_not(WELL) == []
    [why] = bench_soak.why_not(WELL | change)
    assert said in why
