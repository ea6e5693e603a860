"""What sits behind the simulated Nova Sonic's wire: a mind that hears a caller and has thoughts.

The server half owns the protocol and knows no language; a mind knows no protocol. A mind is given a `Brief`, hears the
caller's audio as it arrives, and yields thoughts in the order they occur to it. The server turns thoughts into wire
events, paces them, and decides alone whether an utterance or a text interrupted the reply that is playing. There is one
mind a session; a factory makes them.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """A tool the client declared. `schema` is its JSON Schema, already decoded."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Brief:
    """All that a mind knows when its session begins to hear: system prompt, tools, voice, what was said before."""

    system_prompt: str
    tools: tuple[ToolOffer, ...]
    voice: str
    history: tuple[tuple[str, str], ...]  # (role, text), role is "USER" or "ASSISTANT"
    input_rate: int  # Hz, of what `hear` is given
    output_rate: int  # Hz, of every Sentence's pcm
    endpointing_ms: int  # pause after which the caller's turn is over


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The caller began to speak, `offset_ms` into the audio heard. Interrupts a reply that is still playing."""

    offset_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The caller stopped at `offset_ms`; it was noticed at `detected_ms` (both counted in audio heard)."""

    offset_ms: int
    detected_ms: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What the caller said, whole: there are no partial texts."""

    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a reply and its sound: PCM16 little-endian, mono, at the brief's output rate."""

    text: str
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Say:
    """Speak these. `last` is True when the reply ends with them; more `Say` of the same reply follow otherwise."""

    sentences: tuple[Sentence, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class UseTool:
    """Ask the client to run a tool. The answer comes by `Mind.take_result`."""

    tool_use_id: str
    name: str
    arguments: Mapping[str, Any]


Thought = SpeechBegan | SpeechStopped | Heard | Say | UseTool


class Mind(Protocol):
    """One session's listener and speaker. No method may block the event loop."""

    async def open(self, brief: Brief) -> None:
        """Called once, when the session's first audio or live text arrives (its history is complete by then)."""
        ...

    def hear(self, pcm: bytes) -> None:
        """Caller's audio as it arrives: PCM16 little-endian, mono, `brief.input_rate`; any length of whole samples."""
        ...

    def read(self, text: str) -> None:
        """Live text: answered as a turn of the user, without a `Heard` thought and without speech events."""
        ...

    def take_result(self, tool_use_id: str, content: object) -> None:
        """A tool's answer, decoded from JSON. The id is one that this mind yielded and that had no answer yet."""
        ...

    def thoughts(self) -> AsyncIterator[Thought]:
        """Thoughts until `close`; iterated once. A `Say` may be dropped by the server when it was interrupted: the mind
        that yields `SpeechBegan` should itself give up what it was about to say."""
        ...

    async def close(self) -> None:
        """Give everything back; `thoughts` ends. May be called without `open`."""
        ...


MindFactory = Callable[[], Mind]
