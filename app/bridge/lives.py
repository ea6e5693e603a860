"""The lives of this process's calls: each begins here, is lent its legs, and is let go or buried here."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import structlog

from app.bridge.kept import CallMemory
from app.bridge.people import People
from app.bridge.registry import Entry, Registry
from app.bridge.session import CallLife
from app.bridge.staff import Cast, DeskOptions, Staff
from app.bridge.ticker import Ticker
from app.call.continuation import ConnectStream
from app.call.disposition import Disposition
from app.call.machine import Call
from app.call.setup import CallSetup
from app.legs.leg import Leg

log = structlog.get_logger()


class Lives:
    """Runs each call as a task of `group`, and is its `Memory`: what a life keeps goes out with the desk's record."""

    def __init__(
        self,
        staff: Staff,
        registry: Registry,
        memory: CallMemory,
        people: People,
        group: asyncio.TaskGroup,
        options: Callable[[], DeskOptions],
    ) -> None:
        self._staff = staff
        self._registry = registry
        self._memory = memory
        self._people = people
        self._group = group
        self._options = options
        self._ticker = Ticker(staff.now_ms, self._loop_was_late)

    def admit(self, call_sid: str, cast: Cast, setup: CallSetup, call: Call | None = None) -> Entry:
        """The call lives from now on, and its model session is expected. `call`: as it stood in another process."""
        life = self._life(call_sid, cast, setup, call)
        life.expect_session(life.bridge.call.language)
        entry = self._registry.put(call_sid, ConnectStream(self._options().record_calls), life)
        entry.destinations = cast.destinations
        self._group.create_task(self._run(call_sid, life), name=f"call {call_sid}")
        return entry

    def _life(self, call_sid: str, cast: Cast, setup: CallSetup, call: Call | None) -> CallLife:
        staff = self._staff
        watch = staff.watch
        return CallLife(
            setup,
            {**cast.specs, setup.facts.language: cast.spec},
            cast.ears,
            staff.pool,
            cast.tools,
            self._people,
            self._ticker,
            staff.meters,
            self,
            staff.now_ms,
            staff.pace,
            call,
            None if watch is None else lambda at, event, commands: watch(call_sid, at, event, commands),
            staff.recording,
            staff.listening,
            cast.listeners,
            None if staff.ledger is None or cast.day is None else staff.ledger.open(cast.day, call_sid),
            staff.tracing.call(setup.facts, resumed=call is not None),
        )

    async def _run(self, call_sid: str, life: CallLife) -> None:
        try:
            await life.run()
        except Exception:
            log.exception("! call failed", call=call_sid)
            life.ended("failed")
        self._registry.bury(call_sid, life)
        if life.disposition not in (None, Disposition.CALLER_LOST):  # they may come back through any process
            self._memory.ended(call_sid, life.disposition)

    async def serve(self, call_sid: str, leg: Leg) -> None:
        """Returns when the leg has ended and nothing of it is alive."""
        entry = self._registry.get(call_sid)
        if entry is None or entry.life is None:
            return
        began_ms, life = self._staff.now_ms(), entry.life
        try:
            await life.serve(leg, self._staff.transcoder())
        except Exception:
            log.exception("! leg failed", call=call_sid)
            leg.hang_up()
            life.ended("failed")
        entry.record = entry.record.stream_ended(self._staff.now_ms() - began_ms)

    def let_go(self, call_sid: str, entry: Entry) -> None:
        """Another process has the call, or will."""
        if self._registry.get(call_sid) is entry:
            self._registry.forget(call_sid)
        if entry.life is not None:
            entry.life.let_go()

    # --- what a life asks for -------------------------------------------------------------------------------------

    def keep(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None:
        self._memory.keep(call_sid, self._with_record(call_sid, snapshot), longest_ms)

    def hand_over(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None:
        entry = self._registry.get(call_sid)
        if entry is not None:
            document = self._with_record(call_sid, snapshot)
            self._memory.hand_over(call_sid, document, longest_ms, lambda: self.let_go(call_sid, entry))

    def _with_record(self, call_sid: str, snapshot: dict[str, Any]) -> dict[str, Any]:
        entry = self._registry.get(call_sid)
        return snapshot if entry is None else {**snapshot, "record": asdict(entry.record)}

    def _loop_was_late(self, seconds: float) -> None:
        self._staff.meters.loop_lateness.observe(seconds)
        self._registry.lateness.ran(seconds * 1000, self._staff.now_ms())
