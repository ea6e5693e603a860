"""Our own path to the service: frames made, signed and taken apart here, written straight into a CRT HTTP/2 stream.

Writing never waits. `manual_write` takes what it is given and keeps it in the CRT's own queue, so that queue is the
session's outbox and back-pressure is read from its receipts: each write gives a future, done when the bytes went to
the socket. Bytes that are held back by the peer's flow control, or by a full socket, leave their future undone.
`backlog_ms` adds up the audio in such writes, `stalled` looks at the age of the oldest.

Waking the CRT's thread dominates the cost of a write. `Flusher` therefore gathers what all sessions send within a few
milliseconds: one write for each stream, one wake-up for all. `gather_ms` 0 gathers what one turn of the loop sends.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from io import BytesIO
from typing import Any, Self

from awscrt.http import HttpHeaders, HttpRequest

from app.call.events import Failure
from app.engines.engine import EngineError
from app.engines.nova_sonic.connections import CRT_ERRORS, Connection, ConnectionOptions, ConnectionPool, Crt, crt_name
from app.engines.nova_sonic.errors import LOST_FRAME, LOST_STREAM, Verdict, of_connection, of_frame, of_http
from app.engines.nova_sonic.frames import Deframer, Frame, FrameError, FrameSigner
from app.engines.nova_sonic.mailbox import Mailbox
from app.engines.nova_sonic.once import Once
from app.engines.nova_sonic.sdk import RequestSigner, SignedRequest
from app.engines.nova_sonic.wire import Listener

ERROR_BODY = 64 * 1024  # bytes of an HTTP error that are kept


class Flusher:
    """One timer for all streams: started by the first event after a flush."""

    def __init__(self, loop: asyncio.AbstractEventLoop, gather_ms: int) -> None:
        self._loop = loop
        self._gather_s = gather_ms / 1000
        self._waiting: list[Stream] = []
        self.writes = 0

    def want(self, stream: "Stream") -> None:
        if not self._waiting:
            self._loop.call_later(self._gather_s, self._flush)
        self._waiting.append(stream)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.writes += len(waiting)
        for stream in waiting:
            stream.flush()


class Stream:
    """A `Wire` on one HTTP/2 stream. Lives from `start` to `gone`."""

    def __init__(self, request: SignedRequest, connection: Connection, path: "OwnPath", listener: Listener) -> None:
        self.expires_ms = request.expires_ms
        self.gone: asyncio.Future[None] = path.loop.create_future()
        self._connection = connection
        self._path = path
        self._listener: Listener | None = listener
        self._signer = FrameSigner(request.secret, request.region, request.seed)
        self._deframer = Deframer()
        self._native: Any = None
        self._frames: list[bytes] = []
        self._frames_ms = 0
        self._writes: deque[tuple[Future[None], int, int]] = deque()  # receipt, sent at, ms of audio
        self._backlog_ms = 0
        self._ended = False
        self._status = 0
        self._headers: Mapping[str, str] = {}
        self._body = b""

    def start(self, request: SignedRequest) -> None:
        """Open the stream. Raises one of CRT_ERRORS where the connection takes no more: closing, or told to go."""
        post = self._path.mailbox.post
        wanted = HttpRequest("POST", request.path, HttpHeaders(list(request.headers)))

        def on_response(status_code: int, headers: list[tuple[str, str]], **_: object) -> None:
            post(self._on_response, status_code, headers)

        def on_body(chunk: bytes, **_: object) -> None:
            post(self._on_body, chunk)

        native = self._connection.native.request(wanted, on_response, on_body, manual_write=True)
        native.remote_end_stream_future.add_done_callback(lambda future: post(self._on_remote_end, future))
        native.completion_future.add_done_callback(lambda future: post(self._on_complete, future))
        native.activate()
        self._native = native

    # --- outward ---

    def send(self, message: bytes, audio_ms: int = 0) -> None:
        if self._ended:
            return
        if not self._frames:
            self._path.flusher.want(self)
        self._frames.append(self._signer.event(message, time.time_ns() // 1_000_000))
        self._frames_ms += audio_ms

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._frames.append(self._signer.end(time.time_ns() // 1_000_000))
            self.flush()

    def flush(self) -> None:
        """Hand the gathered frames to the CRT. It reads them later, on its thread."""
        native, frames = self._native, self._frames
        if native is None or not frames:
            return
        self._frames, audio_ms, self._frames_ms = [], self._frames_ms, 0
        try:
            receipt = native.write_data(BytesIO(b"".join(frames)), self._ended)
        except CRT_ERRORS:
            return  # the stream is over: `_on_complete` is on its way
        self._settle()
        self._writes.append((receipt, self._path.now_ms(), audio_ms))
        self._backlog_ms += audio_ms

    def _settle(self) -> None:
        writes = self._writes
        while writes and writes[0][0].done():
            self._backlog_ms -= writes.popleft()[2]

    def backlog_ms(self) -> int:
        self._settle()
        return self._backlog_ms + self._frames_ms

    def stalled(self, now_ms: int, limit_ms: int) -> bool:
        self._settle()
        return bool(self._writes) and now_ms - self._writes[0][1] >= limit_ms

    def abandon(self) -> None:
        self._listener = None
        if not self.gone.done():
            self._path.pool.give_up(self._connection, self)
            self._finish()

    # --- inward, in the loop's thread ---

    def _on_response(self, status: int, headers: list[tuple[str, str]]) -> None:
        self._status = status
        self._headers = {name.lower(): value for name, value in headers}
        if status == 200 and self._listener is not None:
            self._listener.wire_accepted()

    def _on_body(self, chunk: bytes) -> None:
        if self._listener is None:
            return
        if self._status != 200:
            self._body = (self._body + chunk)[:ERROR_BODY]
            if _is_json(self._body):
                self._tell_end(of_http(self._status, self._headers, self._body))
            return
        try:
            for frame in self._deframer.feed(chunk):
                self._on_frame(frame)
        except FrameError as error:
            self._tell_end(Verdict(Failure.LOST, str(error)))

    def _on_frame(self, frame: Frame) -> None:
        if self._listener is None:
            return
        if frame.kind != "event":
            self._tell_end(of_frame(frame.kind, frame.type, frame.payload, frame.note))
        elif frame.type == "chunk":
            try:
                message = frame.message()
            except ValueError:
                raise FrameError("a chunk without JSON") from None
            self._listener.wire_said(message)

    def _on_remote_end(self, future: "Future[None]") -> None:
        if future.exception() is not None:
            return  # `_on_complete` says why
        if self._status not in {0, 200}:
            self._tell_end(of_http(self._status, self._headers, self._body))
        elif self._deframer.in_the_middle:
            self._tell_end(LOST_FRAME)
        else:
            self._tell_end(None if self._status == 200 else LOST_STREAM)
        self.end()

    def _on_complete(self, future: "Future[int]") -> None:
        error = future.exception()
        self._native = None
        if self._deframer.in_the_middle:
            self._tell_end(LOST_FRAME)
        self._tell_end(of_connection(crt_name(error)) if error is not None else LOST_STREAM)
        self._connection.leave(self)
        self._finish()

    def _tell_end(self, verdict: Verdict | None) -> None:
        """Once. What the service says after it is not listened to."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.wire_ended(verdict)
            self.end()

    def _finish(self) -> None:
        self._ended = True
        self._native = None
        self._frames.clear()
        self._writes.clear()
        self._backlog_ms = 0
        if not self.gone.done():
            self.gone.set_result(None)


def _is_json(body: bytes) -> bool:
    """Is the error complete? Some peers say it and never end the stream."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


class OwnPath:
    """Opens streams: the SDK's signed request on one of our connections."""

    def __init__(self, endpoint: str, pool: ConnectionPool, mailbox: Mailbox, flusher: Flusher) -> None:
        self.loop = asyncio.get_running_loop()
        self.pool = pool
        self.mailbox = mailbox
        self.flusher = flusher
        self._endpoint = endpoint
        self._signers: dict[str, Once[RequestSigner]] = {}

    @classmethod
    async def make(cls, endpoint: str, options: ConnectionOptions, gather_ms: int) -> Self:
        """Raises EngineError where the extra trust cannot be read."""
        loop = asyncio.get_running_loop()
        mailbox = Mailbox(loop)
        pool = ConnectionPool(await Crt.make(options), options, mailbox)
        return cls(endpoint, pool, mailbox, Flusher(loop, gather_ms))

    def now_ms(self) -> int:
        return int(self.loop.time() * 1000)

    async def open(self, region: str, model: str, listener: Listener) -> Stream:
        """One that the connection did not take is tried once more on another: an old connection may have been told
        to go, or have died without our hearing of it."""
        signer = await self._signer(region)
        try:
            return await self._start(await signer.sign(model), listener)
        except CRT_ERRORS:
            pass
        try:
            return await self._start(await signer.sign(model), listener)
        except CRT_ERRORS as error:
            verdict = of_connection(crt_name(error))
            raise EngineError(verdict.failure, verdict.detail) from None

    async def _start(self, request: SignedRequest, listener: Listener) -> Stream:
        place = object()
        connection = await self.pool.lease(request.host, request.port, place)
        stream = Stream(request, connection, self, listener)
        connection.tenants.add(stream)
        connection.tenants.discard(place)
        try:
            stream.start(request)
        except CRT_ERRORS:
            connection.leave(stream)
            connection.condemn()
            raise
        return stream

    async def _signer(self, region: str) -> RequestSigner:
        once = self._signers.setdefault(region, Once(lambda: RequestSigner.make(region, self._endpoint)))
        return await once.get()

    def counts(self) -> dict[str, int]:
        live = self.pool.live()
        streams = sum(len(connection.tenants) for connection in live)
        return {"connections": len(live), "streams": streams, "condemned": self.pool.condemned}

    async def close(self) -> None:
        await self.pool.close()
        for once in self._signers.values():
            if signer := await once.stop():
                await signer.close()
