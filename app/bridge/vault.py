"""Where a call's secrets are: what the caller enters on the keypad while the line is guarded.

The machine and the model see a token for each. A tool that is given the token gets the digits in its place, and what it
answers is masked on the way back. Memory only: nothing here is written, printed or kept past the call's end.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from app.call.events import HIDDEN_KEY

_DIGITS = frozenset("0123456789")
_TOKEN = re.compile(r"secret_\S+_\d+")
_BETWEEN = r"[\s.\-]*"  # as people and programs group digits
_DEEPEST = 4  # JSON text within JSON text


class SecretGone(Exception):
    """A token stands for nothing here: it was made up, or its digits were lost with another process."""


class Vault:
    """One call's. `guarded`: the caller must not be heard, nor their keys be told."""

    def __init__(self) -> None:
        self.guarded = False
        self._entered = ""
        self._secrets: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Vault of {len(self._secrets)}>"

    # --- what the caller enters -----------------------------------------------------------------------------------

    def guard(self, on: bool) -> None:
        self.guarded = on
        self._entered = ""

    def take(self, key: str) -> str:
        """Keep a key where it must be kept. What may be told of it."""
        if not self.guarded or key not in _DIGITS:
            return key
        self._entered += key
        return HIDDEN_KEY

    def seal(self, token: str) -> None:
        self._secrets[token], self._entered = self._entered, ""

    def drop(self) -> None:
        self._entered = ""

    def empty(self) -> None:
        self.guard(False)
        self._secrets.clear()

    # --- what tools are given, and give ---------------------------------------------------------------------------

    def reveal(self, arguments: str) -> str:
        """A tool's arguments (JSON text of a model) with digits where whole values are tokens. Raises `SecretGone`."""
        return self._changed(arguments, self._digits_of, 0) if "secret_" in arguments else arguments

    def mask(self, result: str) -> str:
        """A tool's result (JSON text) with tokens where digits of a secret stand, however they are grouped."""
        return self._changed(result, self._without_digits, 0) if self._secrets else result

    def _digits_of(self, value: str) -> str:
        token = value.strip()
        if token in self._secrets:
            return self._secrets[token]
        if _TOKEN.fullmatch(token):
            raise SecretGone
        return value

    def _without_digits(self, value: str) -> str:
        for token, digits in self._secrets.items():
            value = re.sub(_BETWEEN.join(digits), token, value)
        return value

    def _changed(self, text: str, change: Callable[[str], str], depth: int) -> str:
        """JSON text with every string in it changed, or other text changed as a whole."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return change(text)
        if not isinstance(document, dict | list | str) or depth > _DEEPEST:
            return change(text)
        changed = self._walk(document, change, depth)
        return text if changed == document else json.dumps(changed, ensure_ascii=False)

    def _walk(self, value: Any, change: Callable[[str], str], depth: int) -> Any:
        match value:
            case str():
                return self._changed(value, change, depth + 1)
            case Mapping():
                return {change(name): self._walk(inner, change, depth) for name, inner in value.items()}
            case list():
                return [self._walk(inner, change, depth) for inner in value]
            case int() | float() if not isinstance(value, bool):
                masked = change(json.dumps(value))
                return value if masked == json.dumps(value) else masked
            case _:
                return value
