"""Who the bot is: all agents, the facts they share, which number each answers, and whom they may give a call to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, field_validator

from app.content.faults import ContentError, Fault
from app.content.page import Page, read_page, validated
from app.content.texts import read_texts
from app.prompts.agent import Agent, read_agent
from app.prompts.routes import Routes, read_routes
from app.prompts.transfers import TransferTarget, read_transfers
from app.prompts.variables import flat

PROMPTS = Path("prompts")


class _FactsPage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    business: dict[str, Any]
    facts: dict[str, Any] = {}

    @field_validator("business")
    @classmethod
    def _has_a_clock(cls, business: dict[str, Any]) -> dict[str, Any]:
        zone = business.get("time_zone", "UTC")
        try:
            ZoneInfo(str(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"time_zone {zone!r} is not known; Write one such as `America/New_York`") from None
        return business


@dataclass(frozen=True, slots=True)
class Prompts:
    """Everything under `prompts/`. `sources` is what was read, by file: an edition's hash is made from it. `pages`
    still know where each line stands."""

    agents: Mapping[str, Agent]
    routes: Routes
    sources: Mapping[str, str]
    transfers: Mapping[str, TransferTarget] = field(default_factory=dict)
    pages: Mapping[str, Page] = field(default_factory=dict)


def load_prompts(content_dir: Path) -> Prompts:
    """Read agents, facts, routes and transfers. Blocks on files. Raises `ContentError` with all that is wrong in all
    of them."""
    return read_prompts(prompt_texts(content_dir))


def read_prompts(sources: Mapping[str, str]) -> Prompts:
    """The same from texts by file, as `prompt_texts` gives them. Raises `ContentError`."""
    reading = _Reading(sources)
    facts = reading.facts()
    agents = reading.agents(facts) if facts is not None else {}
    routes = reading.routes()
    transfers = reading.transfers(routes)
    if reading.faults or routes is None:
        raise ContentError(reading.faults)
    return Prompts(agents, routes, sources, transfers, reading.pages)


def prompt_texts(content_dir: Path) -> dict[str, str]:
    """What is read of the folder, by file. Raises `ContentError` where a file is no text."""
    folder = content_dir / PROMPTS
    names = ("facts.yaml", "routes.yaml", "transfers.yaml")
    return read_texts(content_dir, [*sorted(folder.glob("*.md")), *(folder / name for name in names)])


class _Reading:
    """One reading of the folder; faults are gathered, so that all of them are told at once."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources
        self.faults: list[Fault] = []
        self.pages: dict[str, Page] = {}
        self._names = {Path(file).stem: file for file in sources if file.endswith(".md")}
        if not self._names:
            raise ContentError([Fault(str(PROMPTS), 0, "", "has no agent", "Write one: prompts/front-desk.md")])

    def facts(self) -> _FactsPage | None:
        try:
            return validated(_FactsPage, self._page("facts.yaml", "Write it, with `business:` and its `name:`"))
        except ContentError as error:
            self.faults += error.faults
            return None

    def agents(self, facts: _FactsPage) -> dict[str, Agent]:
        content = flat({"business": facts.business, "facts": facts.facts})
        zone = str(facts.business.get("time_zone", "UTC"))
        agents = {}
        for name, file in self._names.items():
            try:
                agents[name] = read_agent(name, self.sources[file], file, content, zone)
            except ContentError as error:
                self.faults += error.faults
        return agents

    def routes(self) -> Routes | None:
        try:
            page = self._page("routes.yaml", "Write it, with `default:` and an agent's name")
            return read_routes(page, self._names.keys())
        except ContentError as error:
            self.faults += error.faults
            return None

    def transfers(self, routes: Routes | None) -> Mapping[str, TransferTarget]:
        if str(PROMPTS / "transfers.yaml") not in self.sources:
            return {}
        try:
            page = self._page("transfers.yaml", "")
            # Without routes nobody knows the tables: one fault is enough.
            return read_transfers(page, None if routes is None else routes.hours)
        except ContentError as error:
            self.faults += error.faults
            return {}

    def _page(self, name: str, fix: str) -> Page:
        file = str(PROMPTS / name)
        if file not in self.sources:
            raise ContentError([Fault(file, 0, "", "is missing", fix)])
        self.pages[file] = read_page(self.sources[file], file)
        return self.pages[file]
