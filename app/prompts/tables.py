"""`hours:` and `holidays:` of routes.yaml: read, and checked for holes and overlaps. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from app.content.faults import Fault
from app.content.page import Page
from app.prompts.hours import DAY_MINUTES, Holiday, Hours, read_dates, read_spans, said

type Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEK: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class HoursEntry(BaseModel):
    """A weekly table. Every day is written, for a day forgotten would be a day on which nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_zone: str
    monday: str | list[str]
    tuesday: str | list[str]
    wednesday: str | list[str]
    thursday: str | list[str]
    friday: str | list[str]
    saturday: str | list[str]
    sunday: str | list[str]
    holidays: bool = True  # false: open on holidays as on any day

    @field_validator("time_zone")
    @classmethod
    def _on_the_map(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{zone!r} is not a time zone; Write one such as America/New_York") from None
        return zone

    @field_validator(*WEEK)
    @classmethod
    def _spans(cls, value: str | list[str]) -> str | list[str]:
        read_spans(value)
        return value


class HolidayEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    date: str
    name: str
    open: str | list[str] = "closed"

    @model_validator(mode="after")
    def _readable(self) -> Self:
        read_dates(self.date)
        read_spans(self.open)
        return self

    def holiday(self) -> Holiday:
        return Holiday(self.name, *read_dates(self.date), read_spans(self.open))


def tables_of(hours: Mapping[str, HoursEntry], holidays: Sequence[HolidayEntry]) -> dict[str, Hours]:
    free = tuple(entry.holiday() for entry in holidays)
    return {
        name: Hours(
            zone=ZoneInfo(entry.time_zone),
            week=tuple(read_spans(getattr(entry, day)) for day in WEEK),
            holidays=free if entry.holidays else (),
        )
        for name, entry in hours.items()
    }


def overlaps(tables: Mapping[str, Hours], holidays: Sequence[HolidayEntry], page: Page) -> Iterator[Fault]:
    """Nights that run into the next morning's hours, and days that are two holidays."""
    for name, hours in tables.items():
        for at, day in enumerate(WEEK):
            night = hours.week[at][-1:]
            morning = hours.week[(at + 1) % 7][:1]
            if night and morning and night[0].closes - DAY_MINUTES > morning[0].opens:
                problem = f"{said(night[0])} runs into {WEEK[(at + 1) % 7]}'s {said(morning[0])}"
                yield page.fault(("hours", name, day), problem, "Correct one of the two")
    yield from _twice(holidays, page)


def _twice(entries: Sequence[HolidayEntry], page: Page) -> Iterator[Fault]:
    free = [entry.holiday() for entry in entries]
    years = sorted({on.year for holiday in free for on in (holiday.first, holiday.last) if on.year} or {2024})
    days = [date(years[0], 1, 1) + timedelta(days=n) for n in range((years[-1] - years[0] + 1) * 366)]
    told: set[tuple[int, int]] = set()
    for day in days:
        held = [at for at, holiday in enumerate(free) if holiday.holds(day)]
        for other in held[1:]:
            if (held[0], other) not in told:
                told.add((held[0], other))
                problem = f"{day.isoformat()} is in {free[held[0]].name!r} too"
                yield page.fault(("holidays", other, "date"), problem, "Let each day be in one holiday")
