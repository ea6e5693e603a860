"""Every check at the same time, each under a time limit of its own; those that measure come after, one by one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from app.doctor.findings import Finding, State, wrong

LIMIT_S = 12.0


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is what `--only` takes. `left_out` says why it does not apply; it is not asked then. `measures`: its
    figures would be those of the other checks, were they asked at the same time."""

    name: str
    ask: Callable[[], Awaitable[Finding]]
    left_out: str = ""
    measures: bool = False
    limit_s: float = LIMIT_S


async def examine(checks: Iterable[Check], told: Callable[[Finding], None] = lambda finding: None) -> list[Finding]:
    """All findings, in the order of the checks; `told` hears of each as soon as it is there."""

    async def one(check: Check) -> Finding:
        began = time.monotonic()
        finding = await _asked(check)
        finding = replace(finding, check=check.name, ms=round((time.monotonic() - began) * 1000))
        told(finding)
        return finding

    asked = list(checks)
    found = await asyncio.gather(*(one(check) for check in asked if not check.measures))
    found += [await one(check) for check in asked if check.measures]
    order = {check.name: at for at, check in enumerate(asked)}
    return sorted(found, key=lambda finding: order[finding.check])


async def _asked(check: Check) -> Finding:
    if check.left_out:
        return Finding(State.LEFT_OUT, check.left_out)
    try:
        async with asyncio.timeout(check.limit_s):
            return await check.ask()
    except TimeoutError:
        return wrong(f"no answer within {check.limit_s:g} s", f"run `offhook doctor --only {check.name}` alone")
    except Exception as error:  # one check that breaks must not hide what the others found
        return wrong(f"the check itself broke ({type(error).__name__})", "report it with what you know of the machine")
