"""Who the bot is: all agents, the facts they share, and which number each answers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, field_validator

from app.content.faults import ContentError, Fault
from app.content.page import Page, read_page, validated
from app.prompts.agent import Agent, read_agent
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
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"time_zone {zone!r} is not known; Write one such as `America/New_York`") from None
        return business


class _RoutesPage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    default: str
    numbers: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Routes:
    default: str
    numbers: Mapping[str, str]

    def agent_for(self, called: str) -> str:
        """The agent's id for the number that was called."""
        return self.numbers.get(called, self.default)


@dataclass(frozen=True, slots=True)
class Prompts:
    """Everything under `prompts/`. `sources` is what was read, by file: an edition's hash is made from it."""

    agents: Mapping[str, Agent]
    routes: Routes
    sources: Mapping[str, str]

    def faults(self, tools: Collection[str], phrases: Collection[str]) -> list[Fault]:
        """What the agents name and nobody has. Names only, so that this room need not know the others."""
        found = []
        for agent in self.agents.values():
            for place, name in enumerate(agent.settings.tools):
                if name not in tools:
                    found.append(_unknown(agent, ("tools", place), "tool", name, tools))
            for place, name in enumerate(agent.settings.phrases or ()):
                if name not in phrases:
                    found.append(_unknown(agent, ("phrases", place), "phrase", name, phrases))
            if agent.settings.greeting not in phrases:
                found.append(_unknown(agent, ("greeting",), "phrase", agent.settings.greeting, phrases))
        return sorted(found)


def _unknown(agent: Agent, path: tuple[str | int, ...], what: str, name: str, known: Collection[str]) -> Fault:
    fix = "There are: " + ", ".join(sorted(known)) if known else f"There is no {what} at all yet"
    return agent.page.fault(path, f"there is no {what} {name!r}", fix)


def load_prompts(content_dir: Path) -> Prompts:
    """Read agents, facts and routes. Blocks on files. Raises `ContentError` with all that is wrong in all of them."""
    sources = _texts(content_dir)
    facts = _facts(sources)
    faults: list[Fault] = []
    agents: dict[str, Agent] = {}
    content = flat({"business": facts.business, "facts": facts.facts})
    zone = str(facts.business.get("time_zone", "UTC"))
    for file, text in sources.items():
        if file.endswith(".md"):
            name = Path(file).stem
            try:
                agents[name] = read_agent(name, text, file, content, zone)
            except ContentError as error:
                faults += error.faults
    names = {Path(file).stem for file in sources if file.endswith(".md")}
    try:
        routes = _routes(sources, names)
    except ContentError as error:
        faults += error.faults
    if faults:
        raise ContentError(faults)
    return Prompts(agents, routes, sources)


def _texts(content_dir: Path) -> dict[str, str]:
    folder = content_dir / PROMPTS
    paths = [*sorted(folder.glob("*.md")), folder / "facts.yaml", folder / "routes.yaml"]
    texts = {str(p.relative_to(content_dir)): p.read_text(encoding="utf-8") for p in paths if p.is_file()}
    if not any(name.endswith(".md") for name in texts):
        raise ContentError([Fault(str(PROMPTS), 0, "", "has no agent", "Write one: prompts/front-desk.md")])
    return texts


def _page(sources: Mapping[str, str], name: str, fix: str) -> Page:
    file = str(PROMPTS / name)
    if file not in sources:
        raise ContentError([Fault(file, 0, "", "is missing", fix)])
    return read_page(sources[file], file)


def _facts(sources: Mapping[str, str]) -> _FactsPage:
    return validated(_FactsPage, _page(sources, "facts.yaml", "Write it, with `business:` and its `name:`"))


def _routes(sources: Mapping[str, str], agents: Collection[str]) -> Routes:
    page = _page(sources, "routes.yaml", "Write it, with `default:` and an agent's name")
    routes = validated(_RoutesPage, page)
    named: list[tuple[tuple[str | int, ...], str]] = [(("default",), routes.default)]
    named += [(("numbers", number), agent) for number, agent in routes.numbers.items()]
    fix = "There are: " + ", ".join(sorted(agents))
    faults = [page.fault(path, f"there is no agent {name!r}", fix) for path, name in named if name not in agents]
    if faults:
        raise ContentError(faults)
    return Routes(routes.default, routes.numbers)
