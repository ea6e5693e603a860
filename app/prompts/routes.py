"""`prompts/routes.yaml`: which agent answers which number, by the hours. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator, model_validator

from app.content.faults import ContentError, Fault
from app.content.page import Page, validated
from app.prompts.hours import Hours
from app.prompts.tables import HolidayEntry, HoursEntry, overlaps, tables_of

CALLED = re.compile(r"^(\+[1-9]\d{6,14}|sips?:\S+|client:\S+)$")

type TableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
type Place = tuple[str | int, ...]


class RuleEntry(BaseModel):
    """Who answers. `closed` names an agent who answers instead when `hours` are over, or a phrase with which the same
    agent then begins (and ends, where the phrase says `then: hang_up`). `language` is the caller's first, where it is
    not the agent's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: str
    language: str = ""
    hours: str = ""
    closed: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"agent": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _closed_by_hours(self) -> Self:
        if self.closed and not self.hours:
            raise ValueError("`closed` says nothing without hours; Name a table with `hours:`")
        return self


class RoutesPage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    default: RuleEntry
    numbers: dict[str, RuleEntry] = {}
    hours: dict[TableName, HoursEntry] = {}
    holidays: list[HolidayEntry] = []

    @field_validator("numbers")
    @classmethod
    def _can_be_called(cls, numbers: dict[str, RuleEntry]) -> dict[str, RuleEntry]:
        for number in numbers:
            if not CALLED.match(number):
                raise ValueError(f"{number!r} is never called; Write a number as +15550100, or a SIP address")
        return numbers


@dataclass(frozen=True, slots=True)
class Way:
    """Who answers a call, and how it begins. Empty `language` and `first_phrase` are the agent's own; without `hours`
    the business is always open."""

    agent: str
    language: str = ""
    first_phrase: str = ""
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Routes:
    """`hours` by table, `agents` all that there are. `page` still knows where each rule stands."""

    default: RuleEntry
    numbers: Mapping[str, RuleEntry]
    hours: Mapping[str, Hours]
    agents: frozenset[str]
    page: Page

    def rules(self) -> Iterator[tuple[Place, RuleEntry]]:
        yield ("default",), self.default
        for number, rule in self.numbers.items():
            yield ("numbers", number), rule

    def way(self, called: str, at_ms: int) -> Way:
        """Who answers this number at this moment (Unix ms)."""
        rule = self.numbers.get(called, self.default)
        hours = self.hours.get(rule.hours)
        if hours is None or not rule.closed or hours.is_open(at_ms):
            return Way(rule.agent, rule.language, "", hours or self.business_hours)
        if rule.closed in self.agents:
            return Way(rule.closed, rule.language, "", hours)
        return Way(rule.agent, rule.language, rule.closed, hours)

    @property
    def business_hours(self) -> Hours | None:
        """Of a call whose rule names none: the default's, or the first table."""
        return self.hours.get(self.default.hours) or next(iter(self.hours.values()), None)

    def leads_to(self, agent: str) -> list[str]:
        """Numbers that reach this agent at some hour; `default` stands for all others."""
        return [
            "default" if place == ("default",) else str(place[-1])
            for place, rule in self.rules()
            if agent in {rule.agent, rule.closed}
        ]


def read_routes(page: Page, agents: Collection[str]) -> Routes:
    """Raises `ContentError`."""
    read = validated(RoutesPage, page)
    tables = tables_of(read.hours, read.holidays)
    routes = Routes(read.default, read.numbers, tables, frozenset(agents), page)
    faults = [*_unknown(routes), *overlaps(tables, read.holidays, page)]
    if faults:
        raise ContentError(faults)
    return routes


def _unknown(routes: Routes) -> Iterator[Fault]:
    agents = "There are: " + ", ".join(sorted(routes.agents))
    tables = "There are: " + ", ".join(routes.hours) if routes.hours else "Write it under `hours:`"
    for place, rule in routes.rules():
        if rule.agent not in routes.agents:
            where = (*place, "agent") if (*place, "agent") in routes.page.lines else place
            yield routes.page.fault(where, f"there is no agent {rule.agent!r}", agents)
        if rule.hours and rule.hours not in routes.hours:
            yield routes.page.fault((*place, "hours"), f"there are no hours {rule.hours!r}", tables)
