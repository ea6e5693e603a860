"""Opening hours over weekends, midnights, holidays, year's ends and both changes of the clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.call.setup import CallFacts
from app.prompts.hours import Holiday, Hours, moments, read_dates, read_span, read_spans
from app.prompts.variables import call_values, opens_next

NEW_YORK = ZoneInfo("America/New_York")
WORKDAYS = ("09:00-18:00",) * 5
SHOP = (*WORKDAYS, "10:00-16:00", "closed")
BAR = ("22:00-02:00",) * 7


def hours(*days: str, holidays: tuple[Holiday, ...] = (), zone: ZoneInfo = NEW_YORK) -> Hours:
    return Hours(zone, tuple(read_spans(day.split(", ") if ", " in day else day) for day in days), holidays)


def at(text: str, zone: ZoneInfo = NEW_YORK, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp() * 1000)


def utc(text: str) -> int:
    return at(text, ZoneInfo("UTC"))


def holiday(dates: str, *spans: str) -> Holiday:
    return Holiday("free", *read_dates(dates), read_spans(list(spans)))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20T08:59:59", False),  # a Friday
        ("2026-11-20T09:00:00", True),
        ("2026-11-20T17:59:59", True),
        ("2026-11-20T18:00:00", False),
        ("2026-11-21T16:00:00", False),
        ("2026-11-22T12:00:00", False),
    ],
)
def test_a_week(moment: str, is_open: bool) -> None:
    assert hours(*SHOP).is_open(at(moment)) is is_open


def test_a_day_may_have_several_spans_in_any_order() -> None:
    table = hours("13:00-18:00, 09:00-12:00", *("closed",) * 6)
    assert [table.is_open(at(f"2026-11-23T{hour}:30:00")) for hour in ("11", "12", "13")] == [True, False, True]
    assert table.next_opening(at("2026-11-23T10:00:00")) == at("2026-11-23T13:00:00")


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday_only = hours("closed", "closed", "closed", "closed", "22:00-02:00", "closed", "closed")
    assert friday_only.is_open(at("2026-11-21T01:59:00"))
    assert not friday_only.is_open(at("2026-11-21T02:00:00"))
    assert not friday_only.is_open(at("2026-11-20T01:00:00"))


def test_round_the_clock_never_opens_anew() -> None:
    always = hours(*("00:00-24:00",) * 7)
    assert always.is_open(at("2026-11-22T00:00:00"))
    assert always.next_opening(at("2026-11-22T12:00:00")) is None


# --- the clock goes forward: 2026-03-08, 02:00 becomes 03:00 in New York ------------------------------------------


def test_a_skipped_time_is_the_moment_of_the_change() -> None:
    assert moments(datetime(2026, 3, 8, 2, 30), NEW_YORK) == (utc("2026-03-08T07:00:00"),) * 2
    assert moments(datetime(2026, 3, 8, 3, 0), NEW_YORK) == (utc("2026-03-08T07:00:00"),) * 2


def test_a_night_of_spring_is_an_hour_shorter() -> None:
    table = hours(*("22:00-03:00",) * 7)
    assert table.is_open(utc("2026-03-08T06:59:59"))  # 01:59:59, the last second before
    assert not table.is_open(utc("2026-03-08T07:00:00"))  # 03:00, the next one
    assert table.next_opening(utc("2026-03-08T07:00:00")) == utc("2026-03-09T02:00:00")


def test_hours_within_the_skipped_hour_are_none_and_those_around_it_shrink() -> None:
    assert hours(*("02:10-02:50",) * 7).next_opening(at("2026-03-08T00:00:00")) == at("2026-03-09T02:10:00")
    around = hours(*("02:30-05:00",) * 7)
    assert around.next_opening(at("2026-03-08T00:00:00")) == utc("2026-03-08T07:00:00")
    assert around.is_open(utc("2026-03-08T08:59:00")) and not around.is_open(utc("2026-03-08T09:00:00"))


# --- the clock goes back: 2026-11-01, 02:00 becomes 01:00 in New York ---------------------------------------------


def test_what_closes_in_the_hour_that_comes_twice_closes_the_second_time() -> None:
    table = hours(*("22:00-01:30",) * 7)
    assert table.is_open(at("2026-11-01T01:45:00", fold=0))  # the wall has shown 01:30 once
    assert table.is_open(at("2026-11-01T01:15:00", fold=1))
    assert not table.is_open(at("2026-11-01T01:30:00", fold=1))


def test_what_opens_in_the_hour_that_comes_twice_opens_the_first_time_and_once() -> None:
    table = hours(*("01:30-05:00",) * 7)
    assert table.next_opening(at("2026-11-01T00:00:00")) == at("2026-11-01T01:30:00", fold=0)
    assert table.is_open(at("2026-11-01T01:10:00", fold=1))
    assert table.next_opening(at("2026-11-01T01:40:00", fold=0)) == at("2026-11-02T01:30:00")


def test_all_of_both_nights_agrees_with_the_next_opening() -> None:
    """Wherever it is closed, the next opening is the first moment at which it is open."""
    for day, table in (("2026-03-08", hours(*BAR)), ("2026-11-01", hours(*BAR)), ("2026-11-01", hours(*SHOP))):
        start = at(f"{day}T00:00:00")
        minutes = [start + minute * 60_000 for minute in range(-180, 36 * 60, 10)]
        seen = [table.is_open(minute) for minute in minutes]
        assert True in seen and False in seen
        for place, (minute, is_open) in enumerate(zip(minutes, seen, strict=True)):
            if not is_open and True in seen[place:]:
                assert table.next_opening(minute) == minutes[place + seen[place:].index(True)]


# --- holidays -----------------------------------------------------------------------------------------------------


def test_a_holiday_is_closed_or_has_hours_of_its_own() -> None:
    table = hours(*SHOP, holidays=(holiday("2026-12-24", "09:00-12:00"), holiday("2026-12-25")))
    assert table.is_open(at("2026-12-24T11:00:00")) and not table.is_open(at("2026-12-24T12:30:00"))
    assert not table.is_open(at("2026-12-25T11:00:00"))
    assert table.next_opening(at("2026-12-24T13:00:00")) == at("2026-12-26T10:00:00")


def test_a_holiday_of_every_year_runs_past_the_year_s_end() -> None:
    table = hours(*SHOP, holidays=(holiday("12-24 to 01-01"),))
    for year in (2026, 2027, 2031):
        assert not table.is_open(at(f"{year}-12-31T12:00:00")) and not table.is_open(at(f"{year}-01-01T12:00:00"))
    assert table.next_opening(at("2026-12-24T12:00:00")) == at("2027-01-02T10:00:00")


def test_the_night_before_a_holiday_is_played_to_its_end() -> None:
    table = hours(*BAR, holidays=(holiday("2027-01-01"),))
    assert table.is_open(at("2027-01-01T01:00:00"))
    assert not table.is_open(at("2027-01-01T23:00:00")) and not table.is_open(at("2027-01-02T01:00:00"))


def test_a_leap_day_is_a_day() -> None:
    table = hours(*("09:00-18:00",) * 7, holidays=(holiday("02-29"),))
    assert not table.is_open(at("2028-02-29T12:00:00")) and table.is_open(at("2027-03-01T12:00:00"))


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (read_span, "nine to five", "09:00-18:00"),
        (read_span, "09:00-25:00", "not on the clock"),
        (read_span, "09:70-10:00", "not on the clock"),
        (read_span, "09:00-09:00", "whole day"),
        (read_dates, "25.12.2026", "2026-12-25"),
        (read_dates, "2026-02-30", "not on the calendar"),
        (read_dates, "2026-12-24 to 01-01", "a year on one side"),
        (read_dates, "2026-12-24 to 2026-12-20", "ends before"),
    ],
)
def test_what_cannot_be_read_says_how_to_write_it(read: object, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(text)  # type: ignore[operator]


# --- in words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-11-20T08:00:00", "today at 9:00 AM"),
        ("2026-11-20T19:00:00", "tomorrow at 10:00 AM"),
        ("2026-11-21T17:00:00", "on Monday at 9:00 AM"),
        ("2026-12-24T18:30:00", "on Saturday, January 2, at 10:00 AM"),
    ],
)
def test_the_next_opening_in_words(moment: str, words: str) -> None:
    assert opens_next(hours(*SHOP, holidays=(holiday("12-25 to 01-01"),)), at(moment)) == words


def test_a_call_is_told_whether_the_business_is_open() -> None:
    facts = CallFacts("CA1", "+15551234567", "+15550100", "desk", "e", "es-US", at("2026-11-22T12:00:00"))
    values = call_values(facts, "America/New_York", hours(*SHOP))
    assert (values["call.open"], values["call.opens_next"]) == ("closed", "tomorrow at 9:00 AM")
    assert values["call.language"] == "es-US"
    assert call_values(facts, "UTC")["call.open"] == "open"


def test_milliseconds_are_of_the_clock_and_not_of_this_machine() -> None:
    assert hours(*SHOP).local(utc("2026-11-20T14:00:00")).hour == 9
    assert datetime.fromtimestamp(utc("2026-11-20T14:00:00") / 1000, UTC).hour == 14
