"""What a tool gave back, as the one JSON document the model reads. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_jsonable_python


class TooLong(Exception):
    """More than can be said on the telephone, or kept in a history."""


def document(result: Any, most_bytes: int) -> str:
    """A JSON object. Raises `TooLong`, or `PydanticSerializationError` for what has no JSON form."""
    if _at_least(result, most_bytes) > most_bytes:
        raise TooLong
    plain = to_jsonable_python(result)
    try:
        text = json.dumps(plain if isinstance(plain, Mapping) else {"result": plain}, ensure_ascii=False)
        size = len(text.encode())
    except UnicodeEncodeError:  # half a character: lawful in JSON, in no encoding
        text = json.dumps(plain if isinstance(plain, Mapping) else {"result": plain})
        size = len(text)
    if size > most_bytes:
        raise TooLong
    return text


def error(kind: str, advice: str) -> str:
    """What went wrong, and what the model is to do about it. Never a word of an exception."""
    return json.dumps({"error": kind, "advice": advice}, ensure_ascii=False)


def _at_least(value: Any, enough: int) -> int:
    """A lower bound of its length as JSON, found without making any: a megabyte must not hold up every call."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, Mapping):
        value = [part for pair in value.items() for part in pair] if len(value) <= enough else range(enough + 1)
    if not isinstance(value, list | tuple | range):
        return 1
    if len(value) > enough:
        return len(value)
    total = 0
    for part in value:
        total += _at_least(part, enough - total)
        if total > enough:
            break
    return total
