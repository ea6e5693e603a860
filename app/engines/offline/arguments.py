"""A tool's arguments found in what the caller said, by its JSON Schema alone; and questions for what is missing."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from app.engines.offline.digits import with_figures
from app.engines.offline.words import DAYS, listed, stem, terms, words_of

IDENTIFIER = re.compile(r"\b(?:number|id|code|digits?|pin|phone|reference|zip|postcode|account)\b")
WHEN = re.compile(r"\b(?:date|day|when)\b")
DAY_WORDS = (*DAYS, "today", "tomorrow", "tonight")
LEAD_IN = re.compile(
    r"^(?:(?:um|uh|er|yes|yeah|well|please|sure|okay|ok|hello|hi)\b[ ,]*)*"
    r"(?:(?:i am|i'm|im|we are) (?:looking|searching) for |(?:it is|it's|its|that is|that's|this is|they are) |"
    r"my name is |the (?:name|title|topic|subject|author) is |i (?:want|need|would like|mean) |(?:i am|i'm) )?"
    r"(?:(?:called|named|titled|entitled|about|by|for|on|of|with|is|the one) )*"
)
VERBS = listed("find look up get check search fetch list show lookup query read make create set change cancel")
BARE = listed("number id code name title reference query value text topic")  # say little alone
NOUN_ENDS = re.compile(r"\s+(?:as|of|the|in|for|to|that|which|from|by|with|such|or|where|e\.g)\b|[,.;:(]")
YOURS = re.compile(r"\b(?:number|name|phone|email|e-mail|address|id|code|pin|reference|birthday)\b")
YES = listed("yes yeah yep sure please correct right ok okay")
NO = listed("no nope not never")


class Tool(Protocol):
    """A tool as a client offers it; `schema` is a JSON Schema of an object."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def schema(self) -> Mapping[str, Any]: ...


def properties(tool: Tool) -> Mapping[str, Mapping[str, Any]]:
    found = tool.schema.get("properties", {})
    return {name: spec for name, spec in found.items() if isinstance(spec, Mapping)}


def required(tool: Tool) -> list[str]:
    names = tool.schema.get("required", ())
    return [name for name in names if name in properties(tool)]


def find_arguments(tool: Tool, said: str, sought: str | None = None) -> dict[str, Any]:
    """Arguments of `tool` found in `said` (numbers as figures). `sought` is the one the caller was just asked for: the
    whole utterance may be its value. Other free text is found only where it is all that the tool requires."""
    numbers = re.findall(r"\b\d+\b", said)
    found: dict[str, Any] = {}
    for name, spec in properties(tool).items():
        value = _value(tool, name, spec, said, numbers, asked=name == sought)
        if value is not None:
            found[name] = value
    return found


def _value(tool: Tool, name: str, spec: Mapping[str, Any], said: str, numbers: list[str], asked: bool) -> Any:
    if "enum" in spec:
        return chosen(spec, said)
    kind, hint = spec.get("type", "string"), f"{name.replace('_', ' ')} {spec.get('description', '')}".lower()
    if kind in {"integer", "number"}:
        return int(numbers.pop(0)) if numbers else None
    if kind == "boolean":
        return _yes_or_no(said) if asked else None
    if kind != "string":
        return None
    if "pattern" in spec:
        return _matching(str(spec["pattern"]), said, numbers)
    if IDENTIFIER.search(hint):
        return numbers.pop(0) if numbers else None
    if WHEN.search(hint):
        return next((word for word in words_of(said) if word in DAY_WORDS), None)
    if asked:
        return LEAD_IN.sub("", said).strip() or None
    return _after_the_subject(tool, said) if required(tool) == [name] else None


def chosen(spec: Mapping[str, Any], said: str) -> Any:
    """The choice whose name is said, else the one whose meaning most is said of; None where none is, or two alike."""
    spoken = {stem(word) for word in words_of(with_figures(said))}
    for value in spec["enum"]:
        wanted = {stem(word) for word in words_of(with_figures(str(value).lower().replace("_", " ")))}
        if wanted and wanted <= spoken:
            return value
    about = terms(said)
    fits = sorted(((len(about & meaning), value) for value, meaning in meanings(spec).items()), key=lambda fit: -fit[0])
    if not fits or not fits[0][0] or (len(fits) > 1 and fits[0][0] == fits[1][0]):
        return None
    return fits[0][1]


def meanings(spec: Mapping[str, Any]) -> dict[Any, frozenset[str]]:
    """What each choice is about, where the description explains them: "... a: first meaning; b: the second"."""
    described = str(spec.get("description", ""))
    found = {}
    for value in spec["enum"]:
        if explained := re.search(rf"(?:^|[\s;.]){re.escape(str(value))}: ([^;]+)", described):
            found[value] = terms(explained[1])
    return found


def _yes_or_no(said: str) -> bool | None:
    spoken = set(words_of(said))
    return False if spoken & NO else True if spoken & YES else None


def _matching(pattern: str, said: str, numbers: list[str]) -> str | None:
    try:
        wanted = re.compile(pattern)
    except re.error:
        return None
    for candidate in (*numbers, "".join(numbers), *words_of(said)):
        if candidate and wanted.fullmatch(candidate):
            numbers[:] = [number for number in numbers if number != candidate]
            return candidate
    return None


def _after_the_subject(tool: Tool, said: str) -> str | None:
    """What follows the last word that the tool itself speaks of: "do you have the book | about gardens"."""
    about = subject_terms(tool)
    words = said.split()
    last = max((at for at, word in enumerate(words) if terms(word) & about), default=None)
    if last is None:
        return None
    return LEAD_IN.sub("", " ".join(words[last + 1 :])).strip() or None


def subject_terms(tool: Tool) -> frozenset[str]:
    """What the tool's own names are about."""
    return terms(" ".join([tool.name, *properties(tool)]).replace("_", " "))


def all_terms(tool: Tool) -> frozenset[str]:
    """The names and every description."""
    described = [str(spec.get("description", "")) for spec in properties(tool).values()]
    choices = [str(choice) for spec in properties(tool).values() for choice in spec.get("enum", ())]
    return subject_terms(tool) | terms(" ".join([tool.description, *described, *choices]).replace("_", " "))


def question_for(tool: Tool, missing: str) -> str:
    """A question for the argument `missing`, from its description if that names it, else from its name."""
    spec = properties(tool)[missing]
    described = str(spec.get("description", "")).strip()
    if asked := re.search(r"[^.!?]+\?", described):
        return asked[0].strip()
    noun = _noun(tool, missing, described)
    if "enum" in spec:
        *firsts, last = [str(value).replace("_", " ") for value in spec["enum"]]
        return f"Which {noun}: {', '.join(firsts)} or {last}?" if firsts else f"Is it {last}?"
    if spec.get("type") == "boolean":
        return f"{noun[0].upper()}{noun[1:]}: yes or no?"
    return f"What is {'your' if YOURS.search(noun) else 'the'} {noun}?"


def _noun(tool: Tool, missing: str, described: str) -> str:
    first = NOUN_ENDS.split(
        re.sub(r"^(?:the|an?|your|how many|how much|which|what)\s+", "", described, flags=re.IGNORECASE), maxsplit=1
    )[0]
    first = re.sub(r"\b(?:customer|caller|user)(?:'s|s)?\s+", "", first, flags=re.IGNORECASE).strip()
    if first and len(first.split()) <= 3 and first.lower() not in BARE:
        return first[0].lower() + first[1:]
    name = missing.replace("_", " ")
    things = [word for word in tool.name.lower().split("_") if word not in VERBS]
    return f"{things[-1]} {name}" if name in BARE and things and things[-1] != name else name
