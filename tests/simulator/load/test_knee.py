"""The search for the calls a core carries."""

import pytest

from app.simulator.load.knee import MOST, next_step


def search(limit: int) -> dict[int, bool]:
    tried: dict[int, bool] = {}
    while (calls := next_step(tried)) is not None:
        assert calls not in tried
        tried[calls] = calls <= limit
    return tried


@pytest.mark.parametrize("limit", [30, 50, 90, 137, 400])
def test_the_answer_is_found_within_a_tenth_in_few_steps(limit: int) -> None:
    tried = search(limit)
    best = max((calls for calls, well in tried.items() if well), default=0)
    assert limit - max(5, 0.12 * limit) <= best <= limit
    assert len(tried) <= 10


def test_the_search_ends_where_nothing_fails() -> None:
    assert max(search(10 * MOST)) <= MOST


def test_the_search_ends_where_nothing_goes_well() -> None:
    tried = search(0)
    assert not any(tried.values()) and len(tried) <= 6
