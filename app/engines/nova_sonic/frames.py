"""The event-stream frames of Bedrock's bidirectional operation: made and signed, taken apart and checked. Pure.

A frame, big-endian, CRC32 as in zlib:

    u32 total length | u32 headers length | u32 CRC of these 8 bytes | headers | payload | u32 CRC of all before

A header: u8 length of its name, name, u8 type, value. Client to service there are two layers: the event stands in an
inner frame, and that whole frame is the payload of an outer one with `:date` and `:chunk-signature`. Each signature
covers the one before it; the first is seeded by the signature of the request. Service to client there is one layer,
unsigned. The SDK's own coder needs 51 us for such an event, this 7: most bytes of a frame never change.
"""

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from json import loads
from struct import Struct
from zlib import crc32

SERVICE = "bedrock"
PRELUDE = Struct(">III")
LENGTHS = Struct(">II")
WORD = Struct(">I")
OVERHEAD = PRELUDE.size + WORD.size
LARGEST = 16 * 1024 * 1024 + 128 * 1024 + OVERHEAD  # payload, headers: the SDK's own limits


def string_header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2) + value.encode()


INNER_HEADERS = (
    string_header(":message-type", "event")
    + string_header(":event-type", "chunk")
    + string_header(":content-type", "application/json")
)
DATE_HEADER = Struct(">6sBq")  # name with its length, type 8 (timestamp), ms since 1970
SIGNATURE_NAME = b"\x10:chunk-signature\x06" + (32).to_bytes(2)
OUTER_HEADERS_SIZE = DATE_HEADER.size + len(SIGNATURE_NAME) + 32


def frame(headers: bytes, payload: bytes) -> bytes:
    lengths = LENGTHS.pack(len(headers) + len(payload) + OVERHEAD, len(headers))
    body = b"".join((lengths, WORD.pack(crc32(lengths)), headers, payload))
    return body + WORD.pack(crc32(body))


def signing_key(secret: str, date: str, region: str) -> bytes:
    """Signature Version 4: a key for one day (`YYYYMMDD`), region and service."""
    key = digest(b"AWS4" + secret.encode(), date.encode(), "sha256")
    for part in (region, SERVICE, "aws4_request"):
        key = digest(key, part.encode(), "sha256")
    return key


class Mac:
    """HMAC-SHA256 with one key, its two pads hashed once.

    Half the cost of `hmac.digest`, and above all it keeps the interpreter's lock, which `hmac.digest` gives up: under
    load the CRT's thread takes it, and the event loop stands still until it gives it back.
    """

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, text: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


class FrameSigner:
    """Signs the events of one session, in the order they are sent: each signature is the next one's ground.

    `seed` is the hex signature of the request; `secret` that of the credentials it was signed with, for good.
    """

    def __init__(self, secret: str, region: str, seed: str) -> None:
        self._secret = secret
        self._region = region
        self._previous = seed
        self._second = -1
        self._day = ""
        self._key = Mac(b"")
        self._stamp = ""

    def event(self, message: bytes, now_ms: int) -> bytes:
        """The frame of one event (its JSON). `now_ms` is Unix time: a new date is taken for every event."""
        return self._outer(frame(INNER_HEADERS, b'{"bytes":"' + b64encode(message) + b'"}'), now_ms)

    def end(self, now_ms: int) -> bytes:
        """The last frame of a session: signed, with nothing in it."""
        return self._outer(b"", now_ms)

    def _outer(self, payload: bytes, now_ms: int) -> bytes:
        second = now_ms // 1000
        if second != self._second:
            self._turn_to(second)
        date = DATE_HEADER.pack(b"\x05:date", 8, now_ms)
        text = f"{self._stamp}{self._previous}\n{sha256(date).hexdigest()}\n{sha256(payload).hexdigest()}"
        signature = self._key.digest(text.encode())
        self._previous = signature.hex()
        return frame(b"".join((date, SIGNATURE_NAME, signature)), payload)

    def _turn_to(self, second: int) -> None:
        """The scope holds the date, so the key changes at midnight UTC."""
        stamp = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
        if stamp[:8] != self._day:
            self._day = stamp[:8]
            self._key = Mac(signing_key(self._secret, self._day, self._region))
        self._second = second
        scope = f"{self._day}/{self._region}/{SERVICE}/aws4_request"
        self._stamp = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n"


class FrameError(Exception):
    """The bytes are not frames: damaged on the way, or not from this service."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`kind` is `:message-type` (event, exception, error); `type` its `:event-type`, `:exception-type` or
    `:error-code`; `note` its `:error-message`."""

    kind: str
    type: str
    payload: bytes
    note: str = ""

    def message(self) -> bytes:
        """The JSON inside a chunk's payload, or b"" where there is none. ValueError for a broken payload."""
        payload = self.payload
        if payload.startswith(b'{"bytes":"'):
            end = payload.find(b'"', 10)
            if payload.find(b"\\", 10, end) < 0:  # a JSON escape inside base64: lawful, never seen
                return a2b_base64(payload[10:end])
        try:
            document = loads(payload)
            return a2b_base64(document.get("bytes", "")) if isinstance(document, dict) else b""
        except (TypeError, RecursionError) as error:
            raise ValueError(f"not a chunk: {type(error).__name__}") from None


VALUE_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # by header type; 6 and 7 carry a u16 length


def read_headers(data: bytes) -> dict[str, str]:
    """The string headers; all other types are stepped over. FrameError where they do not fit."""
    headers, at = {}, 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind = data[at + 1 : name_end].decode(), data[name_end]
            at = name_end + 1
            if kind in VALUE_SIZES:
                size = VALUE_SIZES[kind]
            else:
                size, at = int.from_bytes(data[at : at + 2]), at + 2
            if kind > 9 or at + size > len(data):
                raise FrameError("broken headers")
            if kind == 7:
                headers[name] = data[at : at + size].decode()
            at += size
    except (IndexError, UnicodeDecodeError):
        raise FrameError("broken headers") from None
    return headers


class Deframer:
    """Takes the stream in pieces of any size and gives its whole frames. After an error it is of no more use."""

    def __init__(self) -> None:
        self._kept = b""
        self._more: list[bytes] = []  # behind what is kept, while a long frame is not whole
        self._missing = 0
        self._known: dict[bytes, tuple[str, str, str]] = {}

    @property
    def in_the_middle(self) -> bool:
        """Did the stream stop inside a frame?"""
        return bool(self._kept)

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """Raises FrameError at the first frame that is damaged; the whole ones before it have been given."""
        if len(piece) < self._missing:  # copied once, when the frame is whole
            self._more.append(piece)
            self._missing -= len(piece)
            return
        data = b"".join((self._kept, *self._more, piece)) if self._kept else piece
        self._more, self._missing = [], 0
        at, size = 0, len(data)
        self._kept = data
        while size - at >= PRELUDE.size:
            total, headers_size, check = PRELUDE.unpack_from(data, at)
            if crc32(data[at : at + 8]) != check or not headers_size + OVERHEAD <= total <= LARGEST:
                raise FrameError("damaged prelude")
            if size - at < total:
                self._missing = total - (size - at)
                break
            yield self._frame(data[at : at + total], headers_size)
            at += total
            self._kept = data[at:] if at < size else b""

    def _frame(self, whole: bytes, headers_size: int) -> Frame:
        if crc32(whole[:-4]) != WORD.unpack_from(whole, len(whole) - 4)[0]:
            raise FrameError("damaged frame")
        start = PRELUDE.size + headers_size
        kind, type, note = self._meaning(whole[PRELUDE.size : start])
        return Frame(kind, type, whole[start:-4], note)

    def _meaning(self, headers: bytes) -> tuple[str, str, str]:
        """The same few headers stand on every frame of a session."""
        known = self._known.get(headers)
        if known is None:
            named = read_headers(headers)
            kind = named.get(":message-type", "")
            label = {"exception": ":exception-type", "error": ":error-code"}.get(kind, ":event-type")
            known = kind, named.get(label, ""), named.get(":error-message", "")
            if len(self._known) < 16:
                self._known[headers] = known
        return known
