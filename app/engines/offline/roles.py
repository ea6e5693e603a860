"""Which of the tools offered have a part in any telephone call, known by what they say of themselves.

To end the call, to give the caller to a person, to take a message, to note a call-back, to have digits entered, to go
on in another language: a caller may wish for these in words that no business needs to teach. All others are ordinary.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.engines.offline.arguments import Tool, chosen, properties, required, subject_terms
from app.engines.offline.words import terms

ENDS = r"\bend[ _]?(?:the )?call\b|\bhang[ _]?up\b|\bgoodbye\b"
TAKES_MESSAGE = r"\b(?:take|leave|record)\b[^.]*\bmessage\b"
CALLS_BACK = r"\bcall(?:ed)?[ -]?back\b"
KEYS = r"\bkeypad\b|\bkey in\b"
SPEAKS = r"\banother language\b|\bswitch (?:the )?language\b"
HANDS_OVER = r"transfer|\bhuman\b|\bperson\b|colleague|representative|operator|live agent"


@dataclass(frozen=True, slots=True)
class Roles:
    ending: Tool | None = None
    message: Tool | None = None
    call_back: Tool | None = None
    keypad: Tool | None = None
    tongue: Tool | None = None
    person: Tool | None = None
    ordinary: tuple[Tool, ...] = ()


def roles_of(tools: Sequence[Tool]) -> Roles:
    """Each tool has one part at the most: the first of these that its name or description speaks of."""
    left = list(tools)

    def first(pattern: str) -> Tool | None:
        found = next((tool for tool in left if re.search(pattern, title(tool), re.IGNORECASE)), None)
        if found is not None:
            left.remove(found)
        return found

    return Roles(
        ending=first(ENDS),
        message=first(TAKES_MESSAGE),
        call_back=first(CALLS_BACK),
        keypad=first(KEYS),
        tongue=first(SPEAKS),
        person=first(HANDS_OVER),
        ordinary=tuple(left),
    )


def title(tool: Tool) -> str:
    return f"{tool.name.replace('_', ' ')}: {tool.description}"


def choice_of(tool: Tool | None, said: str) -> tuple[str, str] | None:
    """The argument of `tool` that is a choice, and what `said` chooses; None where it chooses nothing."""
    for name in required(tool) if tool is not None else ():
        spec = properties(tool)[name] if tool is not None else {}
        if "enum" in spec and (value := chosen(spec, said)) is not None:
            return name, str(value)
    return None


def digits_for(keypad: Tool | None, tool: Tool, missing: str) -> tuple[str, str] | None:
    """How the keypad is asked for an argument of another tool: the choice that speaks of nothing but that."""
    about = subject_terms(tool) | terms(missing.replace("_", " "))
    for name in required(keypad) if keypad is not None else ():
        for value in properties(keypad)[name].get("enum", ()) if keypad is not None else ():
            asked = terms(str(value).replace("_", " "))
            if asked and asked <= about:
                return name, str(value)
    return None
