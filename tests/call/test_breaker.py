"""When a tool is left alone, and when it is tried again."""

from app.call.breaker import Breaker, BreakerLimits


def broken(at_ms: int = 0) -> Breaker:
    breaker = Breaker(BreakerLimits(failures=3, window_ms=1_000, open_ms=5_000))
    assert [breaker.failed(at_ms) for _ in range(3)] == [False, False, True]
    return breaker


def test_it_opens_after_some_failures_in_a_short_time() -> None:
    breaker = broken()
    assert not breaker.admits(4_999)


def test_failures_far_apart_do_not_open_it() -> None:
    breaker = Breaker(BreakerLimits(failures=3, window_ms=1_000, open_ms=5_000))
    assert not any(breaker.failed(at) for at in (0, 600, 1_200, 1_800, 2_400))
    assert breaker.admits(2_400)


def test_a_success_between_them_begins_the_count_again() -> None:
    breaker = Breaker(BreakerLimits(failures=2))
    breaker.failed(0)
    breaker.succeeded()
    assert not breaker.failed(1)


def test_after_a_while_one_may_try_and_the_others_wait_for_it() -> None:
    breaker = broken()
    assert [breaker.admits(5_000), breaker.admits(5_000)] == [True, False]
    breaker.succeeded()
    assert [breaker.admits(5_001), breaker.admits(5_001)] == [True, True]


def test_a_try_that_fails_opens_it_for_as_long_again() -> None:
    breaker = broken()
    assert breaker.admits(6_000)
    assert breaker.failed(6_500)
    assert not breaker.admits(11_499)
    assert breaker.admits(11_500)


def test_a_try_that_was_broken_off_leaves_its_turn_to_the_next() -> None:
    breaker = broken()
    assert breaker.admits(5_000)
    breaker.abandoned()
    assert breaker.admits(5_001)


def test_a_run_that_began_before_it_opened_and_fails_late_does_not_keep_it_open_longer() -> None:
    breaker = broken()
    assert not breaker.failed(4_000)
    assert breaker.admits(5_000)
