"""Fault specifications, and when a fault strikes."""

import pytest

from app.simulator.faults import KINDS, STAGES, Fault, FaultPlan, FaultSpecError, parse_faults


def test_a_specification_is_read() -> None:
    assert parse_faults("throttle@opening:0.1, drop@speaking#2,slow@thinking=1500,hang@closing") == (
        Fault("throttle", "opening", probability=0.1),
        Fault("drop", "speaking", nth=2),
        Fault("slow", "thinking", ms=1500),
        Fault("hang", "closing"),
    )
    assert parse_faults("") == ()


def test_every_kind_can_be_asked_for_somewhere() -> None:
    for kind, (_, stages) in KINDS.items():
        for stage in stages or STAGES:
            [fault] = parse_faults(f"{kind}@{stage}=5" if kind == "slow" else f"{kind}@{stage}")
            assert (fault.kind, fault.stage) == (kind, stage)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("throttle", "is not kind@stage"),
        ("explode@opening", "explode: no such fault; there are throttle"),
        ("drop@lunch", "lunch: no such stage; there are opening"),
        ("hang@speaking", "hang can only happen at closing"),
        ("slow@thinking", "needs =milliseconds"),
        ("drop@thinking=5", "only slow"),
        ("drop@thinking#0", "counts from 1"),
        ("drop@thinking:1.5", "at most 1"),
        ("drop@thinking:0", "more than 0"),
    ],
)
def test_a_wrong_specification_is_explained(spec: str, words: str) -> None:
    with pytest.raises(FaultSpecError, match=words):
        parse_faults(spec)


def test_the_nth_time_is_counted_a_stage() -> None:
    plan = FaultPlan(parse_faults("drop@speaking#2"))
    struck = [plan.strike(stage) is not None for stage in ("speaking", "thinking", "speaking", "speaking")]
    assert struck == [False, False, True, False]
    assert plan.struck == {"drop@speaking": 1}


def test_chance_is_seeded() -> None:
    def strikes(seed: int) -> list[bool]:
        plan = FaultPlan(parse_faults("drop@speaking:0.3"), seed)
        return [plan.strike("speaking") is not None for _ in range(1000)]

    assert strikes(4) == strikes(4) != strikes(5)
    assert 250 < sum(strikes(4)) < 350
