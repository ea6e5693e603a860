"""Repair appointments: free times, booking, cancelling. They are kept in a SQLite file under DATA_DIR."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from app.tools.contract import Context, Declined
from app.tools.tool import tool

ZONE = ZoneInfo("America/New_York")
TIMES = ("09:30", "11:00", "14:00", "16:00")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OPEN = {"tuesday", "wednesday", "thursday", "friday", "saturday"}
AHEAD = 14  # days
OFFERED = 4  # as many as anybody remembers

SCHEMA = """
CREATE TABLE IF NOT EXISTS appointments (
    id INTEGER PRIMARY KEY, slot TEXT NOT NULL, name TEXT NOT NULL, work TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE, cancelled INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS one_a_slot ON appointments (slot) WHERE NOT cancelled;
"""
BEFORE_THE_FIRST = 300  # numbers of appointments have three digits

Work = Annotated[str, "what is to be done, such as a small service or new brakes"]


@tool(time_limit_s=5)
def find_repair_times(
    call: Context, day: Annotated[str, "a weekday such as Tuesday, or a date"] = ""
) -> dict[str, object]:
    """Find free times for a repair appointment, on one day or the next days."""
    with _book(call) as book:
        taken = {slot for (slot,) in book.execute("SELECT slot FROM appointments WHERE NOT cancelled")}
    wanted = _days(day)
    free = [slot for slot in _slots() if slot not in taken and (wanted is None or slot[:10] in wanted)][:OFFERED]
    if not free:
        return {"free": [], "summary": f"There is no free time {'on that day' if day else 'in the next two weeks'}."}
    return {"free": free, "summary": f"Free times are {'; '.join(map(_said, free))}."}


@tool(effects=True, time_limit_s=5)
def book_repair(
    slot: Annotated[str, "one of the free times, as find_repair_times wrote it: 2026-05-19 09:30"],
    name: Annotated[str, "the caller's name"],
    call: Context,
    work: Work = "repair",
) -> dict[str, object]:
    """Book a repair appointment at a free time, once the caller has agreed to it."""
    if slot not in _slots():
        raise Declined("That is no time for appointments. Call find_repair_times, and offer one of its times.")
    with _book(call) as book:
        book.execute(
            "INSERT INTO appointments (slot, name, work, key) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (slot, name, work, call.key),
        )
        row = book.execute("SELECT id, slot FROM appointments WHERE key = ?", (call.key,)).fetchone()
    if row is None:
        raise Declined("That time has just been taken. Call find_repair_times again, and offer another.")
    number = BEFORE_THE_FIRST + row[0]
    return {"number": number, "slot": row[1], "summary": f"Booked: {_said(row[1])}, appointment number {number}."}


@tool(effects=True, time_limit_s=5)
def cancel_repair(
    number: Annotated[int, "the number of the appointment"],
    name: Annotated[str, "the name it was booked in"],
    call: Context,
) -> dict[str, object]:
    """Cancel a repair appointment, by its number and the name it was booked in."""
    with _book(call) as book:
        done = book.execute(
            "UPDATE appointments SET cancelled = 1 WHERE id = ? AND lower(name) = lower(?)",
            (number - BEFORE_THE_FIRST, name),
        ).rowcount
    if not done:
        return {"cancelled": False, "summary": f"There is no appointment with the number {number} in that name."}
    return {"cancelled": True, "summary": f"Appointment {number} is cancelled."}


@contextmanager
def _book(call: Context) -> Iterator[sqlite3.Connection]:
    """The file, in one transaction that is kept unless an exception leaves it."""
    call.data_dir.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(call.data_dir / "appointments.sqlite", timeout=3)) as book, book:
        book.executescript(SCHEMA)
        yield book


def _today() -> date:
    return datetime.now(ZONE).date()


def _slots() -> list[str]:
    """Every time of the next days at which somebody could come."""
    days = [_today() + timedelta(days=ahead) for ahead in range(1, AHEAD + 1)]
    return [f"{day} {time}" for day in days if DAYS[day.weekday()] in OPEN for time in TIMES]


def _days(spoken: str) -> set[str] | None:
    """The dates that are meant, as `2026-05-19`; `None` for any."""
    text = spoken.strip().lower()
    if "tomorrow" in text:
        return {str(_today() + timedelta(days=1))}
    named = [at for at, day in enumerate(DAYS) if day in text]
    if named:
        ahead = [_today() + timedelta(days=days) for days in range(1, AHEAD + 1)]
        return {str(day) for day in ahead if day.weekday() in named}
    return {text[:10]} if text[:1].isdigit() else None


def _said(slot: str) -> str:
    at = datetime.fromisoformat(slot)
    half = " thirty" if at.minute else ""
    return f"{at:%A, %B} {at.day} at {at.hour % 12 or 12}{half} {at:%p}"
