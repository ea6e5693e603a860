"""The tools that the call itself carries out, by name, and how it reads what the model gives them.

A model's arguments may be anything: JSON text within JSON, words where a choice was asked for, nothing at all.
"""

import json
from typing import Any

END_CALL = "end_call"
TRANSFER = "transfer_call"
TAKE_MESSAGE = "take_message"
CALL_BACK = "request_call_back"
COLLECT_DIGITS = "collect_digits"
SWITCH_LANGUAGE = "switch_language"

PEOPLE = frozenset({TRANSFER, TAKE_MESSAGE, CALL_BACK})  # what they are given is told to staff
TOLD = ("summary", "reason", "tried", "promised", "about", "when")

NOT_OFFERED = json.dumps({"error": "not_offered", "advice": "This is not possible on this line. Say so and go on."})


def given(arguments: str) -> dict[str, Any]:
    """The arguments as a mapping; {} where they are none."""
    try:
        found = json.loads(arguments)
        found = json.loads(found) if isinstance(found, str) else found
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def words(value: Any, most: int = 300) -> str:
    """What the model wrote into a free field, as one line of bounded length."""
    return " ".join(str(value).split())[:most] if isinstance(value, str | int | float) else ""
