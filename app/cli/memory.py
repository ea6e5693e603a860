"""What a server does with the memory that calls leave behind."""

import asyncio
import ctypes
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

LOOK_S = 1.0
QUIET_LOOKS = 3  # in a row: the next call may already be ringing


def spare_the_collector() -> None:
    """What was made until now stays for good and need not be looked at again; calls make little that is cyclic while
    they live, and a collection every few hundred objects would cost each call-second a twentieth of its time.

    A call that has ended is one knot of some 350 objects (58 KB) that only the collector unties. So once about fifteen
    of them lie there, all of what calls have made is looked at, the old with the young: those who were on the telephone
    during an earlier collection would else be kept for thousands of calls."""
    gc.collect()
    gc.freeze()
    gc.collect()  # the old are looked at again once they are a quarter more: than now, not than what is frozen
    gc.set_threshold(5_000, 0, 0)


@asynccontextmanager
async def giving_back(live_calls: Callable[[], int]) -> AsyncIterator[None]:
    """While inside: once the last call has ended, what calls have held is collected, and the allocator gives whole
    pages back. glibc alone keeps them for a next time that may be days away, and a process then seems to grow with
    every busy hour."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    giving = asyncio.create_task(_give_back(live_calls, trim), name="memory") if trim is not None else None
    try:
        yield
    finally:
        if giving is not None:
            giving.cancel()


async def _give_back(live_calls: Callable[[], int], trim: Callable[[int], int]) -> None:
    quiet = QUIET_LOOKS  # nothing has been used yet
    while True:
        await asyncio.sleep(LOOK_S)
        quiet = 0 if live_calls() else quiet + 1
        if quiet == QUIET_LOOKS:
            gc.collect()  # nobody is on the telephone whom its few ms could hurt
            await asyncio.to_thread(trim, 0)
