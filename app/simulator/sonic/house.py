"""What a stream is given: the simulator it belongs to, and the wire it answers on."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.simulator.faults import FaultPlan
from app.simulator.mind import MindFactory
from app.simulator.sonic.journal import Journal
from app.simulator.sonic.limits import Limits
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.refusals import Refusal
from app.simulator.sonic.signing import Key


class Wire(Protocol):
    """What a stream can do to its connection. Nothing waits."""

    def answer(self) -> None: ...
    def refuse(self, refusal: Refusal) -> None: ...
    def send(self, data: bytes) -> None: ...
    def end(self) -> None: ...
    def reset(self) -> None: ...
    def drop(self) -> None: ...
    def go_away(self) -> None: ...
    def shut_window(self) -> None: ...


@dataclass(slots=True)
class House:
    """What all streams of one simulator share."""

    limits: Limits
    manner: Manner
    mind: MindFactory
    faults: FaultPlan
    journal: Journal
    keys: Sequence[Key]
    wall_ms: Callable[[], int]
    verify_every: int = 1
    open_streams: Counter[str] = field(default_factory=Counter)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
