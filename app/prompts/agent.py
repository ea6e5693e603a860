"""One agent: a Markdown file with YAML front matter. Who speaks, how, with which tools, and the instructions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.call.setup import CallFacts, OnVoicemail
from app.content.faults import ContentError, Fault
from app.content.page import Page, read_page, validated
from app.prompts.hours import Hours
from app.prompts.keys import CollectEntry, KeypadEntry, Name, WithoutModelEntry, unfit_alone, unknown_names
from app.prompts.limits import Limits
from app.prompts.variables import CALL_VARIABLES, Hole, call_values, fill, holes, nearest
from app.prompts.voices import mismatch, voices_for

FENCE = "---"
CALLED_BY_US = "You have called me; I have not called you. Say at once who is calling, and why."
LONGEST_BYTES = 30_000  # the service may refuse a system prompt of 32 KB

type Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
type Voice = Annotated[str, StringConstraints(pattern=r"^[a-z]+$")]


class KnownAnswersEntry(BaseModel):
    """How the model is kept from answering what a phrase has answered: see `app.call.setup.KnownAnswers`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    swap: bool = True
    note: bool = False


class OutboundEntry(BaseModel):
    """How calls begin that are placed by us, and what a machine gets that answers one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    greeting: str = ""  # a phrase; the agent's own greeting when empty
    on_voicemail: OnVoicemail = "hang_up"
    voicemail_message: str = ""  # a phrase, said after the beep

    @model_validator(mode="after")
    def _has_message(self) -> Self:
        if (self.on_voicemail == "leave_message") != bool(self.voicemail_message):
            fix = "Write both `on_voicemail: leave_message` and `voicemail_message:` with a phrase, or neither"
            raise ValueError(f"a message is left where there is one; {fix}")
        return self


class FrontMatter(BaseModel):
    """What stands between the fences. Voices are lower case: the service refuses others. `language` and `voice` are
    the first, `languages` those it speaks besides, each with its voice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voice: Voice
    language: Language
    languages: dict[Language, Voice] = {}
    model: str = ""  # the house's own when empty
    endpointing: Literal["HIGH", "MEDIUM", "LOW"] = "MEDIUM"
    temperature: float = Field(default=0.7, ge=0, le=1)
    top_p: float = Field(default=0.9, ge=0, le=1)
    max_tokens: int = Field(default=1024, ge=1, le=10_000)
    greeting: str = "greeting"
    greeting_interruptible: bool | None = None  # as the phrase says when not given
    tools: list[str] = []
    phrases: list[str] | None = None  # all that there are when not given
    transfers: list[str] = []  # targets of transfers.yaml
    messages: bool = False  # may take messages and note call-backs
    known_answers: KnownAnswersEntry = KnownAnswersEntry()
    keypad: KeypadEntry = KeypadEntry()
    collect: dict[Name, CollectEntry] = {}
    without_model: WithoutModelEntry = WithoutModelEntry()
    outbound: OutboundEntry | None = None  # places no calls when not given
    call_facts: str = ""
    limits: Limits = Limits()

    @property
    def voices(self) -> dict[str, str]:
        """Language -> voice, the first language first."""
        return {self.language: self.voice} | self.languages


@dataclass(frozen=True, slots=True)
class Agent:
    """`instructions` is the system prompt, filled in. `page` still knows where each field stands."""

    id: str
    settings: FrontMatter
    instructions: str
    time_zone: str
    page: Page

    def opening(self, facts: CallFacts, hours: Hours | None = None) -> str:
        """The first USER block of a call's history: what is true of this call alone. Empty without a template."""
        values = call_values(facts, self.time_zone, hours)
        told = fill(self.settings.call_facts, values, only=CALL_VARIABLES.__contains__).strip()
        return "\n".join(part for part in (told, _told_of(facts)) if part)


def _told_of(facts: CallFacts) -> str:
    """Of a call that we placed: that we did, and what is known of whom we called."""
    if not facts.placed_by_us:
        return ""
    given = "".join(f"\n- {name}: {value}" for name, value in facts.given.items())
    return CALLED_BY_US + (f" This is known of me and of the matter:{given}" if given else "")


def read_agent(name: str, text: str, file: str, content: Mapping[str, str], time_zone: str) -> Agent:
    """An agent from its file's text and the content variables. Raises `ContentError`."""
    front, body, body_line = _split(text, file)
    page = read_page(front, file, first_line=2)
    settings = validated(FrontMatter, page)
    faults = [
        *_own_faults(settings, page),
        *_instruction_faults(body, body_line, file, content),
        *_call_facts_faults(settings.call_facts, page, content),
    ]
    if faults:
        raise ContentError(faults)
    instructions = fill(body, content).strip()
    if not instructions or len(instructions.encode()) > LONGEST_BYTES:
        problem = f"is {len(instructions.encode())} bytes long, once filled in" if instructions else "is empty"
        fix = (
            f"Keep it under {LONGEST_BYTES}" if instructions else "Write what the agent is to do under the front matter"
        )
        raise ContentError([Fault(file, body_line, "instructions", problem, fix)])
    opening = fill(settings.call_facts, content, only=lambda name: name not in CALL_VARIABLES)
    settings = settings.model_copy(update={"call_facts": opening})
    return Agent(name, settings, instructions, time_zone, page)


def _split(text: str, file: str) -> tuple[str, str, int]:
    """Front matter, instructions, and the line on which the instructions begin."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE:
        raise ContentError([Fault(file, 1, "", "has no front matter", f"Begin the file with a line `{FENCE}`")])
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() == FENCE:
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 2
    raise ContentError([Fault(file, 1, "", "the front matter does not end", f"Close it with a line `{FENCE}`")])


def _own_faults(settings: FrontMatter, page: Page) -> Iterator[Fault]:
    """What the front matter alone shows to be wrong: voices, and names within it."""
    if (wrong := mismatch(settings.voice, settings.language)) is not None:
        yield page.fault(("voice",) if voices_for(settings.language) else ("language",), *wrong)
    for language, voice in settings.languages.items():
        if language == settings.language:
            yield page.fault(("languages", language), "is the agent's first language already", "Remove it here")
        elif (wrong := mismatch(voice, language)) is not None:
            yield page.fault(("languages", language), *wrong)
    for path, problem, fix in unknown_names(settings.keypad, settings.collect):
        yield page.fault(path, problem, fix)
    for path, problem, fix in unfit_alone(settings.keypad, settings.without_model):
        yield page.fault(path, problem, fix)
    if (person := settings.without_model.person) and person not in settings.transfers:
        problem, fix = f"{person!r} is not among this agent's transfers", f"Add `- {person}` under `transfers:`"
        yield page.fault(("without_model", "person"), problem, fix)
    for path, problem, fix in settings.limits.unknown_targets(settings.transfers):
        yield page.fault(path, problem, fix)
    for path, choice in settings.keypad.choices():
        where = ("keypad", *path)
        if choice.language is not None and choice.language not in settings.voices:
            fix = "Write it under `languages:` with its voice"
            yield page.fault((*where, "language"), f"{choice.language!r} is not spoken by this agent", fix)
        if choice.transfer is not None and choice.transfer not in settings.transfers:
            problem = f"{choice.transfer!r} is not among this agent's transfers"
            yield page.fault((*where, "transfer"), problem, f"Add `- {choice.transfer}` under `transfers:`")


def _instruction_faults(body: str, first_line: int, file: str, content: Mapping[str, str]) -> list[Fault]:
    faults = []
    for hole in holes(body):
        problem = _problem(hole, set(content))
        if problem is None and hole.is_of_the_call:
            fix = "Move it to `call_facts:`: the instructions are sent before the call exists"
            problem = "is known only during a call", fix
        if problem is not None:
            faults.append(Fault(file, first_line + hole.line, f"{{{{ {hole.name} }}}}", *problem))
    return faults


def _call_facts_faults(template: str, page: Page, content: Mapping[str, str]) -> list[Fault]:
    known = set(content) | CALL_VARIABLES
    problems = [(hole, _problem(hole, known)) for hole in holes(template)]
    return [page.fault(("call_facts", hole.name), *problem) for hole, problem in problems if problem is not None]


def _problem(hole: Hole, known: set[str]) -> tuple[str, str] | None:
    if not hole.is_name:
        return "is not a name", "Between the braces stands a name such as `business.name` and nothing else"
    if hole.name in known or (hole.is_of_the_call and hole.name in CALL_VARIABLES):
        return None
    return "is not known", nearest(hole.name, known | (CALL_VARIABLES if hole.is_of_the_call else set()))
