"""What agents, routes and transfers name, and whether anybody has it. Pure.

Faults keep an edition from being used; warnings do not. Only names and words of the other rooms come in here, so that
this room need not know them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from app.content.faults import Fault
from app.prompts.agent import Agent
from app.prompts.library import PROMPTS, Prompts
from app.prompts.variables import holes

LONG_WORDS = 1_800  # of a system prompt: the service reads all of it before each answer
MACHINE_PHRASES = ("wait", "sorry", "still_there", "goodbye", "apology")

FIRST_WORDS = (("greeting",), ("outbound", "greeting"))  # need not stand among the agent's `phrases:`

type Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class House:
    """What the other rooms have. `worded` gives the phrases that have words in a language, `leads` the target of each
    phrase after which the caller is given to somebody."""

    tools: Collection[str]
    phrases: Collection[str]
    worded: Callable[[str], Collection[str]]
    leads: Mapping[str, str] = field(default_factory=dict)


def faults(prompts: Prompts, house: House) -> list[Fault]:
    """What is named and nobody has, and languages in which the call could not begin."""
    found = [fault for agent in prompts.agents.values() for fault in _agent_faults(agent, prompts, house)]
    return sorted([*found, *_route_faults(prompts, house)])


def warnings(prompts: Prompts, house: House, at_ms: int) -> list[Fault]:
    """What works and is probably not meant so. `at_ms`: now, Unix ms."""
    found = [fault for agent in prompts.agents.values() for fault in _agent_warnings(agent, prompts, house)]
    return sorted([*found, *_transfer_warnings(prompts), *_holiday_warnings(prompts, at_ms)])


# --- agents -------------------------------------------------------------------------------------------------------


def _agent_faults(agent: Agent, prompts: Prompts, house: House) -> Iterator[Fault]:
    settings = agent.settings
    for at, name in enumerate(settings.tools):
        if name not in house.tools:
            yield _unknown(agent, ("tools", at), "tool", name, house.tools)
    for at, name in enumerate(settings.phrases or ()):
        if name not in house.phrases:
            yield _unknown(agent, ("phrases", at), "phrase", name, house.phrases)
    for at, name in enumerate(settings.transfers):
        if name not in prompts.transfers:
            yield _unknown(agent, ("transfers", at), "transfer target", name, prompts.transfers)
    for phrase, target in house.leads.items():
        allowed = settings.phrases is None or phrase in settings.phrases
        if allowed and target not in settings.transfers:
            problem = f"the phrase {phrase!r} gives callers to {target!r}, which is not among this agent's transfers"
            yield agent.page.fault(("transfers",), problem, f"Add `- {target}`, or list `phrases:` without {phrase}")
    for place, name in _needed(agent):
        if name not in house.phrases:
            yield _unknown(agent, place, "phrase", name, house.phrases)
        elif place not in FIRST_WORDS and settings.phrases is not None and name not in settings.phrases:
            problem = f"the phrase {name!r} is not among this agent's phrases"
            yield agent.page.fault(place, problem, f"Add `- {name}` under `phrases:`")
        else:
            yield from _untranslated(agent, place, name, house)
    if not prompts.routes.hours:
        for hole in holes(settings.call_facts):
            if hole.name == "call.opens_next":
                fix = "Write the hours under `hours:` in prompts/routes.yaml"
                yield agent.page.fault(("call_facts", hole.name), "has no hours to look at", fix)


def _needed(agent: Agent) -> Iterator[tuple[Place, str]]:
    """The phrases without which a call by this agent has a hole: where each is named, and its id."""
    settings = agent.settings
    yield ("greeting",), settings.greeting
    if (outbound := settings.outbound) is not None:
        for field in ("greeting", "voicemail_message"):
            if phrase := getattr(outbound, field):
                yield ("outbound", field), phrase
    for name, menu in settings.keypad.menus.items():
        yield ("keypad", "menus", name, "say"), menu.say
    for path, choice in settings.keypad.choices():
        if choice.say is not None:
            yield ("keypad", *path, "say"), choice.say
    for name, asked in settings.collect.items():
        if asked.say:
            yield ("collect", name, "say"), asked.say


def _untranslated(agent: Agent, place: Place, phrase: str, house: House) -> Iterator[Fault]:
    for language in agent.settings.voices:
        if phrase not in house.worded(language):
            problem = f"missing translation: the phrase {phrase!r} has no words in {language}"
            yield agent.page.fault(place, problem, f"Add a line `{language}: ...` to its `text:` in cache/phrases")


def _agent_warnings(agent: Agent, prompts: Prompts, house: House) -> Iterator[Fault]:
    settings = agent.settings
    needed = {name for _, name in _needed(agent)}
    for language in settings.languages:
        for phrase in sorted(house.worded(settings.language)):
            if phrase in needed or (settings.phrases is not None and phrase not in settings.phrases):
                continue
            if phrase not in house.worded(language):
                problem = f"missing translation: the phrase {phrase!r} has no words in {language}"
                fix = f"Add a line `{language}: ...` to its `text:` in cache/phrases"
                yield agent.page.fault(("languages", language), problem, fix)
    if settings.languages and "language_changed" not in house.phrases:
        problem = "there is no phrase 'language_changed': callers are not told that another voice goes on"
        yield agent.page.fault(("languages",), problem, "Write it in cache/phrases")
    for phrase in MACHINE_PHRASES:
        if phrase not in house.worded(settings.language):
            problem = f"there is no phrase {phrase!r} in {settings.language}: callers hear nothing in its place"
            yield agent.page.fault(("language",), problem, "Write it in cache/phrases")
        elif settings.phrases is not None and phrase not in settings.phrases:
            problem = f"{phrase!r} is not among them: callers hear nothing in its place"
            yield agent.page.fault(("phrases",), problem, f"Add `- {phrase}`")
    words = len(agent.instructions.split())
    if words > LONG_WORDS:
        problem = f"has {words} words: the model reads them before each answer, which makes it slower"
        yield Fault(agent.page.file, 0, "instructions", problem, f"Keep it under {LONG_WORDS}; move facts into tools")
    if settings.outbound is None and not prompts.routes.leads_to(agent.id):
        fix = "Name it in prompts/routes.yaml, give it an `outbound:`, or remove the file"
        yield Fault(agent.page.file, 0, "", "answers no number", fix)


def _unknown(agent: Agent, path: Place, what: str, name: str, known: Collection[str]) -> Fault:
    fix = "There are: " + ", ".join(sorted(known)) if known else f"There is no {what} at all yet"
    return agent.page.fault(path, f"there is no {what} {name!r}", fix)


# --- routes, transfers --------------------------------------------------------------------------------------------


def _route_faults(prompts: Prompts, house: House) -> Iterator[Fault]:
    routes = prompts.routes
    for place, rule in routes.rules():
        agent = prompts.agents[rule.agent]
        if rule.language and rule.language not in agent.settings.voices:
            problem = f"{rule.language!r} is not spoken by {rule.agent}"
            fix = f"It speaks {', '.join(agent.settings.voices)}; add others under `languages:` in its file"
            yield routes.page.fault((*place, "language"), problem, fix)
        if not rule.closed:
            continue
        if rule.closed in prompts.agents:
            spoken = prompts.agents[rule.closed].settings.voices
            if rule.language and rule.language not in spoken:
                problem = f"{rule.closed} does not speak {rule.language}"
                yield routes.page.fault((*place, "closed"), problem, "Add the language to its file")
        elif rule.closed not in house.phrases:
            known = ", ".join(sorted({*prompts.agents, *house.phrases}))
            problem = f"there is neither an agent nor a phrase {rule.closed!r}"
            yield routes.page.fault((*place, "closed"), problem, f"There are: {known}")
        else:
            language = rule.language or agent.settings.language
            if rule.closed not in house.worded(language):
                problem = f"missing translation: the phrase {rule.closed!r} has no words in {language}"
                fix = f"Add a line `{language}: ...` to its `text:` in cache/phrases"
                yield routes.page.fault((*place, "closed"), problem, fix)


def _transfer_warnings(prompts: Prompts) -> Iterator[Fault]:
    page = prompts.pages.get(str(PROMPTS / "transfers.yaml"))
    wanted = {name for agent in prompts.agents.values() for name in agent.settings.transfers}
    for name, target in prompts.transfers.items():
        if page is None:
            return
        hours = prompts.routes.hours.get(target.hours)
        if hours is not None and hours.never_opens():
            problem = f"its hours {target.hours!r} are closed all week: nobody is ever given to it"
            yield page.fault(("targets", name, "hours"), problem, "Open them on some day, or remove the target")
        if name not in wanted:
            yield page.fault(("targets", name), "no agent may transfer to it", "Name it under an agent's `transfers:`")


def _holiday_warnings(prompts: Prompts, at_ms: int) -> Iterator[Fault]:
    told = set()
    for hours in prompts.routes.hours.values():
        today = hours.local(at_ms).date()
        for at, holiday in enumerate(hours.holidays):
            if at not in told and holiday.is_past(today):
                told.add(at)
                fix = "Write this year's date, or one without a year such as 12-25"
                yield prompts.routes.page.fault(("holidays", at, "date"), f"{holiday.name!r} is over", fix)
