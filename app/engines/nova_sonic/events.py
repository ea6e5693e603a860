"""Nova Sonic's JSON events: what we say to the model, and what it says to us. Pure.

Every message is one object with the single key `event`, whose value has a single key: the event's name. The order
that the service insists on is not kept here but in `session.py`; this file only knows shapes and sizes.

Outgoing: the functions named after an event return its bytes; those named `..._block` a whole content, from
`contentStart` to `contentEnd`, which must go out without another event between. Incoming: `parse` turns one message
into one of the `Heard` classes, or None for what we do not know: the service adds event names without notice.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.call.history import Line
from app.engines.engine import SessionSpec, ToolSpec

SYSTEM_PIECE = 4_096  # bytes: one textInput of 32 KB was seen refused
HISTORY_PIECE = 1_024  # bytes: the strictest limit documented for one textInput of history
HISTORY_BLOCKS = 40  # blocks: the same
FIRST_LINE = "(The caller is on the line.)"  # a history must begin with USER


# --- what we say --------------------------------------------------------------------------------------------------


def encode(name: str, body: Mapping[str, Any]) -> bytes:
    """One event. A lone surrogate, which JSON may carry but UTF-8 cannot, becomes a question mark."""
    message = json.dumps({"event": {name: body}}, ensure_ascii=False, separators=(",", ":"))
    return message.encode("utf-8", "replace")


def session_start(spec: SessionSpec) -> bytes:
    """Turn detection has to sit inside `sessionStart`; beside it, it has no effect."""
    body: dict[str, Any] = {
        "inferenceConfiguration": {"maxTokens": spec.max_tokens, "topP": spec.top_p, "temperature": spec.temperature}
    }
    if spec.endpointing:
        body["turnDetectionConfiguration"] = {"endpointingSensitivity": spec.endpointing}
    return encode("sessionStart", body)


def pcm_format(rate: int) -> dict[str, Any]:
    return {
        "mediaType": "audio/lpcm",
        "sampleRateHertz": rate,
        "sampleSizeBits": 16,
        "channelCount": 1,
        "encoding": "base64",
        "audioType": "SPEECH",
    }


def tool_spec(tool: ToolSpec) -> dict[str, Any]:
    """The schema travels as JSON inside a string."""
    schema = {"json": json.dumps(tool.schema, ensure_ascii=False)}
    return {"toolSpec": {"name": tool.name, "description": tool.description, "inputSchema": schema}}


def prompt_start(prompt: str, spec: SessionSpec) -> bytes:
    """Voice, formats and tools: all fixed for the session's life. Both tool members are left out without tools."""
    body: dict[str, Any] = {
        "promptName": prompt,
        "textOutputConfiguration": {"mediaType": "text/plain"},
        "audioOutputConfiguration": {**pcm_format(spec.key.output_rate), "voiceId": spec.voice},
    }
    if spec.tools:
        body["toolUseOutputConfiguration"] = {"mediaType": "application/json"}
        body["toolConfiguration"] = {"tools": [tool_spec(tool) for tool in spec.tools], "toolChoice": {"auto": {}}}
    return encode("promptStart", body)


def split_bytes(text: str, limit: int) -> list[str]:
    """`text` in pieces of at most `limit` UTF-8 bytes (at least 4), never cut inside a character."""
    data = text.encode("utf-8", "replace")
    pieces = []
    while len(data) > limit:
        cut = limit
        while data[cut] & 0xC0 == 0x80:  # a continuation byte belongs to the character before
            cut -= 1
        pieces.append(data[:cut].decode())
        data = data[cut:]
    return [*pieces, data.decode()]


def text_block(
    prompt: str, content: str, role: str, text: str, *, interactive: bool = False, piece: int = HISTORY_PIECE
) -> list[bytes]:
    """One TEXT content. `interactive` makes it live text, answered as a turn of the caller's; else it is context."""
    start = {
        "promptName": prompt,
        "contentName": content,
        "type": "TEXT",
        "interactive": interactive,
        "role": role,
        "textInputConfiguration": {"mediaType": "text/plain"},
    }
    named = {"promptName": prompt, "contentName": content}
    inputs = [encode("textInput", {**named, "content": part}) for part in split_bytes(text, piece)]
    return [encode("contentStart", start), *inputs, content_end(prompt, content)]


def merged(lines: Sequence[Line]) -> list[Line]:
    """Roles alternate: neighbours of one role are joined by a newline, empty lines are left out."""
    joined: list[Line] = []
    for line in lines:
        if not line.text.strip():
            continue
        if joined and joined[-1].role == line.role:
            joined[-1] = Line(line.role, f"{joined[-1].text}\n{line.text}")
        else:
            joined.append(line)
    return joined


def trimmed(lines: Sequence[Line], limit: int) -> list[Line]:
    """At most `limit` bytes and `HISTORY_BLOCKS` lines: the oldest go first, except an opening USER line (the call's
    facts) that takes no more than a quarter of the room. A last line that is too long keeps its end."""
    size = [len(line.text.encode("utf-8", "replace")) for line in lines]
    head = 1 if lines and lines[0].role == "user" and size[0] <= limit // 4 else 0
    room, start = limit - sum(size[:head]), len(lines)
    while start > head and size[start - 1] <= room and len(lines) - start < HISTORY_BLOCKS - head - 1:
        start -= 1
        room -= size[start]
    if start == len(lines) > head:
        last = lines[-1]
        kept = last.text.encode("utf-8", "replace")[-room:].decode("utf-8", "ignore")
        return [*lines[:head], Line(last.role, kept)]
    return [*lines[:head], *lines[start:]]


def history_lines(history: Sequence[Line], limit: int) -> list[Line]:
    """History as the service takes it: alternating roles, USER first, at most `limit` bytes of text."""
    lines = merged(trimmed(merged(history), limit))
    if lines and lines[0].role == "assistant":
        lines.insert(0, Line("user", FIRST_LINE))
    return lines


def history_blocks(
    prompt: str, history: Sequence[Line], limit: int, fresh_name: Callable[[], str]
) -> Iterator[list[bytes]]:
    for line in history_lines(history, limit):
        yield text_block(prompt, fresh_name(), line.role.upper(), line.text)


def audio_start(prompt: str, content: str, rate: int) -> bytes:
    """The one audio content, open for the whole call."""
    body = {"promptName": prompt, "contentName": content, "type": "AUDIO", "interactive": True, "role": "USER"}
    return encode("contentStart", {**body, "audioInputConfiguration": pcm_format(rate)})


def audio_mould(prompt: str, content: str) -> tuple[bytes, bytes]:
    """What stands before and after the base64 of each `audioInput` of one content: its events are cast 50 a second."""
    whole = encode("audioInput", {"promptName": prompt, "contentName": content, "content": "\0"})
    before, after = whole.split(b"\\u0000")
    return before, after


def audio_input(mould: tuple[bytes, bytes], pcm: bytes) -> bytes:
    return mould[0] + b64encode(pcm) + mould[1]


def json_document(result: str) -> str:
    """A tool's result as the service takes it: an object or a list. It refuses a bare word, and closes on it."""
    try:
        document = json.loads(result, parse_constant=_refuse_constant)
    except ValueError:
        document = result
    if isinstance(document, dict | list):
        return result
    return json.dumps({"result": document}, ensure_ascii=False)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def tool_result_block(prompt: str, content: str, run: str, result: str) -> list[bytes]:
    start = {
        "promptName": prompt,
        "contentName": content,
        "interactive": False,
        "type": "TOOL",
        "role": "TOOL",
        "toolResultInputConfiguration": {
            "toolUseId": run,
            "type": "TEXT",
            "textInputConfiguration": {"mediaType": "text/plain"},
        },
    }
    body = {"promptName": prompt, "contentName": content, "content": json_document(result)}
    return [encode("contentStart", start), encode("toolResult", body), content_end(prompt, content)]


def content_end(prompt: str, content: str) -> bytes:
    return encode("contentEnd", {"promptName": prompt, "contentName": content})


def prompt_end(prompt: str) -> bytes:
    return encode("promptEnd", {"promptName": prompt})


def session_end() -> bytes:
    return encode("sessionEnd", {})


# --- what we hear -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContentStarted:
    content: str
    type: str  # TEXT, AUDIO, TOOL
    role: str
    stage: str  # SPECULATIVE, FINAL or empty


@dataclass(frozen=True, slots=True)
class TextHeard:
    content: str
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class AudioHeard:
    content: str
    pcm: bytes


@dataclass(frozen=True, slots=True)
class ToolUsed:
    content: str
    run: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ContentEnded:
    content: str
    type: str
    stop: str


@dataclass(frozen=True, slots=True)
class TokensUsed:
    """Tokens since the last such event."""

    speech_in: int
    speech_out: int
    text_in: int
    text_out: int


@dataclass(frozen=True, slots=True)
class SpeechNoticed:
    """`userSpeechStart` or, with `ended`, `userSpeechEnd`."""

    ended: bool


type Heard = ContentStarted | TextHeard | AudioHeard | ToolUsed | ContentEnded | TokensUsed | SpeechNoticed


MOST_TOKENS = 1_000_000_000  # of one event


def parse(message: bytes) -> Heard | None:
    """One message of the service. None for an event that is of no use or unknown to us. ValueError for a broken one.

    What comes out is what it says: a text is a text, and one that can be written down."""
    try:
        [(name, body)] = json.loads(message.decode())["event"].items()
        if name == "audioOutput":  # nine of ten
            return AudioHeard(_text(body["contentId"]), b64decode(_text(body["content"])))
        shape = SHAPES.get(name)
        return shape(body) if shape else None
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not an event of this service: {type(error).__name__}") from None


def is_interruption(text: str) -> bool:
    """Is it the marker `{ "interrupted" : true }`, however it is spaced?"""
    if "interrupted" not in text or not text.lstrip().startswith("{"):
        return False
    try:
        marker = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(marker, dict) and marker.get("interrupted") is True


def _text(value: Any) -> str:
    """Half a character, lawful in JSON and in no encoding, becomes a question mark."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _stage(body: Mapping[str, Any]) -> str:
    fields = body.get("additionalModelFields") or "{}"  # JSON inside a string
    try:
        parsed = json.loads(fields) if isinstance(fields, str) else fields
    except (ValueError, RecursionError):
        return ""
    return str(parsed.get("generationStage", "")) if isinstance(parsed, dict) else ""


def _arguments(content: Any) -> str:
    """JSON in a string, now and then encoded twice."""
    if not isinstance(content, str):
        return json.dumps(content)
    try:
        inner = json.loads(content)
    except (ValueError, RecursionError):
        return _text(content)
    return _text(inner if isinstance(inner, str) else content)


def _tokens(body: Mapping[str, Any]) -> TokensUsed:
    delta = (body.get("details") or {}).get("delta") or {}
    heard, said = delta.get("input") or {}, delta.get("output") or {}
    return TokensUsed(
        _count(heard.get("speechTokens", 0)),
        _count(said.get("speechTokens", 0)),
        _count(heard.get("textTokens", 0)),
        _count(said.get("textTokens", 0)),
    )


def _count(value: Any) -> int:
    """A number of tokens; one that no session could use is none."""
    count = int(value)
    if not 0 <= count <= MOST_TOKENS:
        raise ValueError("not a number of tokens")
    return count


SHAPES: Mapping[str, Callable[[Mapping[str, Any]], Heard]] = {
    "contentStart": lambda b: ContentStarted(
        _text(b["contentId"]), _text(b.get("type", "")), _text(b.get("role", "")), _stage(b)
    ),
    "textOutput": lambda b: TextHeard(_text(b["contentId"]), _text(b.get("role", "")), _text(b.get("content", ""))),
    "toolUse": lambda b: ToolUsed(
        _text(b["contentId"]), _text(b["toolUseId"]), _text(b["toolName"]), _arguments(b.get("content", "{}"))
    ),
    "contentEnd": lambda b: ContentEnded(
        _text(b["contentId"]), _text(b.get("type", "")), _text(b.get("stopReason", ""))
    ),
    "usageEvent": _tokens,
    "userSpeechStart": lambda b: SpeechNoticed(ended=False),
    "userSpeechEnd": lambda b: SpeechNoticed(ended=True),
}
