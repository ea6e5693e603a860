"""What a connection may send: decisions, with the time as a number."""

from hypothesis import given
from hypothesis import strategies as st

from app.web.budget import BYTES_AT_ONCE, MESSAGES_AT_ONCE, MESSAGES_PER_S, Budget

MESSAGE = 400  # bytes of one of Twilio's


def test_twilio_can_talk_for_an_hour() -> None:
    budget = Budget(0)
    assert not any(budget.spend(MESSAGE, at) for at in range(0, 3_600_000, 20))


def test_what_a_network_kept_for_ten_seconds_may_come_at_once() -> None:
    budget = Budget(0)
    assert not any(budget.spend(MESSAGE, 10_000) for _ in range(500))
    assert not any(budget.spend(MESSAGE, at) for at in range(10_000, 30_000, 20)), "and the call goes on"


def test_thousands_of_messages_a_second_are_too_many() -> None:
    budget = Budget(0)
    taken = next(n for n in range(10_000) if budget.spend(10, n // 5))
    assert MESSAGES_AT_ONCE <= taken <= MESSAGES_AT_ONCE + MESSAGES_PER_S


def test_few_but_huge_messages_are_too_many_bytes() -> None:
    budget = Budget(0)
    answers = [budget.spend(65_536, 0) for _ in range(9)]
    assert answers == [""] * 8 + ["bytes"]


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    budget = Budget(1_000)
    for at in (1_000, 0, 1_000, 0):
        budget.spend(BYTES_AT_ONCE // 4, at)
    assert budget.spend(100, 1_000) == "bytes"


@given(st.lists(st.tuples(st.integers(0, 70_000), st.integers(0, 5_000)), max_size=60))
def test_over_any_stretch_no_more_is_taken_than_the_burst_and_the_rate_allow(sent: list[tuple[int, int]]) -> None:
    budget, now, taken, size_taken = Budget(0), 0, 0, 0
    for size, passed in sent:
        now += passed
        if budget.spend(size, now):
            break
        taken, size_taken = taken + 1, size_taken + size
    assert taken <= MESSAGES_AT_ONCE + now * budget.messages_per_s / 1000
    assert size_taken <= BYTES_AT_ONCE + now * budget.bytes_per_s / 1000
