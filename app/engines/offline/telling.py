"""A tool's answer, told in sentences made of its own words and values."""

import re
from collections.abc import Mapping, Sequence

from app.engines.offline.facts import sentences_of

MESSAGES = ("say", "message", "speech", "summary", "answer", "text")
NOTHING = "I could not find anything."
MOST = 6


def tell(result: object) -> tuple[str, ...]:
    """At most six sentences that say what `result` (decoded JSON) holds; never none."""
    return tuple(_tell(result)[:MOST]) or (NOTHING,)


def message_in(result: object) -> str | None:
    """The sentence that a tool itself wants to be spoken, if it gives one."""
    if isinstance(result, str):
        return result.strip() or None
    if isinstance(result, Mapping):
        for name in MESSAGES:
            if isinstance(text := result.get(name), str) and text.strip():
                return text.strip()
    return None


def _tell(result: object) -> list[str]:
    if message := message_in(result):
        return sentences_of(message)
    if isinstance(result, Mapping):
        return _tell_fields(result)
    if isinstance(result, Sequence) and not isinstance(result, str | bytes):
        return [sentence for item in result for sentence in _tell(item)]
    return [] if result is None else [f"It is {_spoken(result)}."]


def _tell_fields(fields: Mapping[str, object]) -> list[str]:
    if "error" in fields:
        return ["I am sorry, that did not work."]
    if fields.get("found") is False:
        return [NOTHING]
    out: list[str] = []
    for name, value in fields.items():
        if name == "found" or value is None or value == "":
            continue
        out += _tell_field(_name(name), value)
    return out


def _tell_field(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"{name[0].upper()}{name[1:]}: {'yes' if value else 'no'}."]
    if isinstance(value, Mapping):
        return _tell_fields({f"{name} {inner}": item for inner, item in value.items()})
    if isinstance(value, Sequence) and not isinstance(value, str):
        if any(isinstance(item, Mapping) for item in value):
            return [sentence for item in value for sentence in _tell(item)]
        return [f"The {name} {'is' if len(value) == 1 else 'are'} {_listed(value)}."] if value else []
    text = _spoken(value)
    return sentences_of(text) if text[-1:] in ".!?" and " " in text else [f"The {name} is {text}."]


def _name(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").lower()


def _spoken(value: object) -> str:
    return str(value).replace("_", " ")


def _listed(values: Sequence[object]) -> str:
    *firsts, last = [_spoken(value) for value in values]
    return f"{', '.join(firsts)} and {last}" if firsts else last
