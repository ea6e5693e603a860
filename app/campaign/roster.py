"""Whom a campaign calls: a CSV file of staff's, checked whole before the first call is placed. Pure.

Columns: `number` and `consent`, both required, `timezone` and `agent`, which may be given for all rows instead; every
other column is a fact for the agent. Faults never quote a number: they are read on screens.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from app.content.faults import ContentError, Fault
from app.legs.twilio.orders import flaw

E164 = re.compile(r"\+[1-9]\d{6,14}")
YES, NO = {"yes", "y", "true"}, {"no", "n", "false"}
REQUIRED = ("number", "consent")


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody to call. `line` is of the file; without `consent` they are not called."""

    line: int
    number: str
    agent: str
    zone: str
    consent: bool
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for rows that do not say: "" where they must. `agents` are those that place calls."""

    today: date
    agents: Collection[str]
    agent: str = ""
    zone: str = ""


class RowEntry(BaseModel):
    """One line, whitespace and empty facts left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str
    consent: bool
    timezone: str
    agent: str
    facts: dict[str, str]

    @field_validator("number")
    @classmethod
    def _international(cls, number: str) -> str:
        if E164.fullmatch(number) is None:
            raise ValueError("is no number with its country; Write it as +15550100, without spaces")
        return number

    @field_validator("consent", mode="before")
    @classmethod
    def _given_or_not(cls, said: str, info: ValidationInfo) -> bool:
        if said.lower() in YES | NO:
            return said.lower() in YES
        try:
            given = date.fromisoformat(said)
        except ValueError:
            raise ValueError(
                "does not say whether they agreed to be called; Write yes, no, or the date such as 2026-05-31"
            ) from None
        if given > _defaults(info).today:
            raise ValueError("lies in the future; Write the date on which they agreed")
        return True

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if not zone:
            raise ValueError("is missing; Write one such as America/New_York, or give --timezone for all")
        if zone not in available_timezones():
            raise ValueError(f"{zone!r} is no time zone; Write one such as America/New_York")
        return zone

    @field_validator("agent")
    @classmethod
    def _may_call(cls, agent: str, info: ValidationInfo) -> str:
        agents = _defaults(info).agents
        if agent not in agents:
            problem = f"{agent!r} places no calls" if agent else "is missing"
            raise ValueError(f"{problem}; There are: {', '.join(sorted(agents)) or 'none, see outbound: in prompts/'}")
        return agent

    @field_validator("facts")
    @classmethod
    def _can_ride_along(cls, facts: dict[str, str]) -> dict[str, str]:
        if (wrong := flaw(facts)) is not None:
            raise ValueError(f"{wrong}; Shorten or rename the column")
        return facts


def read_roster(text: str, file: str, defaults: Defaults) -> list[Row]:
    """Every row, in the file's order. Raises `ContentError` with all that is wrong."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    faults: list[Fault] = []
    rows: dict[str, Row] = {}
    try:
        columns = [name.strip() for name in next(reader, [])]
        faults += _header_faults(columns, file)
        for cells in reader if not faults else ():
            if any(map(str.strip, cells)):
                read = _read(cells, columns, reader.line_num, file, defaults)
                faults += [read] if isinstance(read, Fault) else _entered(read, rows, file)
    except csv.Error as error:
        faults.append(Fault(file, reader.line_num, "", f"is no CSV: {error}", "Export it again as CSV (comma, UTF-8)"))
    if not faults and not rows:
        faults.append(Fault(file, 1, "", "has no rows", "Write one line for each person to call"))
    if faults:
        raise ContentError(faults)
    return list(rows.values())


def read_do_not_call(text: str, file: str) -> frozenset[str]:
    """A number on each line; `#` begins a comment. Raises `ContentError`."""
    numbers, faults = set(), []
    for line, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        number = raw.partition("#")[0].strip().strip(",").strip('"')
        if not number or (line == 1 and number == "number"):
            continue
        if E164.fullmatch(number) is None:
            faults.append(Fault(file, line, "number", "is no number with its country", "Write it as +15550100"))
        numbers.add(number)
    if faults:
        raise ContentError(faults)
    return frozenset(numbers)


def _header_faults(columns: list[str], file: str) -> Iterator[Fault]:
    for name in REQUIRED:
        if name not in columns:
            yield Fault(file, 1, name, "the column is missing", f"Write {name} into the first line, with a comma")
    for name in sorted({name for name in columns if columns.count(name) > 1}):
        yield Fault(file, 1, name, "the column is there twice", "Rename one of them")


def _read(cells: list[str], columns: list[str], line: int, file: str, defaults: Defaults) -> Row | Fault:
    if len(cells) != len(columns):
        problem = f"has {len(cells)} cells, the first line {len(columns)}"
        return Fault(file, line, "", problem, "Put a cell with a comma in it between quotes")
    values = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    entry = {
        "number": values.pop("number"),
        "consent": values.pop("consent"),
        "timezone": values.pop("timezone", "") or defaults.zone,
        "agent": values.pop("agent", "") or defaults.agent,
        "facts": {name: value for name, value in values.items() if value},
    }
    try:
        read = RowEntry.model_validate(entry, context=defaults)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        problem, _, fix = first["msg"].removeprefix("Value error, ").partition("; ")
        return Fault(file, line, str(first["loc"][0]), problem, fix)
    return Row(line, read.number, read.agent, read.timezone, read.consent, read.facts)


def _entered(row: Row, rows: dict[str, Row], file: str) -> list[Fault]:
    first = rows.setdefault(row.number, row)
    if first is row:
        return []
    return [Fault(file, row.line, "number", f"stands in line {first.line} already", "Remove one of the two lines")]


def _defaults(info: ValidationInfo) -> Defaults:
    assert isinstance(info.context, Defaults)
    return info.context
