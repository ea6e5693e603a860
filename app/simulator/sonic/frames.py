"""The event-stream frame: two lengths, their CRC, headers, payload, a CRC of it all. Everything is big-endian.

A client's event comes as two frames, one in the other: the outer carries date and signature, the inner one the event.
The server's events are one frame, unsigned. Inside, the event's JSON is base64 in a small JSON document: {"bytes":
"..."}.
"""

import base64
import json
import struct
from binascii import Error as Base64Error
from collections.abc import Iterator
from zlib import crc32

PRELUDE = struct.Struct(">III")
MAX_HEADERS = 128 * 1024
MAX_FRAME = 16 * 1024 * 1024
OVERHEAD = 16  # prelude and the last CRC

HeaderValue = bool | int | bytes | str
_FIXED = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}


class FrameError(ValueError):
    """Bytes that are no frame, or a damaged one. The sender's fault."""


def encode(headers: bytes, payload: bytes) -> bytes:
    """One frame of an encoded header block and a payload."""
    lengths = struct.pack(">II", len(headers) + len(payload) + OVERHEAD, len(headers))
    body = b"".join((lengths, crc32(lengths).to_bytes(4, "big"), headers, payload))
    return body + crc32(body).to_bytes(4, "big")


def text_header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()


EVENT_HEADERS = (
    text_header(":event-type", "chunk")
    + text_header(":content-type", "application/json")
    + text_header(":message-type", "event")
)
_PAYLOAD_HEAD, _PAYLOAD_TAIL = b'{"bytes":"', b'"}'


def event_frame(event: bytes) -> bytes:
    """The frame in which the service sends one event (the event's JSON, encoded)."""
    return encode(EVENT_HEADERS, _PAYLOAD_HEAD + base64.b64encode(event) + _PAYLOAD_TAIL)


def exception_frame(member: str, message: str) -> bytes:
    """A modelled exception; `member` in lower camel case. It is the last frame of its stream."""
    headers = (
        text_header(":message-type", "exception")
        + text_header(":exception-type", member)
        + text_header(":content-type", "application/json")
    )
    return encode(headers, json.dumps({"message": message}).encode())


def error_frame(code: str, message: str) -> bytes:
    """An error that is no member of the output stream."""
    return encode(
        text_header(":message-type", "error")
        + text_header(":error-code", code)
        + text_header(":error-message", message),
        b"",
    )


def parse_headers(block: bytes) -> dict[str, HeaderValue]:
    """Decode a header block. Raises `FrameError`."""
    headers: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(block):
            name_ends = at + 1 + block[at]
            name = block[at + 1 : name_ends].decode()
            headers[name], at = _header_value(block, name_ends)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise FrameError("headers cannot be read") from error
    if at != len(block):
        raise FrameError("headers run past their length")
    return headers


def _header_value(block: bytes, at: int) -> tuple[HeaderValue, int]:
    kind, at = block[at], at + 1
    if kind in (0, 1):
        return kind == 0, at
    if kind in _FIXED:
        size = struct.calcsize(_FIXED[kind])
        return struct.unpack_from(_FIXED[kind], block, at)[0], at + size
    if kind in (6, 7):
        (length,) = struct.unpack_from(">H", block, at)
        raw = block[at + 2 : at + 2 + length]
        return (raw.decode() if kind == 7 else raw), at + 2 + length
    if kind == 9:
        return block[at : at + 16], at + 16
    raise FrameError(f"header type {kind} does not exist")


def split(frame: bytes) -> tuple[bytes, bytes]:
    """(header block, payload) of one whole frame. Raises `FrameError`."""
    if len(frame) < OVERHEAD:
        raise FrameError("shorter than the smallest frame")
    total, header_length, prelude_crc = PRELUDE.unpack_from(frame)
    if total != len(frame) or header_length > total - OVERHEAD:
        raise FrameError("lengths do not agree")
    if crc32(frame[:8]) != prelude_crc:
        raise FrameError("prelude checksum")
    if crc32(frame[:-4]) != int.from_bytes(frame[-4:], "big"):
        raise FrameError("message checksum")
    return frame[12 : 12 + header_length], frame[12 + header_length : -4]


class Deframer:
    """Cuts a stream of bytes into frames, however they were cut on the way."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def in_frame(self) -> bool:
        """True when part of a frame is waiting for its rest."""
        return bool(self._rest)

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """(header block, payload) of each frame that is now whole. Raises `FrameError`."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at = 0
        while len(data) - at >= 12:
            total, header_length, prelude_crc = PRELUDE.unpack_from(data, at)
            if crc32(data[at : at + 8]) != prelude_crc:
                raise FrameError("prelude checksum")
            if total > MAX_FRAME or header_length > MAX_HEADERS:
                raise FrameError("too large")
            if len(data) - at < total:
                break
            frame = data if at == 0 and total == len(data) else data[at : at + total]
            at += total
            self._rest = data[at:]  # so that what was read is forgotten even if the reader stops here
            yield split(frame)
        self._rest = data[at:]


_INNER = {":message-type": "event", ":event-type": "chunk"}
_USUAL_INNER_HEADERS = (
    text_header(":message-type", "event")
    + text_header(":event-type", "chunk")
    + text_header(":content-type", "application/json")
)


def event_of(inner_frame: bytes) -> bytes:
    """The event's JSON out of the inner frame of a client's message. Raises `FrameError`."""
    block, payload = split(inner_frame)
    if block != _USUAL_INNER_HEADERS:
        headers = parse_headers(block)
        if any(headers.get(name) != value for name, value in _INNER.items()):
            raise FrameError("not a chunk event")
    try:
        begins, ends = len(_PAYLOAD_HEAD), len(payload) - len(_PAYLOAD_TAIL)
        usual = payload.startswith(_PAYLOAD_HEAD) and payload.endswith(_PAYLOAD_TAIL)
        if usual and payload.find(b'"', begins) == ends:  # as SDKs write it: no JSON to parse
            return base64.b64decode(payload[begins:ends], validate=True)
        return base64.b64decode(json.loads(payload)["bytes"], validate=True)
    except (ValueError, KeyError, TypeError, Base64Error) as error:
        raise FrameError("payload is not {bytes: base64}") from error
