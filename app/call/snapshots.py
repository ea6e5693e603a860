"""A call as a JSON document: all that another process needs to go on from its last turn.

Machine time means nothing outside its process, so a snapshot holds wall-clock time (`wall_ms`, made of the call's start
and how long it has lasted) and lengths. It holds callers' words and numbers: it is state, not a record, and lives under
a time limit.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from app.call.digest import Fact
from app.call.disposition import Disposition
from app.call.history import Line, Role
from app.call.onward import Onward
from app.call.prices import TOKEN_KINDS, Usage
from app.call.setup import CallFacts

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class State:
    history: tuple[Line, ...]
    tools: tuple[str, ...]  # names of the tools that ran
    texts: tuple[str, ...]  # live text the model has not answered
    elapsed_ms: int
    session: int  # the last ordinal given
    turns: int
    asked: int  # silence prompts in a row
    disposition: Disposition | None
    language: str = ""  # "" for the first
    onward: Onward | None = None  # where the carrier has taken the caller
    attempts: int = 0  # to give the caller to somebody, until now
    menu: str = ""  # the keypad's, where one was open
    secrets: int = 0  # entered on the keypad until now
    digest: tuple[Fact, ...] = ()
    spent: Mapping[str, Usage] = field(default_factory=dict)  # tokens by `region:model`
    leaving_message: bool = False  # a machine has answered, and has not heard it whole
    unheard: bool = False  # the caller has said something that nobody has made out


def write(facts: CallFacts, state: State) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "edition": facts.edition,
        "facts": asdict(facts),
        "started_at_ms": facts.started_at_ms,
        "wall_ms": facts.started_at_ms + state.elapsed_ms,
        "elapsed_ms": state.elapsed_ms,
        "history": [{"role": line.role, "text": line.text} for line in state.history],
        "tools": list(state.tools),
        "texts": list(state.texts),
        "session": state.session,
        "turns": state.turns,
        "asked": state.asked,
        "disposition": None if state.disposition is None else str(state.disposition),
        "language": state.language,
        "onward": None if state.onward is None else state.onward.document(),
        "attempts": state.attempts,
        "menu": state.menu,
        "secrets": state.secrets,
        "digest": [fact.document() for fact in state.digest],
        "spent": {where: asdict(usage) for where, usage in state.spent.items()},
        "leaving_message": state.leaving_message,
        "unheard": state.unheard,
    }


def read(document: Mapping[str, Any], call_sid: str) -> State:
    """Raises ValueError for another schema, another call, or a document that is not a snapshot."""
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        raise ValueError(f"not a snapshot of schema {SCHEMA}, which this process reads")
    if read_facts(document).call_sid != call_sid:
        raise ValueError("snapshot of another call")
    try:
        ended, onward = document["disposition"], document.get("onward")
        return State(
            history=tuple(_line(line) for line in document["history"]),
            tools=tuple(map(_text, document["tools"])),
            texts=tuple(map(_text, document["texts"])),
            elapsed_ms=_count(document["elapsed_ms"]),
            session=_count(document["session"]),
            turns=_count(document["turns"]),
            asked=_count(document["asked"]),
            disposition=None if ended is None else Disposition(ended),
            language=_text(document.get("language", "")),
            onward=None if onward is None else Onward.of(onward),
            attempts=_count(document.get("attempts", 0)),
            menu=_text(document.get("menu", "")),
            secrets=_count(document.get("secrets", 0)),
            digest=tuple(map(_fact, document.get("digest", ()))),
            spent={_text(where): _usage(given) for where, given in document.get("spent", {}).items()},
            leaving_message=document.get("leaving_message", False) is True,
            unheard=document.get("unheard", False) is True,
        )
    except (KeyError, TypeError, AttributeError) as missing:
        raise ValueError(f"not a snapshot: {type(missing).__name__}") from None


def read_facts(document: Mapping[str, Any]) -> CallFacts:
    """Whose snapshot it is. Raises ValueError where it does not say."""
    try:
        facts = CallFacts(**document["facts"])
    except (KeyError, TypeError):
        raise ValueError("not a snapshot: no facts of a call") from None
    fields = asdict(facts)
    _count(fields.pop("started_at_ms"))
    if not isinstance(fields.pop("placed_by_us"), bool) or not isinstance(given := fields.pop("given"), dict):
        raise ValueError("not a snapshot: no facts of a call")
    for value in (*fields.values(), *given, *given.values()):
        _text(value)
    return facts


def _line(line: Mapping[str, Any]) -> Line:
    role, text = line["role"], _text(line["text"])
    if role not in get_args(Role.__value__):
        raise ValueError("not a snapshot: a line that nobody said")
    return Line(role, text)


def _fact(fact: Mapping[str, Any]) -> Fact:
    return Fact.of({name: _text(fact[name]) for name in ("kind", "about", "text")})


def _usage(given: Mapping[str, Any]) -> Usage:
    return Usage(**{kind: _count(given[kind]) for kind in TOKEN_KINDS})


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a snapshot: a text is none")
    return value


def _count(value: Any) -> int:
    """A whole number that can be counted with; `true` is none."""
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("not a snapshot: a number is none")
    return value
