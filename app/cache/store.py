"""The one store: what must outlive a socket, a session or this process, and what several processes share.

Three kinds of thing, each under its own name space: **tokens** that may be claimed once, **documents** (call state,
snapshots) under a time limit, and **audio** by the key of its rendition. Every command has 250 ms; then, or when the
server is gone, it raises `StoreGone`. A caller is never kept waiting for a store: whoever asks decides what to do
without it.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.cache.private_server import NoServer, PrivateServer, programs

log = structlog.get_logger()

LIMIT_S = 0.25
CONNECTIONS = 32


class StoreGone(Exception):
    """The store did not answer in time, or not at all. Nobody's fault here; go on without it."""


class Store:
    """`client` is any redis-py client; `backend` says which server is behind it, for logs and doctors."""

    def __init__(self, client: Redis, backend: str, prefix: str = "offhook", limit_s: float = LIMIT_S) -> None:
        self.backend = backend
        self.well = True  # whether the last command was answered
        self._client = client
        self._prefix = prefix
        self._limit_s = limit_s

    async def claim(self, token: str, ttl_s: int) -> bool:
        """True for the first who claims `token` within `ttl_s`, in any process; False for all others."""
        return bool(await self._within_limit(self._client.set(self._name("token", token), b"1", nx=True, ex=ttl_s)))

    async def put(self, kind: str, name: str, document: Mapping[str, Any], ttl_s: int) -> None:
        """Keep a JSON document for `ttl_s`, replacing the one before."""
        text = json.dumps(document, separators=(",", ":"))
        await self._within_limit(self._client.set(self._name(kind, name), text, ex=ttl_s))

    async def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """The document, or None when there is none (any more)."""
        text = await self._within_limit(self._client.get(self._name(kind, name)))
        if text is None:
            return None
        document: dict[str, Any] = json.loads(text)
        return document

    async def delete(self, kind: str, name: str) -> None:
        await self._within_limit(self._client.delete(self._name(kind, name)))

    async def all(self, kind: str) -> list[dict[str, Any]]:
        """Every document of a kind, in any order. For few, and never while a caller waits: it looks through all
        names."""
        names = await self._within_limit(self._scan(f"{self._prefix}:{kind}:*"))
        texts = [await self._within_limit(self._client.get(name)) for name in names]
        return [json.loads(text) for text in texts if text is not None]

    async def _scan(self, pattern: str) -> list[bytes]:
        return [name async for name in self._client.scan_iter(match=pattern, count=1000)]

    async def put_audio(self, key: str, audio: bytes, ttl_s: int) -> None:
        await self._within_limit(self._client.set(self._name("audio", key), audio, ex=ttl_s))

    async def get_audio(self, key: str) -> bytes | None:
        audio: bytes | None = await self._within_limit(self._client.get(self._name("audio", key)))
        return audio

    async def answers(self) -> bool:
        """Whether the server is there. Raises nothing."""
        with contextlib.suppress(StoreGone):
            return bool(await self._within_limit(self._client.ping()))
        return False

    def _name(self, kind: str, name: str) -> str:
        return f"{self._prefix}:{kind}:{name}"

    async def _within_limit(self, asked: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await asked
        except TimeoutError:
            self.well = False
            raise StoreGone(f"no answer within {round(self._limit_s * 1000)} ms") from None
        except (RedisError, OSError) as error:
            self.well = False
            raise StoreGone(type(error).__name__) from None  # redis-py's texts may hold the address with its password
        self.well = True
        return answer


@asynccontextmanager
async def open_store(redis_url: str, data_dir: Path, prefix: str = "offhook") -> AsyncIterator[Store]:
    """The store for this process: `redis_url` if given (there or not: it may come later), else a private server under
    `data_dir`, else memory, which one warning says. Closes what it opened."""
    if redis_url:
        async with _closing(_client(redis_url)) as client:
            yield await _introduced(Store(client, "redis", prefix))
        return
    async with _private(data_dir) as server:
        if server is None:
            async with _closing(_in_memory()) as client:
                log.warning("! no Redis at hand: state is kept in memory and lost when this process ends")
                yield Store(client, "memory", prefix)
            return
        async with _closing(_client(f"unix://{quote(server.socket_path)}")) as client:
            yield await _introduced(Store(client, server.program.name, prefix))


async def _introduced(store: Store) -> Store:
    if not await store.answers():
        log.warning("! the store does not answer; calls go on without it", backend=store.backend)
    return store


def _client(url: str) -> Redis:
    """One attempt a command, for a caller waits; a server that was gone is met again at the next one."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=LIMIT_S,
        socket_timeout=LIMIT_S,
        socket_connect_timeout=LIMIT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


def _in_memory() -> Redis:
    from fakeredis import FakeAsyncRedis  # half a second to import, and rarely wanted

    client: Redis = FakeAsyncRedis()
    return client


@asynccontextmanager
async def _closing(client: Redis) -> AsyncIterator[Redis]:
    try:
        yield client
    finally:
        with contextlib.suppress(RedisError, OSError):
            await client.aclose()


@asynccontextmanager
async def _private(data_dir: Path) -> AsyncIterator[PrivateServer | None]:
    """The first of the machine's servers that starts, or None."""
    for program in programs():
        server = PrivateServer(program, data_dir)
        try:
            await asyncio.to_thread(server.start)
        except (NoServer, OSError) as error:
            log.warning("! a store's server does not start", program=program.name, error=str(error))
            continue
        try:
            yield server
        finally:
            await asyncio.to_thread(server.stop)
        return
    yield None
