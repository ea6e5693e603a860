"""What the service accepts and what it refuses, event by event.

`Intake.take` is given each event of a client and answers with what it means, or raises `Refused` with the service's own
words. It asks no clock: the time comes in, as monotonic milliseconds. Some of what it accepts means nothing:
ASSISTANT text in the middle of a session is dropped without a word, and live text without enough audio before it is
read (and its tokens counted) but never answered.
"""

import base64
import json
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.simulator.mind import Brief, ToolOffer
from app.simulator.sonic import refusals
from app.simulator.sonic.limits import Limits
from app.simulator.sonic.refusals import Refused

RATES = (8_000, 16_000, 24_000)
ENDPOINTING_MS = {"HIGH": 1_500, "MEDIUM": 1_750, "LOW": 2_000}
ROLES = {"SYSTEM", "USER", "ASSISTANT", "TOOL", "SYSTEM_SPEECH"}
VOICES = frozenset(
    {
        "tiffany",
        "matthew",
        "amy",
        "olivia",
        "kiara",
        "arjun",
        "lupe",
        "carlos",
        "ambre",
        "florian",
        "tina",
        "greta",
        "lennart",
        "beatrice",
        "lorenzo",
        "carolina",
        "leo",
    }
)
FLOWING_MS = 500  # audio that came this lately is flowing


@dataclass(frozen=True, slots=True)
class PromptOpened:
    """The session is open as far as the service needs to answer with headers."""


@dataclass(frozen=True, slots=True)
class TextRead:
    """A piece of text that costs tokens and is not answered: system prompt, history, context."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class AudioHeard:
    pcm: bytes


@dataclass(frozen=True, slots=True)
class LiveText:
    """Text to answer as a turn of the user. `answered` is False where too little audio came before it."""

    text: str
    answered: bool


@dataclass(frozen=True, slots=True)
class ToolAnswered:
    tool_use_id: str
    content: object
    text: str


@dataclass(frozen=True, slots=True)
class PromptClosed:
    pass


@dataclass(frozen=True, slots=True)
class SessionClosed:
    pass


Taken = PromptOpened | TextRead | AudioHeard | LiveText | ToolAnswered | PromptClosed | SessionClosed


@dataclass(slots=True)
class _Content:
    name: str
    type: str
    role: str
    interactive: bool
    history: bool = False
    tool_use_id: str = ""
    pieces: list[str] = field(default_factory=list)
    audio_bytes: int = 0


def _refuse() -> Refused:
    return Refused(refusals.INVALID_INPUT)


def _member(body: Mapping[str, Any], name: str, kind: type) -> Any:
    value = body.get(name)
    if not isinstance(value, kind):
        raise _refuse()
    return value


class Intake:
    """One session's input so far."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._started = False
        self._ended = False
        self._prompt: str | None = None
        self._prompt_closed = False
        self._contents: dict[str, _Content] = {}
        self._audio: _Content | None = None
        self._audio_begun = False  # an audio content was opened
        self._audio_ms = 0.0
        self._audio_ms_at_text = 0.0
        self._last_audio_ms: int | None = None
        self._system: list[str] | None = None
        self._history: list[tuple[str, list[str]]] = []
        self._history_bytes = 0
        self._tools: tuple[ToolOffer, ...] = ()
        self._open_tools: set[str] = set()
        self._endpointing_ms = ENDPOINTING_MS["MEDIUM"]
        self.input_rate = 16_000
        self.output_rate = 24_000
        self.voice = "tiffany"

    @property
    def prompt(self) -> str:
        return self._prompt or ""

    def brief(self) -> Brief:
        """What a mind must know, once the first audio or live text is here."""
        return Brief(
            system_prompt="".join(self._system or ()),
            tools=self._tools,
            voice=self.voice,
            history=tuple((role, "".join(pieces)) for role, pieces in self._history),
            input_rate=self.input_rate,
            output_rate=self.output_rate,
            endpointing_ms=self._endpointing_ms,
        )

    def offer_tool(self, tool_use_id: str) -> None:
        """A tool was asked for: exactly one result for this id is acceptable from now on."""
        self._open_tools.add(tool_use_id)

    def take(self, event: object, now_ms: int) -> Taken | None:
        """Take one event, decoded from JSON. Raises `Refused`."""
        if self._ended:
            return None  # clean-up in any order after sessionEnd disturbs nobody
        if not isinstance(event, dict) or not isinstance(event.get("event"), dict) or len(event["event"]) != 1:
            raise _refuse()
        [(name, body)] = event["event"].items()
        if not isinstance(body, dict):
            raise _refuse()
        if name == "audioInput":
            return self._audio_input(body, now_ms)
        if name == "sessionStart":
            self._session_start(body)
            return None
        if not self._started:
            raise _refuse()
        if name == "sessionEnd":
            return self._session_end()
        if name == "promptStart":
            return self._prompt_start(body)
        return self._within_prompt(name, body, now_ms)

    def _within_prompt(self, name: str, body: Mapping[str, Any], now_ms: int) -> Taken | None:
        if self._prompt is None or self._prompt_closed or body.get("promptName") != self._prompt:
            raise _refuse()
        match name:
            case "contentStart":
                self._content_start(body)
            case "textInput":
                self._text_input(body)
            case "toolResult":
                self._tool_result(body)
            case "contentEnd":
                return self._content_end(body, now_ms)
            case "promptEnd":
                return self._prompt_end()
            case _:
                raise _refuse()
        return None

    def _session_start(self, body: Mapping[str, Any]) -> None:
        if self._started:
            raise _refuse()
        self._started = True
        turns = body.get("turnDetectionConfiguration", {})
        sensitivity = turns.get("endpointingSensitivity", "MEDIUM") if isinstance(turns, dict) else None
        if sensitivity not in ENDPOINTING_MS:
            raise _refuse()
        self._endpointing_ms = ENDPOINTING_MS[sensitivity]

    def _session_end(self) -> SessionClosed:
        if self._prompt is None:
            raise Refused(refusals.NO_PROMPTS)
        self._ended = True
        return SessionClosed()

    def _prompt_start(self, body: Mapping[str, Any]) -> PromptOpened:
        if self._prompt is not None:
            raise _refuse()
        name = _member(body, "promptName", str)
        audio = body.get("audioOutputConfiguration")
        if isinstance(audio, dict):
            self.output_rate = _rate(audio, 24_000)
            self.voice = audio.get("voiceId", self.voice)
            if self.voice not in VOICES:
                raise Refused(refusals.unknown_voice(str(self.voice)))
        self._tools = _tools(body.get("toolConfiguration"))
        self._prompt = name
        return PromptOpened()

    def _content_start(self, body: Mapping[str, Any]) -> None:
        name, kind = _member(body, "contentName", str), body.get("type")
        role = body.get("role", "USER" if kind == "AUDIO" else "TOOL" if kind == "TOOL" else None)
        if name in self._contents or role not in ROLES:
            raise _refuse()
        content = _Content(name, str(kind), role, body.get("interactive") is True)
        match kind:
            case "TEXT":
                self._open_text(content)
            case "AUDIO":
                self._open_audio(content, body)
            case "TOOL":
                self._open_tool_result(content, body)
            case _:
                raise _refuse()
        self._contents[name] = content

    def _open_text(self, content: _Content) -> None:
        if content.role == "TOOL":
            raise _refuse()
        if content.role == "SYSTEM":
            if self._system is not None:
                raise Refused(refusals.DUPLICATE_SYSTEM)
            self._system = content.pieces
        content.history = content.role in ("USER", "ASSISTANT") and self._last_audio_ms is None
        content.history = content.history and not (content.interactive and self._audio_begun)
        if content.history:
            self._history.append((content.role, content.pieces))
            if len(self._history) > self._limits.history_messages:
                raise Refused(refusals.HISTORY_TOO_LONG)

    def _open_audio(self, content: _Content, body: Mapping[str, Any]) -> None:
        if content.role != "USER" or self._audio is not None:
            raise _refuse()
        self.input_rate = _rate(_member(body, "audioInputConfiguration", dict), 16_000)
        self._audio = content
        self._audio_begun = True

    def _open_tool_result(self, content: _Content, body: Mapping[str, Any]) -> None:
        configuration = _member(body, "toolResultInputConfiguration", dict)
        content.tool_use_id = _member(configuration, "toolUseId", str)
        if content.tool_use_id not in self._open_tools:
            raise _refuse()
        self._open_tools.remove(content.tool_use_id)

    def _content(self, body: Mapping[str, Any], *kinds: str) -> _Content:
        content = self._contents.get(body.get("contentName", ""))
        if content is None or (kinds and content.type not in kinds):
            raise _refuse()
        return content

    def _text_input(self, body: Mapping[str, Any]) -> None:
        content = self._content(body, "TEXT")
        text = _member(body, "content", str)
        size = len(text.encode())
        if content.role == "SYSTEM" and size >= self._limits.system_text_bytes:
            raise _refuse()
        if content.history:
            self._history_bytes += size
            if size > self._limits.history_piece_bytes or self._history_bytes > self._limits.history_bytes:
                raise Refused(refusals.HISTORY_TOO_LONG)
        content.pieces.append(text)

    def _tool_result(self, body: Mapping[str, Any]) -> None:
        self._content(body, "TOOL").pieces.append(_member(body, "content", str))

    def _audio_input(self, body: Mapping[str, Any], now_ms: int) -> AudioHeard:
        audio = self._audio
        if audio is None or body.get("contentName") != audio.name or body.get("promptName") != self._prompt:
            raise _refuse()
        if self._last_audio_ms is None and any(content.history for content in self._contents.values()):
            raise Refused(refusals.HISTORY_NOT_COMPLETE)
        try:
            pcm = base64.b64decode(body["content"], validate=True)
        except (Base64Error, ValueError, KeyError, TypeError):
            raise _refuse() from None
        audio.audio_bytes += len(pcm)
        self._audio_ms += len(pcm) * 500 / self.input_rate
        self._last_audio_ms = now_ms
        return AudioHeard(pcm)

    def _content_end(self, body: Mapping[str, Any], now_ms: int) -> Taken | None:
        content = self._content(body)
        if content.type == "AUDIO":
            if not content.audio_bytes:
                raise Refused(refusals.empty_content(content.name))
            self._audio = None
        del self._contents[content.name]
        if content.type == "TOOL":
            return _tool_answer(content)
        if content.type == "TEXT":
            return self._text_read(content, now_ms)
        return None

    def _text_read(self, content: _Content, now_ms: int) -> Taken:
        text = "".join(content.pieces)
        if not content.interactive or content.role != "USER":
            return TextRead(content.role, text)
        answered = self._enough_audio(now_ms)
        self._audio_ms_at_text = self._audio_ms
        return LiveText(text, answered)

    def _enough_audio(self, now_ms: int) -> bool:
        """Text is answered only on a running audio stream: enough audio in all, and either flowing now or sent anew."""
        least = self._limits.audio_before_text_ms
        if self._audio is None or self._last_audio_ms is None or self._audio_ms < least:
            return False
        flowing = now_ms - self._last_audio_ms <= FLOWING_MS
        return flowing or self._audio_ms - self._audio_ms_at_text >= least

    def _prompt_end(self) -> PromptClosed:
        if self._contents:
            raise Refused(refusals.CONTENTS_OPEN)
        if not self._audio_begun:
            raise Refused(refusals.no_audio_content(self.prompt))
        self._prompt_closed = True
        return PromptClosed()


def _tool_answer(content: _Content) -> ToolAnswered:
    text = "".join(content.pieces)
    try:
        return ToolAnswered(content.tool_use_id, json.loads(text), text)
    except ValueError:
        raise Refused(refusals.TOOL_RESPONSE) from None


def _rate(configuration: Mapping[str, Any], usual: int) -> int:
    """The rate of an audio configuration. G.711 and anything but 16-bit mono linear PCM is refused."""
    rate = configuration.get("sampleRateHertz", usual)
    linear = configuration.get("mediaType", "audio/lpcm") == "audio/lpcm"
    sixteen_bit_mono = configuration.get("sampleSizeBits", 16) == 16 and configuration.get("channelCount", 1) == 1
    if rate not in RATES or not linear or not sixteen_bit_mono:
        raise _refuse()
    return int(rate)


def _tools(configuration: object) -> tuple[ToolOffer, ...]:
    if configuration is None:
        return ()
    if not isinstance(configuration, dict):
        raise _refuse()
    choice = configuration.get("toolChoice", {"auto": {}})
    if not isinstance(choice, dict) or len(choice) != 1 or not choice.keys() <= {"auto", "any", "tool"}:
        raise _refuse()
    return tuple(_tool(tool) for tool in configuration.get("tools", ()))


def _tool(tool: object) -> ToolOffer:
    if not isinstance(tool, dict):
        raise _refuse()
    spec = _member(tool, "toolSpec", dict)
    text = _member(_member(spec, "inputSchema", dict), "json", str)
    try:
        schema = json.loads(text)
    except ValueError:
        raise _refuse() from None
    if not isinstance(schema, dict):
        raise _refuse()
    return ToolOffer(_member(spec, "name", str), str(spec.get("description", "")), schema)
