"""A simulator and a client of it, together; and sounds to send."""

import math
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.simulator.faults import parse_faults
from app.simulator.script import Script, script_from
from app.simulator.scripted_mind import ScriptedMinds
from app.simulator.sonic.limits import Limits
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.simulator import SonicSimulator
from tests.simulator.sonic.sdk import Client, Session, sdk_client

QUICK = Manner(speed=50, chunk_ms=100, final_delay_ms=50)


def tone(ms: int, rate: int = 16_000, frequency: float = 440) -> bytes:
    count = rate * ms // 1000
    return b"".join(struct.pack("<h", int(9000 * math.sin(2 * math.pi * frequency * i / rate))) for i in range(count))


SPEECH = tone(300)
PAUSE = bytes(32 * 200)


def script(**values: Any) -> Script:
    """A script that thinks for 10 ms and takes 100 ms of quiet for the end of an utterance, if it says nothing else."""
    return script_from({"thinking": 10, "listening": {"pause_ms": 100}} | values)


@asynccontextmanager
async def rehearsal(
    written: Script | None = None,
    *,
    faults: str = "",
    limits: Limits | None = None,
    manner: Manner = QUICK,
    **more: Any,
) -> AsyncIterator[tuple[SonicSimulator, Client]]:
    minds = ScriptedMinds(written if written is not None else script())
    async with (
        SonicSimulator(minds, limits=limits, manner=manner, faults=parse_faults(faults), **more) as sonic,
        sdk_client(sonic) as client,
    ):
        yield sonic, client


async def speak(session: Session) -> None:
    """One utterance of the caller, and the quiet after it, faster than real time."""
    await session.audio(SPEECH)
    await session.audio(PAUSE)
