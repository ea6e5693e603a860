"""Deeds and their keys: what has side effects is done once, however often it is asked for. Pure.

A model asks again when its session was lost, when an answer came late, or because it forgot. The same tool with the
same arguments in the same call is the same deed and gets the same key; once it is done, whoever asks again is given
the first answer. Another deed of the same file in between ends that: to book, cancel and book again are three deeds.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEEDS = 64  # remembered of one call
CALLS = 4_000


@dataclass(frozen=True, slots=True)
class Deed:
    """`source` is the file whose deeds can undo one another; `name` a hash, for arguments are the caller's own."""

    call_sid: str
    source: str
    name: str
    key: str


@dataclass(slots=True)
class _Done:
    result: str
    nth: int  # of its source


@dataclass(slots=True)
class _OfCall:
    keys: dict[tuple[str, str], str] = field(default_factory=dict)  # source and name -> key
    running: set[str] = field(default_factory=set)
    done: dict[str, _Done] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)  # source -> how many of it were done


class Deeds:
    def __init__(self) -> None:
        self._calls: dict[str, _OfCall] = {}

    def deed(self, call_sid: str, source: str, tool: str, given: Mapping[str, Any]) -> Deed:
        call = self._calls.get(call_sid) or _OfCall()
        name = _hash(json.dumps([tool, given], sort_keys=True, default=str))
        count = call.count.get(source, 0)
        key = call.keys.get((source, name), "")
        done = call.done.get(key)
        if not key or (done is not None and done.nth != count):
            key = _hash(f"{call_sid} {source} {name} {count}")
        return Deed(call_sid, source, name, key)

    def result(self, deed: Deed) -> str | None:
        """What came of it, where it was done."""
        done = self._of(deed).done.get(deed.key)
        return None if done is None else done.result

    def running(self, deed: Deed) -> bool:
        return deed.key in self._of(deed).running

    def begin(self, deed: Deed) -> None:
        call = self._calls.setdefault(deed.call_sid, _OfCall())
        call.running.add(deed.key)
        call.keys[(deed.source, deed.name)] = deed.key
        _bounded(call.keys, DEEDS)
        _bounded(self._calls, CALLS)

    def done(self, deed: Deed, result: str) -> None:
        call = self._of(deed)
        call.running.discard(deed.key)
        nth = call.count[deed.source] = call.count.get(deed.source, 0) + 1
        call.done[deed.key] = _Done(result, nth)
        _bounded(call.done, DEEDS)

    def not_done(self, deed: Deed) -> None:
        """As far as we know. It may be tried again with the same key: what acts behind the tool may know better."""
        self._of(deed).running.discard(deed.key)

    def forget(self, call_sid: str) -> None:
        """The call is over."""
        self._calls.pop(call_sid, None)

    def _of(self, deed: Deed) -> _OfCall:
        """Of a call that is over there is nothing to know."""
        return self._calls.get(deed.call_sid) or _OfCall()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _bounded(found: dict[Any, Any], most: int) -> None:
    """Drop what was put in first."""
    while len(found) > most:
        found.pop(next(iter(found)))
