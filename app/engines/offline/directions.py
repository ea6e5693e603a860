"""Stage directions that a house writes to its model, turned into what a person in that place would say.

They come as live text in brackets ("Offer to take a message or to note a call-back.") or as the advice in a tool's
answer. An order is carried out in words of ours, a fact beside it is said as it stands, and what is between the house
and the model ("Say nothing.") is not for the caller. Pure; nothing here knows any house.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from app.engines.offline.facts import sentences_of

HELP = "How can I help you?"
ANYTHING_ELSE = "Is there anything else I can do for you?"
SILENT = re.compile(r"\b(?:say|do) nothing\b|\bsay none\b", re.IGNORECASE)
FORBIDS = re.compile(r"^(?:never|do not|don't)\b", re.IGNORECASE)
DIRECTED = re.compile(r"^\s*[(\[].*[)\]]\s*$", re.DOTALL)
ENTERED = re.compile(r"\benter (\w+) .*?(\{.*\})", re.DOTALL)
ANSWERED = re.compile(r"\b(\w+) has answered now: (.*)", re.DOTALL)

# Order of a sentence -> what is said; the first that fits. A group is taken over.
SPOKEN: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(order, re.IGNORECASE), said)
    for order, said in (
        (r"\bsay it to (?:them|the caller): (.+)", "{0}"),
        (r"\btell (?:the caller|them) that (.+)", "{0}"),
        (r"\boffer (?:your help|to help)\b|\b(?:ask|say) .*\b(?:how|what) you can (?:help|do)\b", HELP),
        (r"\boffer to (.+)", "Shall I {0}?"),
        (r"\bask .*\bwhether there is anything else\b", ANYTHING_ELSE),
        (r"\bask .*\bwhether they are still there\b", "Are you still there?"),
        (r"\bask whether they would rather (.+)", "Would you rather {0}?"),
        (r"\bask whether they (.+)", "Do you {0}?"),
        (r"\bask what they would (.+)", "What would you {0}?"),
        (r"\bask (?:the caller|them) to ([^,]+)", "Please {0}."),
        (r"\bsay goodbye\b", "Thank you for calling. Goodbye."),
        (r"\bgo on from there\b", ANYTHING_ELSE),
        (r"\bstart it again\b", "I have no answer to that yet. Please ask me again."),
    )
)
TO_US = re.compile(
    r"^(?:say|do|ask|offer|tell|give|go|wait|never|call|start|if|they|them|a recorded|the (?:tool|line|call)|what came|"
    r"there are no such)\b|\bthey\b|\bthe caller\b",
    re.IGNORECASE,
)


def spoken(direction: str) -> tuple[str, ...]:
    """What to say to the caller; nothing where nothing is to be said."""
    if SILENT.search(direction):
        return ()
    said: list[str] = []
    for sentence in sentences_of(direction.strip(" ()[]\n")):
        said += _spoken(sentence)
    return tuple(dict.fromkeys(said))


def _spoken(sentence: str) -> list[str]:
    if FORBIDS.match(sentence):
        return []
    for order, words in SPOKEN:
        if found := order.search(sentence):
            text = words.format(*(group.strip().rstrip(".") for group in found.groups()))
            text = re.sub(r"\b(or|and) to (?=\w)", r"\1 ", text) if words.startswith("Shall I") else text
            return [_written(text)]
    return [] if TO_US.search(sentence) else [_written(sentence)]


def advice_in(result: object) -> tuple[str, ...] | None:
    """What a tool's answer wants said by its `advice`, or by a `status` that asks for silence; None without those."""
    if not isinstance(result, Mapping):
        return None
    if isinstance(advice := result.get("advice"), str):
        return spoken(advice)
    if isinstance(status := result.get("status"), str) and SILENT.search(status):
        return ()
    return None


def entered_in(text: str) -> tuple[str, Any] | None:
    """What digits a text says were asked for, and what came of it."""
    found = ENTERED.search(text)
    return (found[1], _decoded(found[2])) if found else None


def late_in(text: str) -> tuple[str, Any] | None:
    """The tool that a text says has answered after all, and its answer."""
    found = ANSWERED.search(text.strip(" ()[]\n"))
    return (found[1], _decoded(found[2])) if found else None


def _decoded(text: str) -> Any:
    try:
        return json.loads(text.strip().removesuffix(")"))
    except ValueError:
        return text


def _written(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text[-1:] in '.!?' else '.'}"
