"""The one store: what must outlive a socket, a session or this process, and what several processes share.

Each kind of thing has its own name space: **tokens** that may be claimed once, **documents** (call state, snapshots)
under a time limit, **audio** by the key of its rendition, **leases** (who has a call), **groups** (who is there, and
how many streams are in use) and **mail** from one process to another. Every command has 250 ms; then, or when the
server is gone, it raises `StoreGone`. A caller is never kept waiting for a store: whoever asks decides what to do
without it.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
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

# Looked at and written in one trip: a watched transaction takes four, and on a busy loop each waits for its turn.
_LET_GO = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
_PUT_HELD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""


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

    async def claim(self, token: str, ttl_s: int, by: str) -> bool:
        """True for the first who claims `token` within `ttl_s`, in any process, however often they ask: an answer may
        have come too late. False for all others."""
        key = self._name("token", token)
        return _text(await self._within_limit(self._client.set(key, by, nx=True, ex=ttl_s, get=True))) in ("", by)

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

    # --- leases: which process has what ---------------------------------------------------------------------------

    async def take(self, name: str, owner: str, ttl_s: int) -> str:
        """Make `owner` the holder, whoever was: who comes last has it. The holder before, "" for nobody."""
        key = self._name("lease", name)
        return _text(await self._within_limit(self._client.set(key, owner, ex=ttl_s, get=True)))

    async def take_free(self, name: str, owner: str, ttl_s: int) -> bool:
        """Make `owner` the holder if nobody is."""
        return bool(await self._within_limit(self._client.set(self._name("lease", name), owner, ex=ttl_s, nx=True)))

    async def holders(self, names: Sequence[str]) -> list[str]:
        """Who holds each of them, "" for nobody."""
        if not names:
            return []
        found = await self._within_limit(self._client.mget([self._name("lease", name) for name in names]))
        return [_text(holder) for holder in found]

    async def prolong(self, names: Iterable[str], ttl_s: int) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.expire(self._name("lease", name), ttl_s)
        await self._within_limit(pipeline.execute())

    async def let_go(self, name: str, owner: str) -> None:
        """Nobody holds it, if `owner` did."""
        await self._within_limit(self._client.eval(_LET_GO, 1, self._name("lease", name), owner))

    async def put_held(self, kind: str, name: str, document: Mapping[str, Any], ttl_s: int, owner: str) -> bool:
        """`put`, unless somebody else holds the lease of that name: what they have written since is newer."""
        text = json.dumps(document, separators=(",", ":"))
        keys = (self._name("lease", name), self._name(kind, name))
        return bool(await self._within_limit(self._client.eval(_PUT_HELD, 2, *keys, owner, text, ttl_s)))

    # --- who is there, and how many -------------------------------------------------------------------------------

    async def count_in(self, group: str, members: Sequence[str], until_ms: int, now_ms: int) -> int:
        """Enter `members` in a group until a moment (Unix ms), and leave out whoever's has passed. How many there
        are now."""
        key = self._name("group", group)
        pipeline = self._client.pipeline(transaction=True)
        pipeline.zremrangebyscore(key, "-inf", now_ms)
        if members:
            pipeline.zadd(key, dict.fromkeys(members, until_ms))
        pipeline.zcard(key)
        return int((await self._within_limit(pipeline.execute()))[-1])

    async def count_out(self, group: str, members: Sequence[str]) -> None:
        if members:
            await self._within_limit(self._client.zrem(self._name("group", group), *members))

    async def members(self, group: str) -> list[str]:
        return [
            _text(name) for name in await self._within_limit(self._client.zrange(self._name("group", group), 0, -1))
        ]

    async def different(self, kind: str, name: str, one: str, ttl_s: int) -> int:
        """How many different ones were told under this name, this one included. Forgotten `ttl_s` after the last."""
        key = self._name(kind, name)
        pipeline = self._client.pipeline(transaction=True)
        pipeline.sadd(key, one)
        pipeline.expire(key, ttl_s)
        pipeline.scard(key)
        return int((await self._within_limit(pipeline.execute()))[-1])

    async def tally(self, kind: str, name: str, more: Mapping[str, int], ttl_s: int) -> dict[str, int]:
        """Add to a document's counts; what they are now. It is forgotten `ttl_s` after the last time."""
        key = self._name(kind, name)
        pipeline = self._client.pipeline(transaction=True)
        for field, count in more.items():
            pipeline.hincrby(key, field, count)
        pipeline.expire(key, ttl_s)
        counts = (await self._within_limit(pipeline.execute()))[: len(more)]
        return dict(zip(more, map(int, counts), strict=True))

    # --- mail: what one process wants another to know -------------------------------------------------------------

    async def post(self, address: str, letter: Mapping[str, Any], ttl_s: int) -> None:
        key = self._name("mail", address)
        pipeline = self._client.pipeline(transaction=True)
        pipeline.rpush(key, json.dumps(letter, separators=(",", ":")))
        pipeline.expire(key, ttl_s)
        await self._within_limit(pipeline.execute())

    async def collect(self, address: str) -> list[dict[str, Any]]:
        """All that was posted there, in order, once."""
        letters = await self._within_limit(self._client.lpop(self._name("mail", address), 1_000))
        return [json.loads(letter) for letter in letters or ()]

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


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


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


@asynccontextmanager
async def shared_url(redis_url: str, data_dir: Path) -> AsyncIterator[str]:
    """Where several processes of this machine find one store: `redis_url` if given, else a private server that lives
    as long as this context. Empty where none can be had."""
    if redis_url:
        yield redis_url
        return
    async with _private(data_dir) as server:
        yield "" if server is None else f"unix://{quote(server.socket_path)}"


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
