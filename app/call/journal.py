"""A call's events as lines of JSON, and back: played again through a `Call`, they give the same commands.

A line is `{"at": machine ms, "is": event, ...fields}`. Audio stands as its length and a digest, by which a store of
recordings may find it. Words are masked: each word becomes another of the same length, the same one every time within
a call, so that whatever the machine decides by comparing words it decides again; digits become 0. The mask's salt stays
in memory, so nobody can look the words up.

Of the keys, `*`, `#` and those that chose something from a menu stand as they are: without them a call with menus could
not be played again. Every other digit stands as HIDDEN_KEY, whether it was asked for or not, because callers enter
numbers where nobody asked. A menu's keys tell nothing of them: once digits are asked for, no key is a choice.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from enum import StrEnum
from hashlib import blake2b
from math import isfinite
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

from app.call import events as e
from app.call.built_in import COLLECT_DIGITS, END_CALL, PEOPLE, TOLD, given
from app.call.commands import Command, Note
from app.call.disposition import end_reason
from app.call.keypad import ASKED, CHOSEN
from app.call.machine import Call

type Words = Callable[[str], str]
type FindAudio = Callable[[str, int], bytes]  # by digest and length

MOST_MS = 2**53
MOST_AUDIO = 10_000_000  # bytes of one event: twenty minutes

_WORD = re.compile(r"\w+")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_WORDS: Mapping[type, str] = {
    e.UserText: "text",
    e.ReplyText: "text",
    e.ToolCalled: "arguments",
    e.ToolAnswered: "result",
}
_EVENTS: Mapping[str, type] = {kind.__name__: kind for kind in e.EVENT_TYPES}
_HINTS: Mapping[str, dict[str, Any]] = {name: get_type_hints(kind) for name, kind in _EVENTS.items()}


class Mask:
    """Hides words and keeps their shape. `salt`: random bytes, made for one call and written nowhere."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def __call__(self, text: str) -> str:
        return _WORD.sub(lambda word: self._stand_in(word.group()), text)

    def _stand_in(self, word: str) -> str:
        if any(letter.isdigit() for letter in word):
            return "0" * len(word)
        seed = blake2b(word.casefold().encode(), key=self._salt[:64], digest_size=min(64, len(word))).digest()
        return "".join(_ALPHABET[seed[at % len(seed)] % 26] for at in range(len(word)))


def plain(text: str) -> str:
    """No mask: for tests, and for calls whose words belong to nobody."""
    return text


def write(event: e.Event, now_ms: int, words: Words, commands: Iterable[Command] = ()) -> str:
    """One line, without its end. `commands` are what the call answered: they tell which keys were choices, and which of
    the names a model gave is one of ours."""
    line: dict[str, Any] = {"at": now_ms, "is": type(event).__name__}
    hidden = _WORDS.get(type(event))
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, bytes):
            line[field.name] = {"bytes": len(value), "digest": digest(value)}
        elif isinstance(value, e.Known):
            line[field.name] = asdict(value)
        else:
            line[field.name] = words(value) if field.name == hidden else value
    if isinstance(event, e.ToolCalled) and event.name == END_CALL:
        line["arguments"] = json.dumps({"reason": end_reason(event.arguments)})  # one of a few known words
    if isinstance(event, e.ToolCalled) and event.name in PEOPLE:
        line["arguments"] = json.dumps(_told(given(event.arguments), words))
    noted = {command.what: command.detail for command in commands if isinstance(command, Note)}
    if isinstance(event, e.ToolCalled) and event.name == COLLECT_DIGITS and ASKED in noted:
        line["arguments"] = json.dumps({"what": noted[ASKED]})
    if isinstance(event, e.KeyPressed) and event.key.isdigit() and words is not plain and CHOSEN not in noted:
        line["key"] = e.HIDDEN_KEY
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False)


def _told(arguments: Mapping[str, Any], words: Words) -> dict[str, str]:
    """What a built-in tool was given for a person: a target by its name, all else masked."""
    target = arguments.get("target")
    named = {"target": target} if isinstance(target, str) and _NAME.fullmatch(target) else {}
    return named | {key: words(text) for key in TOLD if isinstance(text := arguments.get(key), str)}


def read(line: str, find_audio: FindAudio) -> tuple[int, e.Event]:
    """When, and what. Raises ValueError for a line that is not of a journal."""
    try:
        document = json.loads(line)
        name, at = document.pop("is"), document.pop("at")
        hints = _HINTS[name]
        event = _EVENTS[name](**{field: _value(hints[field], given, find_audio) for field, given in document.items()})
    except (KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise ValueError(f"not a line of a journal: {type(wrong).__name__}") from None
    if type(at) is not int or abs(at) > MOST_MS:
        raise ValueError("not a line of a journal: its time is none")
    return at, event


def replay(
    call: Call, lines: Iterable[str], find_audio: FindAudio | None = None
) -> Iterator[tuple[int, e.Event, list[Command]]]:
    """Play a journal through a call that stands where the journal begins (fresh, or resumed)."""
    for line in lines:
        at, event = read(line, find_audio or no_audio)
        yield at, event, call.handle(event, at)


def no_audio(digest: str, size: int) -> bytes:
    """Where recordings are not kept: nothing, of the right length."""
    return bytes(size)


def digest(audio: bytes) -> str:
    return blake2b(audio, digest_size=8).hexdigest()


def _value(hint: Any, given: Any, find_audio: FindAudio) -> Any:
    if hint is bytes:
        if type(given["bytes"]) is not int or not 0 <= given["bytes"] <= MOST_AUDIO:
            raise ValueError("not a line of a journal: nobody speaks that long at once")
        return find_audio(str(given["digest"]), given["bytes"])
    if hint == e.Known | None:
        return None if given is None else _known(given)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(given)
    return _plain_value(hint, given)


def _known(given: Mapping[str, Any]) -> e.Known:
    hints = get_type_hints(e.Known)
    return e.Known(**{name: _plain_value(hints[name], value) for name, value in given.items()})


def _plain_value(hint: Any, given: Any) -> Any:
    """`given`, if it is what the event holds there: a text, a number, a yes or no, or one of several of these."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    for kind in kinds:
        if kind is float and type(given) is int:
            return given
        if type(given) is kind and not (kind is float and not isfinite(given)):
            if kind is int and abs(given) > MOST_MS:
                break
            return given
    if any(kind not in (str, int, float, bool, NoneType) for kind in kinds):
        return given
    raise ValueError("not a line of a journal: a field is not what it should be")
