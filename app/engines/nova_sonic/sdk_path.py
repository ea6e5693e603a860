"""The SDK's own path to the service: its framing, `send`, `receive` and HTTP client. A setting to fall back on.

It costs some five times the CPU of our own path, and has traps that this file goes round (SDK 0.12.0):

- `receive()` must never be cancelled: its future is completed from the CRT's thread later, which then fails. The
  reader task ends when the stream does, or is left behind.
- `input_stream.close()` may hang for good after a lost connection, and `wait_for` on it would hang with it. It runs in
  the writer task, which is left behind when the session's time is up.
- A lost connection looks like a proper end (`None`): the session knows whether it had asked for one.
- `send` blocks after 16 events that were not taken: one writer task stands before it, its queue bounded by the
  session (`backlog_ms`).
- One HTTP client keeps one connection for all streams and forgets it when it is closed; we remember, to close it.
"""

import asyncio
from collections import deque
from typing import Any, Self

from aws_sdk_bedrock_runtime.client import AsyncBedrockRuntimeClient
from aws_sdk_bedrock_runtime.models import (
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOperationInput,
)
from awscrt.exceptions import AwsCrtError
from smithy_aws_event_stream.exceptions import ChecksumMismatch, EventError, InvalidEventBytes, UnmodeledEventError
from smithy_core.exceptions import CallError, SmithyError
from smithy_http.aio.crt import AWSCRTHTTPClient

from app.call.events import Failure
from app.engines.engine import EngineError
from app.engines.nova_sonic.connections import CRT_ERRORS, ConnectionOptions, tls_context
from app.engines.nova_sonic.crt_thread import send_at_once
from app.engines.nova_sonic.errors import LOST_FRAME, Verdict, of_connection, of_error
from app.engines.nova_sonic.once import Once
from app.engines.nova_sonic.sdk import (
    CachedCredentials,
    check_credentials,
    expiry_ms,
    needs_tls,
    resolve_config,
)
from app.engines.nova_sonic.wire import Listener


class TrustingClient(AWSCRTHTTPClient):
    """The SDK's client with our extra trust, and a memory of its connections. Knows two private names of 0.12.0."""

    def __init__(self, tls: Any) -> None:
        super().__init__()
        self._tls_ctx = tls
        self.made: list[Any] = []

    async def _build_new_connection(self, url: Any) -> Any:
        connection = await super()._build_new_connection(url)
        await asyncio.to_thread(send_at_once, connection.port)
        self.made = [known for known in self.made if known.is_open()] + [connection]
        return connection

    def __deepcopy__(self, memo: object) -> Self:
        return self


def verdict_of(error: BaseException) -> Verdict:
    """What an exception of the SDK means."""
    cause = error.__cause__ if type(error) is SmithyError or isinstance(error, OSError) else None
    if isinstance(cause, AwsCrtError):
        error = cause
    if isinstance(error, AwsCrtError):
        return of_connection(error.name)
    if isinstance(error, ChecksumMismatch):
        return Verdict(Failure.LOST, "damaged frame")
    if isinstance(error, InvalidEventBytes):
        return LOST_FRAME
    if isinstance(error, UnmodeledEventError):
        return of_error(str(error.code), str(error.message))
    if isinstance(error, EventError | OSError):
        return Verdict(Failure.LOST, f"stream broken ({type(error).__name__})")
    message = getattr(error, "message", None) or str(error)
    if type(error) is CallError and "status: 429" in message:
        return Verdict(Failure.THROTTLED, "HTTP 429")
    return of_error(type(error).__name__, str(message))


class SdkStream:
    """A `Wire` on the SDK's duplex stream: one writer task and one reader task, neither ever cancelled."""

    def __init__(self, duplex: Any, expires_ms: int | None, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        self.expires_ms = expires_ms
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self._duplex = duplex
        self._listener: Listener | None = listener
        self._queue: deque[tuple[bytes, int]] = deque()
        self._backlog_ms = 0
        self._more = asyncio.Event()
        self._ended = False
        self._busy_since = -1
        self._tasks = {asyncio.create_task(self._write()), asyncio.create_task(self._read())}
        for task in self._tasks:
            task.add_done_callback(self._task_done)

    def send(self, message: bytes, audio_ms: int = 0) -> None:
        if not self._ended:
            self._queue.append((message, audio_ms))
            self._backlog_ms += audio_ms
            self._more.set()

    def end(self) -> None:
        self._ended = True
        self._more.set()

    def backlog_ms(self) -> int:
        return self._backlog_ms

    def stalled(self, now_ms: int, limit_ms: int) -> bool:
        return self._busy_since >= 0 and now_ms - self._busy_since >= limit_ms

    def abandon(self) -> None:
        """What still runs is left behind: it ends with the connection, when the path is closed."""
        self._listener = None
        self._over()

    async def _write(self) -> None:
        try:
            while self._queue or not self._ended:
                if not self._queue:
                    self._more.clear()
                    await self._more.wait()
                    continue
                await self._write_one(*self._queue.popleft())
            await self._duplex.input_stream.close()
        except Exception as error:
            self._tell_end(verdict_of(error))

    async def _write_one(self, message: bytes, audio_ms: int) -> None:
        self._busy_since = int(self._loop.time() * 1000)
        part = BidirectionalInputPayloadPart(bytes_=message)
        await self._duplex.input_stream.send(InvokeModelWithBidirectionalStreamInputChunk(value=part))
        self._busy_since = -1
        self._backlog_ms -= audio_ms

    async def _read(self) -> None:
        try:
            _, output = await self._duplex.await_output()
            if self._listener is not None:
                self._listener.wire_accepted()
            while (event := await output.receive()) is not None:
                message = getattr(getattr(event, "value", None), "bytes_", None)
                if message and self._listener is not None:
                    self._listener.wire_said(message)
            self._tell_end(None)
        except KeyError:  # an exception of a type that the SDK does not know
            self._tell_end(Verdict(Failure.UNSTABLE, "error of an unknown type"))
        except Exception as error:
            self._tell_end(verdict_of(error))

    def _tell_end(self, verdict: Verdict | None) -> None:
        listener, self._listener = self._listener, None
        self.end()
        if listener is not None:
            listener.wire_ended(verdict)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._over()

    def _over(self) -> None:
        self._ended = True
        self._more.set()
        if not self.gone.done():
            self.gone.set_result(None)


class SdkPath:
    """One SDK client for each region, all on one HTTP client."""

    def __init__(self, endpoint: str, transport: TrustingClient) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._regions: dict[str, Once[tuple[Any, CachedCredentials]]] = {}
        self._streams: set[SdkStream] = set()

    @classmethod
    async def make(cls, endpoint: str, options: ConnectionOptions) -> Self:
        """Raises EngineError where the extra trust cannot be read."""
        try:
            tls = await asyncio.to_thread(tls_context, options.ca_file)
        except (OSError, *CRT_ERRORS) as error:
            raise EngineError(Failure.MISCONFIGURED, f"AWS_CA_BUNDLE is of no use ({type(error).__name__})") from None
        return cls(endpoint, TrustingClient(tls))

    async def open(self, region: str, model: str, listener: Listener) -> SdkStream:
        once = self._regions.setdefault(region, Once(lambda: self._make_region(region)))
        client, credentials = await once.get()
        identity = await check_credentials(credentials)
        operation = InvokeModelWithBidirectionalStreamOperationInput(model_id=model)
        duplex = await client.invoke_model_with_bidirectional_stream(operation)
        stream = SdkStream(duplex, expiry_ms(identity), listener)
        self._streams.add(stream)
        stream.gone.add_done_callback(lambda _: self._streams.discard(stream))
        return stream

    async def _make_region(self, region: str) -> tuple[Any, CachedCredentials]:
        config, credentials = await resolve_config(region, self._endpoint, self._transport)
        if str(config.endpoint_uri or "https").startswith("http://"):
            raise needs_tls()
        return AsyncBedrockRuntimeClient(config), credentials

    def counts(self) -> dict[str, int]:
        """The SDK opens nothing new on a connection that is closed; it condemns none."""
        open_now = sum(connection.is_open() for connection in self._transport.made)
        return {"connections": open_now, "streams": len(self._streams), "condemned": 0}

    async def close(self) -> None:
        """Closes every connection ever made here, which also ends what was left behind."""
        for once in self._regions.values():
            await once.stop()
        closing = asyncio.gather(*(made.close() for made in self._transport.made), return_exceptions=True)
        await asyncio.wait({closing}, timeout=2)
        await self._transport.close()
