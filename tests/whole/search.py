"""Looking for a number wherever it could have been written or could have sounded."""

import asyncio
import contextlib
import io
import re
import wave
from collections.abc import AsyncIterator

import numpy as np
from redis.asyncio import Redis

from app.audio.tones import Samples, dtmf_key

NAMES = ("zero|oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BETWEEN = r"[\s,.\-_]{0,3}"
NO_ACCIDENT = 8  # digits in a row
PART_MS = 20


def spelled(number: str, text: str) -> list[str]:
    """Where so many of its digits stand in a row: joined, grouped, one by one, or as words."""
    each = [f"(?:{digit}|{NAMES[int(digit)]})" for digit in number]
    runs = (BETWEEN.join(each[at : at + NO_ACCIDENT]) for at in range(len(number) - NO_ACCIDENT + 1))
    return re.findall("|".join(runs), text.lower())


def keys_in(samples: Samples, rate: int) -> str:
    """Every key whose tone sounds for 40 ms or more, in order."""
    size = rate * PART_MS // 1000
    parts = [dtmf_key(samples[at : at + size], rate) for at in range(0, len(samples) - size + 1, size)]
    told, before = "", None
    for key, following in zip(parts, [*parts[1:], None], strict=True):
        if key is not None and key != before and key == following:
            told += key
        before = key
    return told


def channels_of(wav: bytes) -> tuple[int, list[Samples]]:
    """Rate, and the samples of each channel."""
    with wave.open(io.BytesIO(wav)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return file.getframerate(), [samples[channel :: file.getnchannels()] for channel in range(file.getnchannels())]


async def _held(redis: Redis, name: bytes) -> str:
    """All that a key holds, as text. Nothing where it has just gone."""
    match kind := await redis.type(name):
        case b"string":
            held = await redis.get(name)
            return held.decode("latin-1") if isinstance(held, bytes) else ""
        case b"zset":
            return str(await redis.zrange(name, 0, -1, withscores=True))
        case b"hash":
            return str(await redis.hgetall(name))
        case b"list":
            return str(await redis.lrange(name, 0, -1))
        case b"none":
            return ""
    raise AssertionError(f"{name!r} is a {kind!r}: teach this search to read it")


@contextlib.asynccontextmanager
async def looking_at_the_store(url: str) -> AsyncIterator[set[str]]:
    """All that ever stands in it, looked at again and again while the body runs, and once more after it."""
    seen: set[str] = set()
    async with Redis.from_url(url) as redis:

        async def look() -> None:
            async for name in redis.scan_iter("*", count=500):
                seen.add(f"{name!r} {await _held(redis, name)}")

        async def look_again_and_again() -> None:
            while True:
                await look()
                await asyncio.sleep(0.2)

        looking = asyncio.create_task(look_again_and_again())
        try:
            yield seen
        finally:
            looking.cancel()
            await look()
