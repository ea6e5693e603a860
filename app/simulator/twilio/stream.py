"""The Media Streams protocol as Twilio speaks it. (twilio.md 4)

Pure: messages to send are returned as text, messages received are given as text with the time in ms. It owns no socket
and no clock, so one ticker can drive many of them. Everything the caller is to hear goes into the `PlayBuffer`.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.simulator.twilio.playbuffer import Dropped, PlayBuffer

CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
INBOUND = ("inbound",)

# event -> (name of its object, fields the object must have, fields it may have without harm)
SPOKEN_BY_SERVERS: dict[str, tuple[str, frozenset[str], frozenset[str]]] = {
    "media": ("media", frozenset({"payload"}), frozenset({"track"})),
    "mark": ("mark", frozenset({"name"}), frozenset()),
    "clear": ("", frozenset(), frozenset()),
}


@dataclass(frozen=True, slots=True)
class AudioArrived:
    """Audio was queued. `dry_ms` is how long nothing had been waiting, None when the buffer was not empty."""

    audio_bytes: int
    dry_ms: int | None
    stray_track: bool  # the message had a `media.track`, which is none of a server's business but does no harm


@dataclass(frozen=True, slots=True)
class MarkArrived:
    """A mark was set. `echo` is the message to send at once when nothing is buffered, else ""."""

    name: str
    echo: str


@dataclass(frozen=True, slots=True)
class ClearArrived:
    """The buffer was emptied; `echoes` are the messages for the marks that stood in it."""

    dropped: Dropped
    echoes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The message was dropped. `first` is True once a stream: the warning 31951 is given only then."""

    reason: str
    first: bool


Received = AudioArrived | MarkArrived | ClearArrived | Refused


@dataclass(frozen=True, slots=True)
class StreamNames:
    account_sid: str
    call_sid: str
    stream_sid: str


class InvalidMessage(ValueError):
    """The server's fault; says what is wrong with its message."""


class StreamCore:
    """One stream's numbering, play buffer and marks. Counters and times go out as strings, as the protocol has them."""

    def __init__(
        self,
        names: StreamNames,
        buffer: PlayBuffer,
        parameters: Mapping[str, str] | None = None,
        tracks: Sequence[str] = INBOUND,
    ) -> None:
        self.names = names
        self.buffer = buffer
        self.refusals = 0
        self.stray_tracks = False  # whether `media.track` was warned of
        self._parameters = dict(parameters or {})
        self.tracks = tuple(tracks)
        self._sequence = 0
        self._chunks = dict.fromkeys(tracks, 0)

    def started(self) -> str:
        """The `start` message, sent once, right after `CONNECTED`."""
        start = {
            "accountSid": self.names.account_sid,
            "streamSid": self.names.stream_sid,
            "callSid": self.names.call_sid,
            "tracks": self.tracks,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self._parameters,
        }
        return self._message("start", start)

    def media(self, payload: str, at_ms: int, track: str = "inbound") -> str:
        """A frame of audio, base64 already, that began `at_ms` after the stream's start."""
        # Formatted by hand: it is sent fifty times a second a call, and nothing in it needs escaping.
        self._sequence += 1
        self._chunks[track] += 1
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"{track}",'
            f'"chunk":"{self._chunks[track]}","timestamp":"{at_ms}","payload":"{payload}"}},'
            f'"streamSid":"{self.names.stream_sid}"}}'
        )

    def dtmf(self, digit: str) -> str:
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._message("mark", {"name": name})

    def stopped(self) -> str:
        return self._message("stop", {"accountSid": self.names.account_sid, "callSid": self.names.call_sid})

    def advance(self, now_ms: int) -> list[str]:
        """Play until `now_ms`; returns the echoes of the marks reached."""
        return [self.mark(name) for name in self.buffer.advance(now_ms)]

    def receive(self, text: str | bytes, now_ms: int) -> Received:
        """Take one message of the server. Call `advance(now_ms)` first: marks reached must be echoed before this."""
        try:
            message = parse(text, self.names.stream_sid)
            event = message["event"]
            if event == "media":
                return self._queue(message["media"], now_ms)
        except InvalidMessage as refusal:
            self.refusals += 1
            return Refused(str(refusal), first=self.refusals == 1)
        if event == "mark":
            name = message["mark"]["name"]
            return MarkArrived(name, self.mark(name) if self.buffer.mark(name) else "")
        dropped = self.buffer.clear()
        return ClearArrived(dropped, tuple(self.mark(name) for name in dropped.marks))

    def _queue(self, media: Mapping[str, Any], now_ms: int) -> AudioArrived:
        try:
            audio = base64.b64decode(media["payload"], validate=True)
        except binascii.Error:
            raise InvalidMessage("media.payload is not base64") from None
        dry_ms = None if self.buffer.queued else now_ms - self.buffer.dry_since_ms
        self.buffer.add(audio)
        return AudioArrived(len(audio), dry_ms, "track" in media)

    def _message(self, event: str, body: Mapping[str, object]) -> str:
        self._sequence += 1
        message = {
            "event": event,
            "sequenceNumber": str(self._sequence),
            event: body,
            "streamSid": self.names.stream_sid,
        }
        return json.dumps(message, separators=(",", ":"))


def parse(text: str | bytes, stream_sid: str) -> dict[str, Any]:
    """A server's message, checked as strictly as warning 31951 says. Raises `InvalidMessage`."""
    if isinstance(text, bytes):
        raise InvalidMessage("a binary frame; only text frames are spoken here")
    try:
        message = json.loads(text)
    except ValueError:
        raise InvalidMessage("not valid JSON") from None
    if not isinstance(message, dict):
        raise InvalidMessage("not a JSON object")
    event = message.get("event")
    if not isinstance(event, str) or event not in SPOKEN_BY_SERVERS:
        raise InvalidMessage(f"unknown event {event!r:.40}; servers may send media, mark and clear")
    _check_fields(message, event, stream_sid)
    return message


def _check_fields(message: Mapping[str, Any], event: str, stream_sid: str) -> None:
    body_name, needed, harmless = SPOKEN_BY_SERVERS[event]
    if "streamSid" not in message:
        hint = " (it is called stream_sid here)" if "stream_sid" in message else ""
        raise InvalidMessage(f"{event} without streamSid{hint}")
    if message["streamSid"] != stream_sid:
        raise InvalidMessage(f"{event} for another stream")
    strangers = message.keys() - {"event", "streamSid", body_name}
    if strangers:
        raise InvalidMessage(f"{event} with unexpected field {min(strangers)}")
    if not body_name:
        return
    body = message.get(body_name)
    if not isinstance(body, dict):
        raise InvalidMessage(f"{event} without an object {body_name}")
    for name in sorted(needed):
        if not isinstance(body.get(name), str):
            raise InvalidMessage(f"{event} without text in {body_name}.{name}")
    strangers = body.keys() - needed - harmless
    if strangers:
        raise InvalidMessage(f"{event} with unexpected field {body_name}.{min(strangers)}")
