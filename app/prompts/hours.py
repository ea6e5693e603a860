"""Opening hours: weekly tables in a business's own time zone, with holidays. Pure: the moment is an argument.

Hours are said by the clock on the wall, and the clock changes twice a year. Where a time happens twice, a business that
opens then opens at the first and one that closes then closes at the second; a time that the clock skips is the moment
it skips. Hours that run past midnight (`22:00-02:00`) belong to the day on which they begin, holidays too.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
LOOK_AHEAD_DAYS = 400
SPAN = re.compile(r"^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$")
ON_DATE = re.compile(r"^(?:(\d{4})-)?(\d{2})-(\d{2})$")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Minutes after midnight of the day it belongs to; `closes` is above 1440 where it runs past midnight."""

    opens: int
    closes: int


def read_span(text: str) -> Span:
    """`09:00-18:00`. Raises ValueError, problem and fix."""
    found = SPAN.match(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a time of opening; Write it as 09:00-18:00, or `closed`")
    first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
    opens, closes = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if max(first_minute, last_minute) > 59 or opens >= DAY_MINUTES or closes > DAY_MINUTES:
        raise ValueError(f"{text!r} is not on the clock; Write hours from 00:00 to 24:00")
    if opens == closes:
        raise ValueError(f"{text!r} is no time at all; Write 00:00-24:00 for the whole day")
    return Span(opens, closes if closes > opens else closes + DAY_MINUTES)


def read_spans(value: str | Sequence[str]) -> tuple[Span, ...]:
    """A day as staff write it: `closed`, one span, or a list of spans in any order. Raises ValueError."""
    if isinstance(value, str):
        return () if value.strip().lower() == "closed" else (read_span(value),)
    spans = tuple(sorted(map(read_span, value)))
    for first, second in pairwise(spans):
        if second.opens < first.closes:
            raise ValueError(f"{said(first)} and {said(second)} overlap; Make them one, or correct one of them")
    return spans


def said(span: Span) -> str:
    """As staff write it."""
    closes = span.closes if span.closes <= DAY_MINUTES else span.closes - DAY_MINUTES
    return f"{span.opens // 60:02d}:{span.opens % 60:02d}-{closes // 60:02d}:{closes % 60:02d}"


@dataclass(frozen=True, slots=True)
class OnDate:
    """A day of one year, or (`year` None) of every year."""

    year: int | None
    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Holiday:
    """From `first` to `last`, both included: open at `spans` only. A holiday of every year may run past the year's
    end."""

    name: str
    first: OnDate
    last: OnDate
    spans: tuple[Span, ...] = ()

    def holds(self, day: date) -> bool:
        if self.first.year is not None and self.last.year is not None:
            return _date(self.first) <= day <= _date(self.last)
        begins, ends, today = _of_year(self.first), _of_year(self.last), (day.month, day.day)
        return begins <= today <= ends if begins <= ends else today >= begins or today <= ends

    def is_past(self, day: date) -> bool:
        return self.last.year is not None and _date(self.last) < day


def read_dates(text: str) -> tuple[OnDate, OnDate]:
    """`2026-12-25`, `12-25` (every year), or two of one kind: `2026-12-24 to 2027-01-01`. Raises ValueError."""
    parts = re.split(r"\s+to\s+", text.strip())
    if len(parts) > 2:
        raise ValueError(f"{text!r} is not a date; Write it as 2026-12-25, or 2026-12-24 to 2027-01-01")
    first, last = _read_date(parts[0], text), _read_date(parts[-1], text)
    if (first.year is None) != (last.year is None):
        raise ValueError(f"{text!r} has a year on one side only; Write it on both, or on none")
    if first.year is not None and _date(first) > _date(last):
        raise ValueError(f"{text!r} ends before it begins; Write the earlier date first")
    return first, last


def _read_date(part: str, text: str) -> OnDate:
    found = ON_DATE.match(part)
    if not found:
        raise ValueError(f"{text!r} is not a date; Write it as 2026-12-25, or 12-25 for every year")
    year, month, day = int(found[1]) if found[1] else None, int(found[2]), int(found[3])
    try:
        date(2024 if year is None else year, month, day)
    except ValueError:
        raise ValueError(f"{text!r} is not on the calendar; Correct the month or the day") from None
    return OnDate(year, month, day)


def _date(on: OnDate) -> date:
    return date(on.year or 2024, on.month, on.day)


def _of_year(on: OnDate) -> tuple[int, int]:
    return on.month, on.day


@dataclass(frozen=True, slots=True)
class Hours:
    """A weekly table, Monday first. Moments are Unix milliseconds."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    holidays: tuple[Holiday, ...] = ()

    def spans_on(self, day: date) -> tuple[Span, ...]:
        holiday = self.holiday_on(day)
        return self.week[day.weekday()] if holiday is None else holiday.spans

    def holiday_on(self, day: date) -> Holiday | None:
        return next((holiday for holiday in self.holidays if holiday.holds(day)), None)

    def is_open(self, at_ms: int) -> bool:
        today = self.local(at_ms).date()
        return any(
            opens <= at_ms < closes for back in (1, 0) for opens, closes in self._on(today - timedelta(days=back))
        )

    def next_opening(self, at_ms: int) -> int | None:
        """The first moment after `at_ms` at which it opens, having been closed; None where it does not within a
        year."""
        today = self.local(at_ms).date()
        for ahead in range(-1, LOOK_AHEAD_DAYS):
            opening = [opens for opens, _ in self._on(today + timedelta(days=ahead)) if opens > at_ms]
            coming = [opens for opens in opening if not self.is_open(opens - 1)]
            if coming:
                return min(coming)
        return None

    def never_opens(self) -> bool:
        return not any(self.week)

    def local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(self.zone)

    def _on(self, day: date) -> Iterator[tuple[int, int]]:
        """The moments of opening and closing of what belongs to this day."""
        midnight = datetime(day.year, day.month, day.day)
        for span in self.spans_on(day):
            opens, _ = moments(midnight + timedelta(minutes=span.opens), self.zone)
            _, closes = moments(midnight + timedelta(minutes=span.closes), self.zone)
            if opens < closes:  # else the clock skips it
                yield opens, closes


def moments(wall: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """The first and the last moment at which the wall's clock shows `wall`; the moment of the change, twice, where it
    never does."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = int(first.timestamp()), int(second.timestamp())
    if before <= after:
        return before * 1000, after * 1000
    # Skipped: the clock changes after the later reading's moment and not after the earlier's. Find when.
    low, high = after, before
    old = first.utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high * 1000, high * 1000
