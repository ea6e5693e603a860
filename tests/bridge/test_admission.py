"""When a new call is taken, with the time as a number."""

from hypothesis import given
from hypothesis import strategies as st

from app.bridge.admission import ADMIT_SHARE, REFUSE_MS, Lateness, Refusal, refusal

TICK = 20


def run(lateness: Lateness, late_ms: float, begin_ms: int, for_ms: int) -> int:
    """A loop that is so late at each tick; gives when it ended."""
    now, step = begin_ms, max(TICK, round(late_ms))
    while now < begin_ms + for_ms:
        now += step
        lateness.ran(late_ms, now)
    return now


def test_a_loop_that_keeps_its_time_admits() -> None:
    lateness = Lateness()
    now = run(lateness, 1.5, 0, 60_000)
    assert not lateness.too_late(now)


def test_a_loop_that_is_late_all_the_time_refuses_within_a_second_and_admits_again_some_seconds_after() -> None:
    lateness = Lateness()
    now = run(lateness, 60, 0, 1_000)
    assert lateness.too_late(now)
    now = run(lateness, 1, now, 1_000)
    assert lateness.too_late(now), "a moment's peace is no proof"
    now = run(lateness, 1, now, 15_000)
    assert not lateness.too_late(now)


def test_one_hiccup_refuses_nobody_and_a_long_stop_does() -> None:
    hiccup = Lateness()
    now = run(hiccup, 1, 0, 5_000)
    hiccup.ran(80, now + 80)
    assert not hiccup.too_late(now + 80)
    hiccup.ran(500, now + 580)
    assert hiccup.too_late(now + 580), "half a second in which no call was served"


def test_between_the_lines_what_was_decided_stays() -> None:
    between = REFUSE_MS * (1 + ADMIT_SHARE) / 2
    calm, stormy = Lateness(), Lateness()
    now = run(calm, between, 0, 30_000)
    assert not calm.too_late(now)
    now = run(stormy, between, run(stormy, 80, 0, 3_000), 30_000)
    assert stormy.too_late(now)


def test_beside_busier_neighbours_the_lines_may_be_drawn_elsewhere() -> None:
    patient = Lateness(refuse_ms=200)
    now = run(patient, 150, 0, 30_000)
    assert not patient.too_late(now)
    now = run(patient, 250, now, 3_000)
    assert patient.too_late(now)
    now = run(patient, 90, now, 30_000)
    assert not patient.too_late(now)


def test_what_a_resting_clock_knew_last_fades() -> None:
    lateness = Lateness()
    now = run(lateness, 100, 0, 3_000)
    assert lateness.too_late(now)
    assert not lateness.too_late(now + 60_000)
    assert not lateness.too_late(now + 60_001), "and stays so"


def test_a_process_that_was_stopped_for_an_hour_is_well_again_within_half_a_minute() -> None:
    lateness = Lateness()
    lateness.ran(3_600_000, 3_600_000)
    assert lateness.too_late(3_600_000)
    assert not lateness.too_late(run(lateness, 1, 3_600_000, 30_000))


@given(st.lists(st.tuples(st.floats(0, 5_000), st.integers(0, 5_000)), max_size=50))
def test_the_level_never_leaves_what_was_seen(samples: list[tuple[float, int]]) -> None:
    lateness, now = Lateness(), 0
    for late, passed in samples:
        now += passed
        lateness.ran(late, now)
        assert 0 <= lateness.level_ms(now) <= max(late for late, _ in samples) + 1e-6


def test_each_reason_alone_refuses_and_none_admits() -> None:
    well = {"draining": False, "here": 3, "limit": 4, "late": False, "streams_left": True}
    assert refusal(**well) is None  # type: ignore[arg-type]
    for change, why in (
        ({"draining": True}, Refusal.DRAINING),
        ({"here": 4}, Refusal.CALLS),
        ({"late": True}, Refusal.LATE),
        ({"streams_left": False}, Refusal.STREAMS),
    ):
        assert refusal(**(well | change)) is why  # type: ignore[arg-type]
