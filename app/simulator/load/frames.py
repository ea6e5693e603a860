"""The few WebSocket frames a load telephone needs (RFC 6455, 5.2). Pure.

A client must mask what it sends. The mask here is four zeros, which leaves the text as it is: the server's work is the
same for any mask, and the generator has no work at all.
"""

import base64
import os
from collections.abc import Iterator

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_FIN, _MASKED, _NO_MASK = 0x80, 0x80, bytes(4)


class FrameError(Exception):
    """The server sent what a telephone does not read: a fragment, a masked or a compressed frame."""


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A whole frame from client to server; up to 64 KiB."""
    size = len(payload)
    head = (
        bytes((_FIN | opcode, _MASKED | size))
        if size < 126
        else bytes((_FIN | opcode, _MASKED | 126, *size.to_bytes(2)))
    )
    return head + _NO_MASK + payload


def upgrade(host: str, path: str) -> bytes:
    """The request that opens a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nUser-Agent: Twilio.TmeWs/1.0\r\n\r\n"
    ).encode()


class Deframer:
    """Bytes of a server in, (opcode, payload) out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Raises `FrameError`: the server's fault."""
        data = self._rest + data if self._rest else data
        at = 0
        while (body := _body_at(data, at)) is not None and body[1] <= len(data):
            yield data[at] & 0x0F, data[body[0] : body[1]]
            at = body[1]
        self._rest = data[at:]


def _body_at(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at `at` begins and ends; None while its header is not whole."""
    if len(data) < at + 2:
        return None
    if data[at] & 0xF0 != _FIN or data[at + 1] & 0x80:
        raise FrameError(f"frame head {data[at : at + 2].hex()}")
    width = {126: 2, 127: 8}.get(data[at + 1], 0)
    start = at + 2 + width
    if len(data) < start:
        return None
    return start, start + (int.from_bytes(data[at + 2 : start]) if width else data[at + 1])
