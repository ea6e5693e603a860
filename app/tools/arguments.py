"""What a speech model sends for arguments, brought nearer to what was declared. Pure.

Models rewrite what they heard: numbers come as words or as text, JSON within JSON, choices in another case, names in
another style, null for what is not known, and things nobody asked for. All that has one honest reading is taken; what
has none is left as it came, for the tool's own check to refuse.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from app.tools.contract import BadArguments
from app.tools.spoken import digits_in, number_in

YES = {"yes", "true", "y", "1", "yeah", "sure", "correct", "on", "si", "sí"}
NO = {"no", "false", "n", "0", "nope", "off"}
NOTHING = {"", "null", "none", "undefined", "n/a", "unknown"}
WRAPPERS = {"arguments", "parameters", "input", "args", "properties"}
LONGEST = 20_000  # of the text the model sends


def read_arguments(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The model's text as a mapping that fits `schema` (flat, one object) as nearly as it honestly can.

    Raises `BadArguments` where it is no JSON object at all.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    sent = _unwrapped(_object_in(text), properties)
    names = {_plain(name): name for name in properties}
    given: dict[str, Any] = {}
    for key, value in sent.items():
        name = key if key in properties else names.get(_plain(key), "")
        if not name or value is None or (name in given and key != name):
            continue
        mended = _mended(value, properties[name])
        if mended is not None:
            given[name] = mended
    return given


def _object_in(text: str) -> dict[str, Any]:
    if len(text) > LONGEST:
        raise BadArguments("The arguments are too long. Call the tool again with short ones.")
    value: Any = text.strip() or "{}"
    for _ in range(3):  # JSON within JSON within JSON is as deep as it was ever seen
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadArguments("The arguments are not JSON. Call the tool again with a JSON object.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadArguments("The arguments are not a JSON object. Call the tool again with one.")
    return value


def _unwrapped(sent: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """`{"arguments": {...}}` -> what it holds."""
    if len(sent) != 1:
        return sent
    (key,) = sent
    if key in properties or key not in WRAPPERS:
        return sent
    inner = sent[key]
    if isinstance(inner, str):
        try:
            inner = json.loads(inner)
        except (ValueError, RecursionError):
            return sent
    return inner if isinstance(inner, dict) else sent


def _plain(name: str) -> str:
    """`orderNumber`, `Order Number` and `order_number` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _mended(value: Any, part: Mapping[str, Any]) -> Any:
    """`None` for what says nothing."""
    if "enum" in part:
        return _chosen(value, part["enum"])
    match part.get("type"):
        case "integer" | "number":
            return _number(value, whole=part["type"] == "integer")
        case "boolean":
            return _truth(value)
        case "array":
            return _list(value, part.get("items", {}))
        case "string":
            return _text(value, part)
        case _:
            return value


def _chosen(value: Any, choices: list[Any]) -> Any:
    if value in choices:
        return value
    wanted = _plain(str(value))
    alike = [choice for choice in choices if _plain(str(choice)) == wanted]
    if len(alike) == 1:
        return alike[0]
    return None if isinstance(value, str) and value.strip().lower() in NOTHING else value


def _number(value: Any, whole: bool) -> Any:
    if isinstance(value, str):
        if value.strip().lower() in NOTHING:
            return None
        found = number_in(value)
        if found is None:
            return value
        value = found
    if isinstance(value, float) and value.is_integer() and (whole or not isinstance(value, bool)):
        return int(value)
    return value


def _truth(value: Any) -> Any:
    word = str(value).strip().lower()
    if word in NOTHING:
        return None
    return True if word in YES else False if word in NO else value


def _list(value: Any, items: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in NOTHING:
            return None
        try:
            value = json.loads(text) if text.startswith("[") else [text]
        except (ValueError, RecursionError):
            value = [text]
    if not isinstance(value, list):
        value = [value]
    return [mended for item in value if (mended := _mended(item, items)) is not None]


def _text(value: Any, part: Mapping[str, Any]) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        value = " ".join(map(str, value))
    if isinstance(value, int | float):
        value = f"{value:.0f}" if float(value).is_integer() else str(value)
    pattern = part.get("pattern")
    if isinstance(value, str) and pattern and not re.search(pattern, value.strip()):
        digits = digits_in(value)
        if digits and re.search(pattern, digits):
            return digits
    return value.strip() if isinstance(value, str) else value
