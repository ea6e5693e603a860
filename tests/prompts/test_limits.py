"""`limits:` of an agent: what becomes of it, and what its writer is told."""

from decimal import Decimal

import pytest

from app.call.allowance import DayCaps
from app.call.setup import Caps
from app.content.faults import ContentError
from app.prompts.agent import FrontMatter, read_agent

AGENT = "---\nvoice: tiffany\nlanguage: en-US\ntransfers: [workshop]\nlimits:\n{}---\nAnswer."


def settings(limits: str) -> FrontMatter:
    return read_agent("desk", AGENT.format(limits), "prompts/desk.md", {}, "UTC").settings


def fault(limits: str) -> str:
    with pytest.raises(ContentError) as caught:
        settings(limits)
    (only,) = caught.value.faults
    return str(only)


def test_without_limits_nothing_is_capped() -> None:
    limits = settings("  max_call_minutes: 20\n").limits
    assert limits.caps() == Caps() and not limits.day_caps().any and not limits.silence()


def test_minutes_tokens_and_money_become_what_the_call_may_use() -> None:
    limits = settings(
        "  silence_seconds: 7.5\n  silence_prompts: 1\n  at_once: 4\n"
        "  call: {minutes: 2.5, tokens: 60000, money: 0.80, then: transfer, transfer: workshop, wrap_up_seconds: 30}\n"
        "  day: {calls: 50, calls_per_caller: 3, minutes: 90, money: 5, then: transfer, transfer: workshop}\n"
    ).limits
    assert limits.caps() == Caps(150_000, 60_000, Decimal("0.80"), "transfer", "workshop", 30_000)
    assert limits.day_caps() == DayCaps(50, 3, 90 * 60_000, None, Decimal(5), 4, "workshop")
    assert limits.silence() == {"silence_prompt": 7_500, "silence_prompts": 1}
    assert limits.in_money


def test_a_transfer_needs_somebody_among_the_agent_s_targets() -> None:
    assert "Write both" in fault("  call: {minutes: 2, then: transfer}\n")
    assert "Write both" in fault("  day: {calls: 2, transfer: workshop}\n")
    told = fault("  day: {calls: 2, then: transfer, transfer: sales}\n")
    assert "prompts/desk.md:6" in told and "'sales' is not among this agent's transfers" in told
    assert "Add `- sales` under `transfers:`" in told


def test_a_limit_that_cannot_be_meant_is_refused_where_it_stands() -> None:
    assert "limits.call.minutes" in fault("  call: {minutes: 0}\n")
    assert "limits.day.cals" in fault("  day: {cals: 2}\n")
