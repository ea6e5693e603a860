"""What load callers can ask of a content directory: questions its phrases answer, and a key that plays one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.edition import Edition, load_edition
from app.prompts.agent import Agent
from app.simulator.load.generator import CALLED

UNKNOWN = ("My neighbour told me a long story about his blue fern.", "Somebody left a purple umbrella by the river.")
MOST = 12
A_PHRASE = 2


@dataclass(frozen=True, slots=True)
class Askable:
    """`known` are examples that are matched and followed by nothing, `unknown` is matched by nothing. `key` is "" where
    no key of the first menu plays a phrase."""

    known: Sequence[str]
    unknown: Sequence[str]
    key: str

    @property
    def hears(self) -> list[str]:
        """Three known for each that is not."""
        others = -(-len(self.known) // 3) if self.unknown else 0
        return [*self.known, *(self.unknown[at % len(self.unknown)] for at in range(others))]

    @property
    def share(self) -> float:
        return len(self.known) / len(self.hears)


def askable(content: Path) -> Askable:
    """Of the agent that answers load callers now. Blocks on files. Raises `ContentError`."""
    edition = load_edition(content)
    way = edition.prompts.routes.way(CALLED, round(time.time() * 1000))
    agent = edition.prompts.agents[way.agent]
    language = way.language or agent.settings.language
    unknown = [text for text in UNKNOWN if edition.matcher.match(text) is None]
    return Askable(_known(edition, agent, language), unknown, _key(edition, agent))


def _known(edition: Edition, agent: Agent, language: str) -> list[str]:
    allowed = agent.settings.phrases
    found: list[str] = []
    for name, entry in edition.catalogue.phrases.items():
        if entry.then != "nothing" or not entry.intents or (allowed is not None and name not in allowed):
            continue
        lines = [line for line in entry.examples.get(language, ()) if _is(edition, line, name)]
        found += lines[:A_PHRASE]
    return found[:MOST]


def _is(edition: Edition, line: str, phrase: str) -> bool:
    match = edition.matcher.match(line)
    return match is not None and match.phrase == phrase


def _key(edition: Edition, agent: Agent) -> str:
    menu = agent.settings.keypad.menus.get(agent.settings.keypad.start)
    keys = menu.keys if menu is not None else {}
    return next((key for key, choice in keys.items() if choice.say), "")
