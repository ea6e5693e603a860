"""A connection that sends what no telephone would, over real sockets: it is closed with a reason, and nothing grows."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from app.call.events import LegEnd, LegEnded
from app.legs.leg import LineAudio
from app.web.budget import BYTES_AT_ONCE, BYTES_PER_S, MESSAGES_AT_ONCE, MESSAGES_PER_S
from app.web.line import UNSENT_BYTES, LineProtocol
from app.web.requests import LARGEST_HEAD, MOST_WAITING
from tests.web.house import TOKEN, Desk, House, media, open_house, start

TEXT, BINARY, CONTINUED, PING = 0x1, 0x2, 0x0, 0x9
FIN = 0x80
FLOOD = 20_000


def frame(kind: int, payload: bytes, *, fin: bool = True, claims: int | None = None) -> bytes:
    """A client's frame, masked with zeros; `claims` is the length it pretends to have."""
    size = len(payload) if claims is None else claims
    head = bytes([(FIN if fin else 0) | kind])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    return head + bytes(4) + payload


class Wire:
    """A WebSocket by hand: what is written is what goes out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def closed_with(self) -> tuple[int, str]:
        """Code and reason of the server's close; other frames are passed over."""
        async with asyncio.timeout(10):
            while True:
                first, second = await self.reader.readexactly(2)
                size = second & 0x7F
                if size == 126:
                    size = int.from_bytes(await self.reader.readexactly(2))
                payload = await self.reader.readexactly(size)
                if first & 0xF == 0x8:
                    return int.from_bytes(payload[:2]), payload[2:].decode()

    async def flood(self, data: bytes) -> None:
        """Write until all of it is out, or nobody takes it any more."""
        with suppress(OSError):
            self.writer.write(data)
            await self.writer.drain()


@asynccontextmanager
async def wire(house: House, reads: int = 65_536) -> AsyncIterator[Wire]:
    """A socket that is open; `reads` bytes may wait in its kernel."""
    signature = RequestValidator(TOKEN).compute_signature("wss://bot.example.com/twilio/media", {})
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, reads)
    end.setblocking(False)
    await asyncio.get_running_loop().sock_connect(end, ("127.0.0.1", house.port))
    reader, writer = await asyncio.open_connection(sock=end)
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    writer.write(
        f"GET /twilio/media HTTP/1.1\r\nHost: bot.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nX-Twilio-Signature: {signature}\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


MANY = "too many messages"
STORMS: dict[str, tuple[bytes, tuple[int, str]]] = {
    "media": (frame(TEXT, media().encode()) * FLOOD, (1008, MANY)),
    "huge media": (frame(TEXT, media(bytes(48_000)).encode()) * 40, (1008, "too many bytes")),
    "texts that mean nothing": (frame(TEXT, b"{}") * FLOOD, (1008, MANY)),
    "binary": (frame(BINARY, b"") * FLOOD, (1008, MANY)),
    "pings": (frame(PING, bytes(125)) * FLOOD, (1008, MANY)),
    "keys": (frame(TEXT, b'{"event":"dtmf","dtmf":{"digit":"1"}}') * FLOOD, (1008, MANY)),
    "marks": (frame(TEXT, b'{"event":"mark","mark":{"name":"x"}}') * FLOOD, (1008, MANY)),
    "empty fragments": (frame(TEXT, b"", fin=False) + frame(CONTINUED, b"", fin=False) * FLOOD, (1008, MANY)),
}


@pytest.mark.parametrize("storm", STORMS)
async def test_a_flood_is_closed_with_a_reason_after_what_the_budget_allows(storm: str) -> None:
    data, told = STORMS[storm]
    desk = Desk()
    async with open_house(desk) as house, wire(house) as line:
        await line.flood(frame(TEXT, start().encode()))
        await desk.hear(1)
        with capture_logs() as logs:
            flooding = asyncio.create_task(line.flood(data))
            assert await line.closed_with() == told
            await desk.served.wait()
            flooding.cancel()
    reports = desk.heard[1:-1]
    assert len(reports) <= MESSAGES_AT_ONCE + 5 * MESSAGES_PER_S
    heard = sum(len(report.audio) for report in reports if isinstance(report, LineAudio))
    assert heard <= BYTES_AT_ONCE + 5 * BYTES_PER_S
    assert desk.heard[-1] == LegEnded(1, LegEnd.LOST)
    assert [entry["code"] for entry in logs if "code" in entry] == [told[0]], "one line a socket"


OVERSIZE: dict[str, bytes] = {
    "one frame": frame(TEXT, b"{", claims=70_000),
    "a frame of exabytes": frame(TEXT, b"{", claims=2**62),
    "fragments": frame(TEXT, b"x" * 40_000, fin=False) + frame(CONTINUED, b"x" * 40_000, fin=False),
}


@pytest.mark.parametrize("message", OVERSIZE)
async def test_a_message_that_is_too_large_is_closed_as_such_before_it_has_come(message: str) -> None:
    desk = Desk()
    async with open_house(desk) as house, wire(house) as line:
        await line.flood(frame(TEXT, start().encode()))
        await desk.hear(1)
        with capture_logs():
            await line.flood(OVERSIZE[message])
            assert (await line.closed_with())[0] == 1009
            await desk.served.wait()
    assert desk.heard[-1] == LegEnded(1, LegEnd.LOST)


@pytest.mark.parametrize(
    ("bytes_", "code"),
    [
        (bytes([0x81, 0x05]) + b"plain", 1002),  # a client has to mask
        (frame(0x3, b""), 1002),  # an opcode that nobody knows
        (frame(CONTINUED, b"of what?"), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(0x1 | 0x40, b"{}"), 1002),  # a bit of an extension we did not agree on
    ],
)
async def test_what_is_no_websocket_is_closed_as_such(bytes_: bytes, code: int) -> None:
    async with open_house(Desk()) as house, wire(house) as line:
        await line.flood(frame(TEXT, start().encode()))
        await house.desk.hear(1)
        with capture_logs():
            await line.flood(bytes_)
            assert (await line.closed_with())[0] == code
            await house.desk.served.wait()


async def test_half_a_start_and_then_silence_is_given_up() -> None:
    desk = Desk()
    async with open_house(desk, start_within_s=0.2) as house, wire(house) as line:
        await line.flood(frame(TEXT, start().encode())[:300])
        with capture_logs() as logs:
            assert (await line.closed_with())[0] == 1008
    assert desk.legs == [] and [entry["log_level"] for entry in logs] == ["error"]


class Watched(LineProtocol):
    """The largest pile of bytes that any connection left with us."""

    most = 0

    def handle_ping(self) -> None:
        super().handle_ping()
        Watched.most = max(Watched.most, self.transport.get_write_buffer_size())


async def test_a_peer_that_asks_and_never_reads_gets_no_pile_of_answers() -> None:
    desk = Desk()
    async with open_house(desk, ws=Watched) as house, wire(house, reads=4_096) as line:
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await line.flood(frame(TEXT, start().encode()))
        await line.flood((frame(PING, bytes(125)) * 700) + frame(TEXT, media().encode()))
        await desk.hear(2)
    assert 0 < Watched.most <= UNSENT_BYTES + 127


async def talk(house: House, data: bytes) -> bytes:
    """What a connection that sends `data` is answered, until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    try:
        writer.write(data)
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"x" * (LARGEST_HEAD + 1),
        b"GET / HTTP/1.1\r\nX-Long: " + b"x" * (LARGEST_HEAD + 1),
        b"GET / HTTP/1.1\r\n" + b"X-Many: y\r\n" * (LARGEST_HEAD // 10),
    ],
    ids=["address", "header", "headers"],
)
async def test_an_endless_head_is_refused(endless: bytes) -> None:
    async with open_house(Desk()) as house:
        assert (await talk(house, endless)).startswith(b"HTTP/1.1 400 ")


async def test_a_pipeline_of_requests_is_cut() -> None:
    async with open_house(Desk()) as house:
        answers = await talk(house, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000)
        assert answers.count(b"HTTP/1.1 ") <= MOST_WAITING + 2
        assert (await house.client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "unfinished",
    [b"", b"GET /healthz HT", b"POST /twilio/voice HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nCallSid="],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_request_that_never_becomes_whole_is_given_up(
    unfinished: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.requests.REQUEST_WITHIN_S", 0.2)
    async with open_house(Desk()) as house:
        with capture_logs() as logs:
            assert await talk(house, unfinished) == b""
            await asyncio.sleep(0)
        assert (await house.client.get("/healthz")).status_code == 200
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def test_a_connection_that_asks_again_and_again_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.requests.REQUEST_WITHIN_S", 0.2)
    async with open_house(Desk()) as house:
        for _ in range(4):
            assert (await house.client.get("/healthz")).status_code == 200
            await asyncio.sleep(0.1)
