"""The search for the largest number of calls that goes well: up in steps of a half, then between. Pure."""

from collections.abc import Mapping

FIRST = 50
GROWTH = 1.5
MOST = 1_000
CLOSE_ENOUGH = 0.1  # of the answer


def next_step(tried: Mapping[int, bool], first: int = FIRST) -> int | None:
    """How many calls to try next, knowing which numbers went well; None when it is known closely enough."""
    good = max((calls for calls, well in tried.items() if well), default=0)
    bad = min((calls for calls, well in tried.items() if not well), default=None)
    if bad is None:
        step = first if not tried else round(good * GROWTH / 5) * 5
        return step if step <= MOST else None
    if bad - good <= max(5, CLOSE_ENOUGH * bad):
        return None
    return round((good + bad) / 2 / 5) * 5
