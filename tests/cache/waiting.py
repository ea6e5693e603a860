"""Waiting for what another process does, bounded."""

import time
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError


def until(happened: Callable[[], bool], limit_s: float = 5.0) -> bool:
    give_up = time.monotonic() + limit_s
    while not happened():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def answers(socket_path: str) -> bool:
    client = Redis(unix_socket_path=socket_path)
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()
