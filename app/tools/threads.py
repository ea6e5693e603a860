"""Blocking work for tools, and for disks that may stand still, in threads of its own.

A daemon each, unlike the threads of an executor: work that never returns must not keep the process from ending, nor
other work from beginning. A thread cannot be stopped: where nobody waits any more it is left behind, and the host
counts it until it comes back.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from app.tools.contract import Context


async def in_a_thread[T](work: Callable[[], T], name: str, context: Context) -> T:
    """What `work` returns or raises. Cancelled, it returns at once and leaves the thread to the host."""
    future: asyncio.Future[T] = begin(work, f"tool {name}")
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if not future.done():
            context.leave_behind(future)
        raise


def begin[T](work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """What it will return or raise. To be awaited behind `asyncio.shield`: the thread itself cannot be cancelled."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    future.add_done_callback(_seen)

    def run() -> None:
        settle: Callable[[], Any]
        try:
            settle = partial(future.set_result, work())
        except BaseException as error:
            settle = partial(future.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def _seen(future: "asyncio.Future[Any]") -> None:
    """An exception that nobody waits for is no news of the loop's."""
    if not future.cancelled():
        future.exception()
