"""A number's route as a change of prompts/routes.yaml: planned and checked as an edition, then written."""

from dataclasses import dataclass
from pathlib import Path

from app.content.faults import ContentError, Fault
from app.content.page import read_page
from app.content.texts import write_whole
from app.edition import edition_of, load_edition
from app.prompts.route_lines import FILE, with_route


@dataclass(frozen=True, slots=True)
class RouteChange:
    """`was` is the agent who answers now; `listed` says whether the number has a line of its own."""

    path: Path
    number: str
    agent: str
    was: str
    listed: bool
    before: bytes
    after: bytes

    @property
    def changes(self) -> bool:
        return self.before != self.after

    @property
    def line(self) -> str:
        """As people are shown it."""
        was = self.was if self.listed else f"not listed, so {self.was}"
        return f"{FILE}: {self.number} is answered by {self.agent} ({was} until now)"

    def write(self) -> None:
        """Raises `OSError`, and `ContentError` where somebody has changed the file since it was read."""
        if self.path.read_bytes() != self.before:
            raise ContentError([Fault(FILE, 0, "", "was changed in the meantime", "Run the command again")])
        write_whole(self.path, self.after)


def plan_route(content_dir: Path, number: str, agent: str) -> RouteChange:
    """The change, checked as a server would check it, and nothing written yet. Blocks on files. Raises `ContentError`
    where the content is wrong as it is, or would be."""
    edition = load_edition(content_dir)
    path = content_dir / FILE
    before = path.read_bytes()
    routes = edition.prompts.routes
    was = routes.numbers.get(number, routes.default).agent
    after = with_route(before.decode(), number, agent)
    edition_of({**edition.texts, FILE: after}, edition.toolbox.code)
    _only_that(before.decode(), after, number, agent)
    return RouteChange(path, number, agent, was, number in routes.numbers, before, after.encode())


def _only_that(before: str, after: str, number: str, agent: str) -> None:
    """What the page says besides this number is what it said before."""
    then, now = (read_page(text, FILE).data for text in (before, after))
    rule = now["numbers"][number]
    told = rule["agent"] if isinstance(rule, dict) else rule
    then["numbers"] = {**(then.get("numbers") or {}), number: rule}
    if now != then or told != agent:
        raise ContentError([Fault(FILE, 1, "numbers", "cannot be changed safely", f"Write {number}: {agent} by hand")])
