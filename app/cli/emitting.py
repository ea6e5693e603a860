"""Metrics for CloudWatch on standard output, while a server runs (setting EMF)."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

from app.metrics.emf import EVERY_S, Emf
from app.metrics.meters import Meters


@contextlib.asynccontextmanager
async def emitting(meters: Meters, process: str, every_s: float = EVERY_S) -> AsyncIterator[None]:
    """A line each minute, and one at the end for what came after the last."""
    emf = Emf(meters, process)
    task = asyncio.create_task(_emit(emf, every_s), name="metrics for CloudWatch")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await asyncio.to_thread(_write, emf)


async def _emit(emf: Emf, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await asyncio.to_thread(_write, emf)


def _write(emf: Emf) -> None:
    """Whole lines: several workers write to the same standard output."""
    sys.stdout.write(emf.line(time.time_ns() // 1_000_000) + "\n")
    sys.stdout.flush()
