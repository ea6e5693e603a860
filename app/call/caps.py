"""What one call may use, and what becomes of it when that is used up.

A cap is found the first time it is reached and acted on once. A call that wraps up, or that comes back from a person
who did not take it, has a little time left, and then hears its goodbye.
"""

from app.call import ending, texts, transfer
from app.call.course import Phase
from app.call.disposition import Disposition
from app.call.scene import Scene


def keep_within(scene: Scene) -> None:
    if scene.closing is not None or scene.phase is not Phase.LIVE:
        return
    capped, caps = scene.capped, scene.setup.caps
    if not capped.by:
        capped.by = _reached(scene)
        if capped.by:
            scene.note("cap reached", capped.by)
            if caps.then == "end":
                capped.until = scene.now
            elif caps.then == "transfer":
                transfer.to_target(scene, caps.target)
    if capped.by and capped.until is None and not scene.departure.under_way:
        capped.until = scene.now + caps.grace
        scene.texts.ask(texts.WRAP_UP)
    if scene.due(capped.until):
        ending.close(scene, Disposition.CAP_REACHED, "goodbye")


def wakes_at(scene: Scene) -> int | None:
    """Money is looked at with every event: it grows with the model's reports, and by the minute."""
    if scene.phase is not Phase.LIVE:
        return None
    return scene.capped.until if scene.capped.by else _minutes_over_at(scene)


def _reached(scene: Scene) -> str:
    caps = scene.setup.caps
    if scene.due(_minutes_over_at(scene)):
        return "minutes"
    if caps.tokens is not None and scene.spent.total.total >= caps.tokens:
        return "tokens"
    spent = scene.bill.total if caps.money is not None else None
    return "money" if spent is not None and caps.money is not None and spent >= caps.money else ""


def _minutes_over_at(scene: Scene) -> int | None:
    return ending.with_us_until(scene, scene.setup.caps.ms)
