"""A small HTTP/2 server for the engine's tests: takes the operation apart and does what a test tells it to.

It shares no code with the engine: frames, signatures and their chain are read and checked here by the published
algorithm, written a second time. It is no model of the service: it never answers of its own accord, except with the
headers (`accept`), and by ending its side when the client has ended (`polite`).
"""

import asyncio
import base64
import datetime
import hashlib
import hmac
import ipaddress
import json
import ssl
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import hyperframe.frame
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ACCESS_KEY, SECRET_KEY, REGION = "AKIDPEER", "peer-secret", "us-east-1"
PATIENCE_S = 10  # a test that waits longer for something has failed


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """An authority (its certificate is the first path) and a certificate with key for 127.0.0.1 (the second)."""
    now = datetime.datetime.now(datetime.UTC)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer authority")])

    def certificate(subject: str, public_key: Any, extensions: Iterable[tuple[Any, bool]]) -> x509.Certificate:
        builder = x509.CertificateBuilder().issuer_name(authority).public_key(public_key)
        builder = builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=2))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(authority_key, hashes.SHA256())

    root = certificate("peer authority", authority_key.public_key(), [(x509.BasicConstraints(True, None), True)])
    name = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = certificate("peer", key.public_key(), [(name, False), (x509.BasicConstraints(False, None), True)])
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "leaf.pem").write_bytes(key.private_bytes(pem, pkcs8, plain) + leaf.public_bytes(pem))
    return folder / "ca.pem", folder / "leaf.pem"


def hmac256(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def key_for(date: str) -> bytes:
    key = hmac256(b"AWS4" + SECRET_KEY.encode(), date)
    for part in (REGION, "bedrock", "aws4_request"):
        key = hmac256(key, part)
    return key


def request_signature(headers: dict[str, str]) -> str:
    """The signature that the request must carry, by the published rules: the path encoded twice, no query."""
    path = headers[":path"].split("?")[0]
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    values = {**headers, "host": headers[":authority"]}
    canonical = "\n".join(
        ["POST", quote(path, safe="/"), ""]
        + [f"{name}:{values[name]}" for name in signed]
        + ["", ";".join(signed), headers["x-amz-content-sha256"]]
    )
    stamp = headers["x-amz-date"]
    scope = f"{stamp[:8]}/{REGION}/bedrock/aws4_request"
    assert f"Credential={ACCESS_KEY}/{scope}," in headers["authorization"]
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac256(key_for(stamp[:8]), text).hex()


def server_frame(headers: dict[str, str], payload: bytes) -> bytes:
    block = b"".join(
        bytes([len(k)]) + k.encode() + b"\x07" + struct.pack(">H", len(v)) + v.encode() for k, v in headers.items()
    )
    prelude = struct.pack(">II", len(block) + len(payload) + 16, len(block))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return body + struct.pack(">I", zlib.crc32(body))


def event_frame(event: dict[str, Any]) -> bytes:
    inner = base64.b64encode(json.dumps({"event": event}).encode()).decode()
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return server_frame(headers, json.dumps({"bytes": inner, "p": "abcd"}, separators=(",", ":")).encode())


def exception_frame(kind: str, message: str) -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return server_frame(headers, json.dumps({"message": message}).encode())


class ClientFrames:
    """Reads the client's signed frames. Every check is an assertion: a wrong byte fails the test."""

    def __init__(self, seed: str) -> None:
        self.previous = seed
        self.kept = b""

    def feed(self, data: bytes) -> list[dict[str, Any] | None]:
        """Events, and None for the empty frame at the end."""
        self.kept += data
        found: list[dict[str, Any] | None] = []
        while len(self.kept) >= 4 and len(self.kept) >= (total := struct.unpack(">I", self.kept[:4])[0]):
            found.append(self.open_frame(self.kept[:total]))
            self.kept = self.kept[total:]
        return found

    def open_frame(self, whole: bytes) -> dict[str, Any] | None:
        headers, payload = self.split(whole)
        assert headers[:7] == b"\x05:date\x08" and headers[15:32] == b"\x10:chunk-signature"
        stamp = datetime.datetime.fromtimestamp(struct.unpack(">q", headers[7:15])[0] // 1000, datetime.UTC)
        text = "\n".join(
            [
                "AWS4-HMAC-SHA256-PAYLOAD",
                stamp.strftime("%Y%m%dT%H%M%SZ"),
                f"{stamp:%Y%m%d}/{REGION}/bedrock/aws4_request",
                self.previous,
                hashlib.sha256(headers[:15]).hexdigest(),
                hashlib.sha256(payload).hexdigest(),
            ]
        )
        signature = hmac256(key_for(f"{stamp:%Y%m%d}"), text)
        assert headers[-32:] == signature, "wrong signature"
        self.previous = signature.hex()
        if not payload:
            return None
        message: dict[str, Any] = json.loads(base64.b64decode(json.loads(self.split(payload)[1])["bytes"]))["event"]
        return message

    @staticmethod
    def split(whole: bytes) -> tuple[bytes, bytes]:
        total, size, check = struct.unpack(">III", whole[:12])
        assert total == len(whole) and check == zlib.crc32(whole[:8])
        assert struct.unpack(">I", whole[-4:])[0] == zlib.crc32(whole[:-4])
        return whole[12 : 12 + size], whole[12 + size : -4]


class PeerStream:
    """One session, as the server sees it."""

    def __init__(self, link: "Link", id: int, headers: dict[str, str]) -> None:
        self.link, self.id, self.headers = link, id, headers
        self.signed_well = headers["authorization"].endswith(f"Signature={request_signature(headers)}")
        self.events: list[dict[str, Any]] = []
        self.end_frames = 0
        self.ended = self.accepted = False
        self.frames = ClientFrames(headers["authorization"].rpartition("Signature=")[2])
        self.changed = asyncio.Condition()

    def names(self) -> list[str]:
        return [next(iter(event)) for event in self.events]

    async def until(self, name: str, count: int = 1) -> dict[str, Any]:
        """The body of the `count`th event of that name."""
        await self.wait_for(lambda: self.names().count(name) >= count)
        body: dict[str, Any] = [event[name] for event in self.events if name in event][count - 1]
        return body

    async def until_ended(self) -> None:
        await self.wait_for(lambda: self.ended)

    async def wait_for(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE_S), self.changed:
            await self.changed.wait_for(condition)

    def accept(self, status: int = 200, **headers: str) -> None:
        self.accepted = True
        fields = [(":status", str(status)), *((k.replace("_", "-"), v) for k, v in headers.items())]
        self.link.h2.send_headers(self.id, fields)
        self.link.flush()

    def refuse(self, status: int, kind: str, message: str) -> None:
        self.accept(status, x_amzn_errortype=kind, content_type="application/json")
        self.send(json.dumps({"message": message}).encode(), end=True)

    def say(self, *events: dict[str, Any]) -> None:
        self.send(b"".join(event_frame(event) for event in events))

    def fail(self, kind: str, message: str) -> None:
        self.send(exception_frame(kind, message), end=True)

    def send(self, data: bytes, end: bool = False) -> None:
        step = self.link.h2.max_outbound_frame_size
        for at in range(0, len(data), step):
            self.link.h2.send_data(self.id, data[at : at + step])
        if end:
            self.link.h2.end_stream(self.id)
        self.link.flush()

    def reset(self) -> None:
        self.link.h2.reset_stream(self.id, h2.errors.ErrorCodes.INTERNAL_ERROR)
        self.link.flush()


class Link(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self, peer: "Peer") -> None:
        self.peer = peer
        self.gone = asyncio.Event()
        self.streams: dict[int, PeerStream] = {}
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.peer.links.append(self)
        self.h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.peer.streams_allowed,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: self.peer.window,
            },
        )
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            self.on_event(event)
        self.flush()

    def on_event(self, event: Any) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self.streams[event.stream_id] = stream = PeerStream(
                self, event.stream_id, {str(k): str(v) for k, v in event.headers}
            )
            self.peer.opened.put_nowait(stream)
        elif isinstance(event, h2.events.DataReceived):
            if self.peer.reads:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if self.peer.checks:
                self.on_data(self.streams[event.stream_id], event.data)
            elif not self.streams[event.stream_id].accepted:
                self.streams[event.stream_id].accept()
        elif isinstance(event, h2.events.StreamEnded):
            self.on_end(self.streams[event.stream_id])

    def on_data(self, stream: PeerStream, data: bytes) -> None:
        for event in stream.frames.feed(data):
            if event is None:
                stream.end_frames += 1
            else:
                stream.events.append(event)
        if self.peer.accepts and not stream.accepted and "contentEnd" in stream.names():
            stream.accept()
        self.tell(stream)

    def on_end(self, stream: PeerStream) -> None:
        stream.ended = True
        if self.peer.polite and stream.accepted:
            self.h2.end_stream(stream.id)
        self.tell(stream)

    def tell(self, stream: PeerStream) -> None:
        async def tell() -> None:
            async with stream.changed:
                stream.changed.notify_all()

        self.peer.group.create_task(tell())

    def flush(self) -> None:
        if data := self.h2.data_to_send():
            self.transport.write(data)

    def go_away(self) -> None:
        """Nothing new here, what is open goes on. By hand: h2 would close its books."""
        self.transport.write(hyperframe.frame.GoAwayFrame(last_stream_id=max(self.streams)).serialize())

    def connection_lost(self, exc: Exception | None) -> None:
        self.peer.links.remove(self)
        self.gone.set()


class Peer:
    """`async with Peer(certificates) as peer:` A test sets what it wants before a session opens."""

    def __init__(self, leaf: Path) -> None:
        self.accepts = True  # answer 200 once the SYSTEM block is complete
        self.polite = True  # end a stream when the client has ended it
        self.reads = True  # give back flow-control window
        self.checks = True  # take the client's frames apart; without it streams are accepted unseen
        self.window = 1 << 20
        self.streams_allowed = 100
        self.links: list[Link] = []
        self.opened: asyncio.Queue[PeerStream] = asyncio.Queue()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(leaf)
        self._context.set_alpn_protocols(["h2"])

    async def __aenter__(self) -> Self:
        self.group = await asyncio.TaskGroup().__aenter__()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self), "127.0.0.1", 0, ssl=self._context)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def stream(self) -> PeerStream:
        """The next session opened by the client."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.opened.get()

    def drop(self) -> None:
        """Every TCP connection gone, without a word."""
        for link in self.links:
            link.transport.abort()

    def stop_listening(self) -> None:
        self._server.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.drop()
        await self.group.__aexit__(kind, error, trace)
