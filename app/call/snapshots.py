"""A call as a JSON document: all that another process needs to go on from its last turn.

Machine time means nothing outside its process, so a snapshot holds wall-clock time (`wall_ms`, made of the call's start
and how long it has lasted) and lengths. It holds callers' words and numbers: it is state, not a record, and lives under
a time limit.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.call.disposition import Disposition
from app.call.history import Line
from app.call.onward import Onward
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
    }


def read(document: Mapping[str, Any], call_sid: str) -> State:
    """Raises ValueError for another schema, another call, or a document that is not a snapshot."""
    if document.get("schema") != SCHEMA:
        raise ValueError(f"snapshot of schema {document.get('schema')!r}, this process reads {SCHEMA}")
    try:
        if document["facts"]["call_sid"] != call_sid:
            raise ValueError("snapshot of another call")
        ended, onward = document["disposition"], document.get("onward")
        return State(
            history=tuple(Line(line["role"], line["text"]) for line in document["history"]),
            tools=tuple(document["tools"]),
            texts=tuple(document["texts"]),
            elapsed_ms=int(document["elapsed_ms"]),
            session=int(document["session"]),
            turns=int(document["turns"]),
            asked=int(document["asked"]),
            disposition=None if ended is None else Disposition(ended),
            language=str(document.get("language", "")),
            onward=None if onward is None else Onward.of(onward),
            attempts=int(document.get("attempts", 0)),
            menu=str(document.get("menu", "")),
            secrets=int(document.get("secrets", 0)),
        )
    except (KeyError, TypeError) as missing:
        raise ValueError(f"not a snapshot: {missing!r}") from missing
