"""Media Streams messages, both ways. Pure.

One JSON object in one text frame. All counters and times are strings; of numbers there are only the sample rate and the
channel count. 50 `media` messages a second come from every caller, so their well-known shape is cut out by hand (0.9 us
against 3.2 us through `json`); whatever looks different goes the long way.
Source: Twilio, "Media Streams: WebSocket messages".
"""

import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEYS = frozenset("0123456789*#ABCD")
_MEDIA_HEAD = '{"event":"media",'
_PAYLOAD = '"payload":"'
_SID = re.compile(r"[A-Za-z0-9]{1,64}")


class MessageError(Exception):
    """The peer's message is not what Media Streams says. The text names what is wrong, never what was said."""


@dataclass(frozen=True, slots=True)
class Started:
    """`start`: which call this is, and what its audio is."""

    stream_sid: str
    call_sid: str
    encoding: str
    rate: int
    channels: int
    parameters: Mapping[str, str]

    @property
    def is_mulaw_8k(self) -> bool:
        return (self.encoding, self.rate, self.channels) == ("audio/x-mulaw", 8_000, 1)


@dataclass(frozen=True, slots=True)
class Media:
    """Caller audio as it came: mu-law, 8 kHz, mono, any length."""

    audio: bytes


@dataclass(frozen=True, slots=True)
class Key:
    key: str


@dataclass(frozen=True, slots=True)
class Mark:
    name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """`stop`: the caller hung up, or the call got new instructions."""


type Message = Started | Media | Key | Mark | Stopped


def quick_media(text: str) -> bytes | None:
    """The audio of a `media` message of the usual shape, or None: use `parse`. Never wrong, sometimes unwilling."""
    if not text.startswith(_MEDIA_HEAD) or not text.endswith("}"):
        return None
    begin = text.find(_PAYLOAD)
    if begin < 0 or text.find('"track":"inbound"', 0, begin) < 0:
        return None
    begin += len(_PAYLOAD)
    try:
        return binascii.a2b_base64(text[begin : text.find('"', begin)], strict_mode=True)
    except ValueError:  # perhaps escaped characters, perhaps rubbish
        return None


def parse(text: str) -> Message | None:
    """One message; None for `connected`, for outbound tracks and for events nobody has told us of.

    Raises `MessageError`: the peer's fault.
    """
    try:
        document = json.loads(text)
        reader = _READERS.get(document["event"])
        return reader(document) if reader is not None else None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise MessageError(f"unreadable message: {type(error).__name__}") from None


def _started(document: dict[str, Any]) -> Started:
    start = document["start"]
    shape = start["mediaFormat"]
    parameters = {_text(name): _text(value) for name, value in (start.get("customParameters") or {}).items()}
    return Started(
        stream_sid=_sid(start.get("streamSid") or document["streamSid"]),
        call_sid=_sid(start["callSid"]),
        encoding=_text(shape["encoding"]),
        rate=int(shape["sampleRate"]),
        channels=int(shape["channels"]),
        parameters=parameters,
    )


def _media(document: dict[str, Any]) -> Media | None:
    media = document["media"]
    if media.get("track", "inbound") != "inbound":
        return None
    return Media(binascii.a2b_base64(_text(media["payload"]), strict_mode=True))


def _key(document: dict[str, Any]) -> Key:
    key = _text(document["dtmf"]["digit"]).upper()
    if key not in KEYS:
        raise ValueError("not a key")
    return Key(key)


def _mark(document: dict[str, Any]) -> Mark:
    return Mark(_text(document["mark"]["name"]))


def _stopped(document: dict[str, Any]) -> Stopped:
    return Stopped()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _sid(value: object) -> str:
    """A name of the carrier's: it becomes part of ours, and of log lines."""
    name = _text(value)
    if _SID.fullmatch(name) is None:
        raise ValueError("not a name")
    return name


_READERS = {"start": _started, "media": _media, "dtmf": _key, "mark": _mark, "stop": _stopped}


class Writer:
    """Builds the three messages Twilio takes. A wrong field or stream sid makes it drop the message (warning 31951)."""

    def __init__(self, stream_sid: str) -> None:
        sid = json.dumps(stream_sid)
        self._media_head = f'{{"event":"media","streamSid":{sid},"media":{{"payload":"'
        self._mark_head = f'{{"event":"mark","streamSid":{sid},"mark":{{"name":'
        self.clear = f'{{"event":"clear","streamSid":{sid}}}'

    def media(self, audio: bytes) -> str:
        """mu-law, 8 kHz, any number of frames."""
        return f'{self._media_head}{binascii.b2a_base64(audio, newline=False).decode("ascii")}"}}}}'

    def mark(self, name: str) -> str:
        return f"{self._mark_head}{json.dumps(name)}}}}}"
