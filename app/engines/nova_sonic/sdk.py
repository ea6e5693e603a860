"""What the SDK does for us before a stream opens: configuration, endpoint, credentials, signature of the request.

The SDK calls its transport with a request that is already signed. `Notary` is such a transport: it keeps the request
of the operation for whoever is opening a session, answers at once, and hands everything else the SDK may want to
fetch (credentials of a machine's role) to the SDK's own HTTP client. The signature in the `authorization` header is
the seed of the session's chain of event signatures; the secret for them is that of the same credentials.

A trap: where the credentials cannot be resolved, the SDK's call never returns. They are resolved first.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

from aws_sdk_bedrock_runtime.client import AsyncBedrockRuntimeClient
from aws_sdk_bedrock_runtime.config import AsyncBedrockRuntimeConfig
from aws_sdk_bedrock_runtime.models import InvokeModelWithBidirectionalStreamOperationInput
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_aws_core.identity.chain import IdentityChain
from smithy_http import Fields
from smithy_http.aio.crt import AWSCRTHTTPClient

from app.call.events import Failure
from app.engines.engine import EngineError

EVENT_STREAM = "application/vnd.amazon.eventstream"
FRESH_S = 300  # credentials without an expiry are asked for again after this: files change
MARGIN_S = 600  # credentials that end sooner than this are asked for again before a session opens

# Whoever is opening a session. The SDK sends in a task of its own, which inherits the opener's context.
WAITING: ContextVar[asyncio.Future[Any]] = ContextVar("WAITING")

for name in ("smithy_core", "smithy_http", "smithy_aws_core", "smithy_aws_event_stream", "aws_sdk_bedrock_runtime"):
    logging.getLogger(name).setLevel(logging.INFO)  # at DEBUG the SDK logs every event: the caller's words


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request ready to be sent, and what signs the events after it."""

    host: str
    port: int
    path: str
    headers: tuple[tuple[str, str], ...]
    seed: str  # hex signature of the request
    region: str
    secret: str
    expires_ms: int | None  # Unix ms

    def __repr__(self) -> str:
        return f"SignedRequest({self.host}:{self.port}{self.path})"


class CachedCredentials:
    """The SDK's chain, asked rarely and by one at a time: it is needed for every event of the SDK's own path."""

    def __init__(self, chain: Any) -> None:
        self._chain = chain
        self._lock = asyncio.Lock()
        self._identity: AWSCredentialsIdentity | None = None
        self._asked = 0.0
        self._met: dict[str, AWSCredentialsIdentity] = {}

    async def get_identity(self, *, properties: Mapping[str, Any]) -> AWSCredentialsIdentity:
        if self._identity is None or self._stale(self._identity):
            async with self._lock:
                if self._identity is None or self._stale(self._identity):
                    await self._ask(properties)
        assert self._identity is not None
        return self._identity

    async def _ask(self, properties: Mapping[str, Any]) -> None:
        self._identity = await self._chain.get_identity(properties=properties)
        self._asked = time.monotonic()
        self._met = dict([*self._met.items(), (self._identity.access_key_id, self._identity)][-4:])

    def _stale(self, identity: AWSCredentialsIdentity) -> bool:
        asked_ago = time.monotonic() - self._asked
        if identity.expiration is None:
            return asked_ago > FRESH_S
        return identity.expiration.timestamp() - time.time() < MARGIN_S and asked_ago > 10

    def met(self, access_key_id: str) -> AWSCredentialsIdentity:
        """The credentials that signed with this key id, a moment ago."""
        return self._met[access_key_id]

    async def invalidate(self) -> None:
        self._identity = None
        await self._chain.invalidate()

    def __deepcopy__(self, memo: object) -> Self:
        return self


@dataclass(slots=True)
class Accepted:
    """All that the SDK needs to see of an answer: it may go, the stream is ours."""

    status: int
    fields: Fields
    body: bytes = b""
    reason: str | None = None


class Notary:
    """The SDK's transport: catches the signed request of an operation with an event stream."""

    SUPPORTS_DUPLEX_STREAMING = True
    TIMEOUT_EXCEPTIONS: tuple[type[Exception], ...] = ()

    def __init__(self) -> None:
        self._others: AWSCRTHTTPClient | None = None

    async def send(self, request: Any, *, request_config: Any = None) -> Any:
        kind = request.fields["content-type"].as_string() if "content-type" in request.fields else ""
        if kind != EVENT_STREAM:
            self._others = self._others or AWSCRTHTTPClient()
            return await self._others.send(request, request_config=request_config)
        waiting = WAITING.get()
        if not waiting.done():
            waiting.set_result(request)
        return Accepted(200, Fields())

    async def close(self) -> None:
        if self._others is not None:
            await self._others.close()

    def __deepcopy__(self, memo: object) -> Self:
        return self


async def resolve_config(region: str, endpoint: str, transport: Any) -> tuple[AsyncBedrockRuntimeConfig, Any]:
    """The SDK's configuration for one region and its credentials, cached. An empty `endpoint` leaves it to the SDK."""
    overrides: dict[str, Any] = {"endpoint_uri": endpoint} if endpoint else {}
    config = await AsyncBedrockRuntimeConfig.resolve(region=region, transport=transport, **overrides)
    chain = await IdentityChain.create(AWSCredentialsIdentity, region_override=region, http_client=transport)
    credentials = CachedCredentials(chain)
    config.aws_credentials_identity_resolver = credentials
    return config, credentials


async def check_credentials(credentials: CachedCredentials) -> AWSCredentialsIdentity:
    """Raises EngineError where there are none; the SDK's own words may name files, so they are left out."""
    try:
        return await credentials.get_identity(properties={})
    except Exception as error:
        raise EngineError(Failure.MISCONFIGURED, f"no AWS credentials ({type(error).__name__})") from None


def needs_tls() -> EngineError:
    return EngineError(Failure.MISCONFIGURED, "the endpoint must be https: this operation needs HTTP/2 over TLS")


def expiry_ms(identity: AWSCredentialsIdentity) -> int | None:
    return None if identity.expiration is None else int(identity.expiration.timestamp() * 1000)


class RequestSigner:
    """Makes signed requests for one region."""

    def __init__(self, region: str, client: Any, credentials: CachedCredentials) -> None:
        self._region = region
        self._client = client
        self.credentials = credentials

    @classmethod
    async def make(cls, region: str, endpoint: str) -> Self:
        config, credentials = await resolve_config(region, endpoint, Notary())
        return cls(region, AsyncBedrockRuntimeClient(config), credentials)

    async def sign(self, model: str) -> SignedRequest:
        """A fresh request for `model`. Raises EngineError: no credentials, or an endpoint without TLS."""
        await check_credentials(self.credentials)
        caught: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        WAITING.set(caught)
        operation = InvokeModelWithBidirectionalStreamOperationInput(model_id=model)
        await self._client.invoke_model_with_bidirectional_stream(operation)
        return self._signed(await caught)

    def _signed(self, request: Any) -> SignedRequest:
        where = request.destination
        if where.scheme != "https":
            raise needs_tls()
        headers = [(f.name.lower(), value) for f in request.fields.entries.values() for value in f.values]
        authorization = dict(headers)["authorization"]
        identity = self.credentials.met(authorization.partition("Credential=")[2].partition("/")[0])
        path = f"{where.path or '/'}?{where.query}" if where.query is not None else where.path or "/"
        return SignedRequest(
            host=where.host,
            port=where.port or 443,
            path=path,
            headers=(*((n, v) for n, v in headers if n != "host"), ("host", where.netloc)),
            seed=authorization.rpartition("Signature=")[2],
            region=self._region,
            secret=identity.secret_access_key,
            expires_ms=expiry_ms(identity),
        )

    async def close(self) -> None:
        await self._client.close()
