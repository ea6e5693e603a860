"""Tools the house itself offers. The call machine carries them out; only their declarations are here.

Each is declared only to an agent that has a use for it, with its choices as an enumeration: a model picks better from
a list, and what is not on the list cannot be asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.call import built_in
from app.call.disposition import END_REASONS, Disposition
from app.tools.contract import Declaration

NAMES = frozenset(
    {
        built_in.END_CALL,
        built_in.TRANSFER,
        built_in.TAKE_MESSAGE,
        built_in.CALL_BACK,
        built_in.COLLECT_DIGITS,
        built_in.SWITCH_LANGUAGE,
    }
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an agent may do besides its tools: each a name and, for the model, when to choose it."""

    targets: Mapping[str, str] = field(default_factory=dict)
    collections: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    messages: bool = False
    places_calls: bool = False


def house_tools(offer: Offer) -> list[Declaration]:
    found = [_end(offer.places_calls)]
    if offer.targets:
        found.append(_transfer(offer.targets))
    if offer.messages:
        found += [TAKE_MESSAGE, CALL_BACK]
    if offer.collections:
        found.append(_collect(offer.collections))
    if len(offer.languages) > 1:
        found.append(_switch(offer.languages))
    return found


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _choice(names: Mapping[str, str], description: str) -> dict[str, Any]:
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in names.items() if meaning)
    return {
        "type": "string",
        "enum": list(names),
        "description": f"{description}. {meanings}" if meanings else description,
    }


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": required}


def _end(places_calls: bool) -> Declaration:
    """Only whom we have called can ask not to be called again."""
    reasons = {reason: "" for reason, end in END_REASONS.items() if places_calls or end is not Disposition.DO_NOT_CALL}
    if places_calls:
        reasons["do_not_call"] = "whom you have called asks never to be called again"
    return Declaration(
        name=built_in.END_CALL,
        description=(
            "End the telephone call. Use it when the caller says goodbye or wants nothing more. "
            "A recorded goodbye is played to the caller, so say none yourself."
        ),
        schema={"type": "object", "properties": {"reason": _choice(reasons, "why the call ends")}},
    )


def _transfer(targets: Mapping[str, str]) -> Declaration:
    return Declaration(
        name=built_in.TRANSFER,
        description=(
            "Give the caller to a person, when they ask for one or you cannot help. "
            "A recorded line tells the caller, so say nothing of it yourself."
        ),
        schema=_object(
            {
                "target": _choice(targets, "whom to give the caller to"),
                "summary": _text("who calls, what they want, what was tried and promised, in one or two sentences"),
            },
            ["target"],
        ),
    )


def _collect(collections: Mapping[str, str]) -> Declaration:
    return Declaration(
        name=built_in.COLLECT_DIGITS,
        description=(
            "Let the caller enter digits on the telephone's keypad. A recorded line asks for them, so say nothing "
            "yourself. The result holds the digits, or a token that stands for secret ones: give it to tools as it is."
        ),
        schema=_object({"what": _choice(collections, "which digits")}, ["what"]),
    )


def _switch(languages: Mapping[str, str]) -> Declaration:
    return Declaration(
        name=built_in.SWITCH_LANGUAGE,
        description="Go on in another language, when the caller speaks it or asks for it. Say nothing of it yourself.",
        schema=_object({"language": _choice(languages, "the language to go on in")}, ["language"]),
    )


TAKE_MESSAGE = Declaration(
    name=built_in.TAKE_MESSAGE,
    description=(
        "Let the caller leave a spoken message for the staff, when nobody can be reached and the caller wants to. "
        "A recorded line asks them to speak after the tone, so say nothing of it yourself."
    ),
    schema=_object({"about": _text("what the message will be about, in a few words")}, []),
)

CALL_BACK = Declaration(
    name=built_in.CALL_BACK,
    description="Note that the caller wants to be called back. The number they call from is noted by itself.",
    schema=_object(
        {"about": _text("what it is about"), "when": _text("when it suits the caller, in their words")}, ["about"]
    ),
)
