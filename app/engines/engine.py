"""The contract of every speech-to-speech engine.

An engine opens warm sessions; a session is lent to one call, begins with its history, and reports by the events of
`app.call.events`. Commands to a session never wait: it owns a bounded outbox and one writer.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.call.events import Failure, SessionEvent
from app.call.history import Line


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told of it. `schema` is a JSON Schema, flat and small."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model in a region."""

    region: str
    model: str

    def __str__(self) -> str:
        return f"{self.region}:{self.model}"


@dataclass(frozen=True, slots=True)
class SessionKey:
    """All that is fixed for a session's life and decides whether it can serve a call."""

    edition: str
    agent: str
    language: str
    model: str
    region: str
    output_rate: int


@dataclass(frozen=True, slots=True)
class SessionSpec:
    """How to open a session of `key`. Holds nothing of any one call: that goes into history."""

    key: SessionKey
    system_prompt: str
    voice: str
    tools: Sequence[ToolSpec] = ()
    input_rate: int = 16_000  # Hz
    max_tokens: int = 1024
    temperature: float = 0.7
    top_p: float = 0.9
    endpointing: str = "MEDIUM"  # HIGH, MEDIUM or LOW: how soon a pause ends the caller's turn
    extra: Mapping[str, str] = field(default_factory=dict)
    words: Sequence[str] = ()  # of a listener: all it may understand
    at: Endpoint | None = None  # where it is opened, if not where its key says: the key's own endpoint may be down

    @property
    def where(self) -> Endpoint:
        return self.at or Endpoint(self.key.region, self.key.model)


LISTENER = "menu words"  # the model of a session that only tells the words of a menu (`WordSpoken`)


class EngineError(Exception):
    """A session could not be opened. `failure` says whose fault it is; `detail` is safe for a log."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(f"{failure}: {detail}" if detail else str(failure))
        self.failure = failure
        self.detail = detail


class Session(Protocol):
    """One conversation with a model. Open and warm when you get it; `begin` makes it a call's."""

    @property
    def key(self) -> SessionKey: ...

    @property
    def opened_ms(self) -> int:
        """Monotonic ms at which it was open."""
        ...

    @property
    def ends_ms(self) -> int | None:
        """Monotonic ms at which it will end by itself, or be of no more use; None where nobody knows of an end. A call
        that goes on longer has gone over to another session by then."""
        ...

    @property
    def dead(self) -> Failure | None:
        """Why it cannot be lent or used any more, else None. True at once when the stream or its connection is lost."""
        ...

    def begin(self, ordinal: int, history: Sequence[Line]) -> None:
        """Lend: write the history blocks and open the one audio content. Under 1 ms, once in a session's life.
        Every event carries `ordinal` from now on."""
        ...

    def events(self) -> AsyncIterator[SessionEvent]:
        """What the model says, until the session ends. The last event is `SessionFailed` unless we closed it."""
        ...

    def send_audio(self, pcm: bytes) -> None: ...

    def send_text(self, text: str) -> None: ...

    def send_note(self, text: str) -> None:
        """A non-interactive USER text in mid-session: read and not answered, as far as is known of the service."""
        ...

    def answer_tool(self, run: str, result: str) -> None: ...

    async def close(self) -> None:
        """End in the protocol's order and return within 2 s; what hangs is left to the engine's reaper and counted."""
        ...


class Engine(Protocol):
    """Makes sessions."""

    async def open(self, spec: SessionSpec) -> Session:
        """Open as far as possible without history or audio. Raises `EngineError`."""
        ...

    async def close(self) -> None: ...
