"""Calling hours are the callee's own, through nights and clock changes."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from app.campaign.hours import CallingHours
from app.campaign.pace import TokenBucket

NEW_YORK = "America/New_York"


def ms(moment: str, zone: str = NEW_YORK) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-06-01T08:00", "2026-06-01T08:00"),
        ("2026-06-01T20:59", "2026-06-01T20:59"),
        ("2026-06-01T21:00", "2026-06-02T08:00"),
        ("2026-06-01T03:00", "2026-06-01T08:00"),
        ("2026-10-31T22:00", "2026-11-01T08:00"),  # an hour longer: the clock goes back in between
        ("2026-03-07T22:00", "2026-03-08T08:00"),
    ],
)
def test_it_opens_at_the_callee_s_hour(now: str, opens: str) -> None:
    assert CallingHours().next_open(NEW_YORK, ms(now)) == ms(opens)


def test_hours_are_written_as_a_span() -> None:
    assert CallingHours.read("09:30-24:00") == CallingHours(570, 1440)
    for wrong in ("9-17", "17:00-09:00", "08:00-25:00", ""):
        with pytest.raises(ValueError, match="write it as 08:00-21:00"):
            CallingHours.read(wrong)


def test_a_clock_that_is_set_back_holds_the_pace_up_for_one_gap_only() -> None:
    bucket = TokenBucket(1)
    bucket.take(10_000_000)
    assert bucket.ready_at(10_000_000) == 10_000_000 or bucket.ready_at(10_000_000) <= 10_001_000
    assert bucket.ready_at(5_000) <= 6_000
