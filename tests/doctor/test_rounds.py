"""All checks at once: a slow or broken one neither holds up nor hides the others."""

import asyncio

from app.doctor.findings import Finding, State, right
from app.doctor.rounds import Check, examine


async def fine() -> Finding:
    return right("all is well")


async def stuck() -> Finding:
    await asyncio.Event().wait()
    raise AssertionError


async def broken() -> Finding:
    raise RuntimeError("hunter2")


async def test_each_check_has_its_answer_in_order() -> None:
    heard: list[str] = []
    checks = [
        Check("stuck", stuck, limit_s=0.05),
        Check("fine", fine, measures=True),
        Check("broken", broken),
        Check("other", fine, left_out="not here"),
    ]
    findings = await examine(checks, lambda finding: heard.append(finding.check))
    assert [(finding.check, finding.state) for finding in findings] == [
        ("stuck", State.WRONG),
        ("fine", State.RIGHT),
        ("broken", State.WRONG),
        ("other", State.LEFT_OUT),
    ]
    assert heard[-2:] == ["stuck", "fine"] and findings[0].ms >= 50 and "--only stuck" in findings[0].fix
    assert "hunter2" not in str(findings) and "RuntimeError" in findings[2].said
