"""Calls that come here from another process: by a webhook or a socket that the carrier has brought to this one.

Whoever is given either has the caller, so the lease is taken first. Then the call goes on from its snapshot, or begins
where there is none.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from app.bridge.incoming import Incoming
from app.bridge.kept import CallMemory, Found
from app.bridge.lives import Lives
from app.bridge.registry import Entry, Registry
from app.bridge.staff import Staff
from app.call.continuation import CallRecord, HangUpCall
from app.call.disposition import Disposition
from app.call.machine import Call
from app.call.setup import CallSetup

log = structlog.get_logger()

STORE_PATIENCE_MS = 3_000  # of a socket whose call another process has; Twilio's own patience is longer


class Takeover:
    """Finds the call a webhook or a socket is about, whichever process had it."""

    def __init__(self, staff: Staff, registry: Registry, memory: CallMemory, lives: Lives) -> None:
        self._staff = staff
        self._registry = registry
        self._memory = memory
        self._lives = lives

    # --- by a webhook ---------------------------------------------------------------------------------------------

    async def of_webhook(self, incoming: Incoming) -> Entry:
        """The call as it stands here, or taken up: the carrier asks what follows, so it still has the caller."""
        entry = await self._still_ours(incoming.call_sid)
        if entry is None or entry.ended == Disposition.CALLER_LOST:  # lost to us, but the carrier still has them
            entry = await self._take_up(incoming)
        return entry

    async def _still_ours(self, call_sid: str) -> Entry | None:
        """A call of this process, unless another one has taken it up."""
        entry = self._registry.get(call_sid)
        if entry is not None and entry.ended_ms is None and not await self._memory.is_ours(call_sid):
            self._lives.let_go(call_sid, entry)
        return self._registry.get(call_sid)

    async def _take_up(self, incoming: Incoming) -> Entry:
        """A call this process does not have: one that has ended, one to go on with from its snapshot, or one to begin
        afresh with an apology."""
        call_sid = incoming.call_sid
        before = self._registry.get(call_sid)
        found = await self._memory.find(call_sid)
        if found.ended is None:
            await self._memory.take(call_sid)
        now_known = self._registry.get(call_sid)
        if now_known is not None and now_known is not before:  # another webhook was quicker while we looked
            return now_known
        if before is None and found.ended is not None:
            return self._remember(call_sid, found.ended)
        return await self._go_on(incoming, found.snapshot, before)

    def _remember(self, call_sid: str, disposition: str) -> Entry:
        entry = self._registry.put(call_sid, HangUpCall())
        entry.record = CallRecord(ended=disposition)
        return entry

    # --- by a socket ----------------------------------------------------------------------------------------------

    async def of_socket(self, call_sid: str) -> Entry | None:
        """The call whose socket came here: ours as it stands, or as it stood where it was before."""
        was_ours = await self._memory.take(call_sid)
        entry = self._registry.get(call_sid)
        if entry is not None and not was_ours and entry.ended_ms is None:
            self._lives.let_go(call_sid, entry)
            entry = None
        if entry is not None:
            return entry
        found = await self._of_other(call_sid)
        incoming = found.calling or _caller_of(call_sid, found)
        if incoming is None or found.ended is not None:
            return None
        log.info("= taken up", call=call_sid, known=found.snapshot is not None)
        return await self._go_on(incoming, found.snapshot, fresh=found.snapshot is None)

    async def _of_other(self, call_sid: str) -> Found:
        """What the process that answered the webhook has kept. A socket may be quicker than its word of who rang; the
        token says that it will come."""
        until = self._staff.now_ms() + STORE_PATIENCE_MS
        while True:
            found = await self._memory.find(call_sid, STORE_PATIENCE_MS / 1000)
            if found != Found() or self._staff.now_ms() > until:
                return found
            await asyncio.sleep(0.05)

    # --- by either ------------------------------------------------------------------------------------------------

    async def _go_on(
        self, incoming: Incoming, snapshot: Mapping[str, Any] | None, before: Entry | None = None, fresh: bool = False
    ) -> Entry:
        """With a call as its snapshot has it, or from the beginning: with an apology, unless it is `fresh`."""
        call_sid = incoming.call_sid
        cast = self._staff.cast(incoming) if snapshot is None else await self._staff.recast(incoming, snapshot)
        now_known = self._registry.get(call_sid)
        if now_known is not None and now_known is not before:
            return now_known
        call = None if snapshot is None else self._resumed(cast.setup, snapshot)
        entry = self._lives.admit(call_sid, cast, cast.setup if call is not None or fresh else cast.again, call)
        if before is not None:
            entry.record, entry.next_leg = replace(before.record, ended=None), before.next_leg
        elif snapshot is not None:
            entry.record = _record_of(snapshot)
        return entry

    def _resumed(self, setup: CallSetup, snapshot: Mapping[str, Any]) -> Call | None:
        try:
            return Call.resume(setup, snapshot, self._staff.now_ms(), "another process", self._staff.wall_ms())
        except ValueError as error:
            log.warning("! a snapshot is of no use", call=setup.facts.call_sid, why=str(error))
            return None


def _record_of(snapshot: Mapping[str, Any]) -> CallRecord:
    try:
        return replace(CallRecord(**snapshot["record"]), ended=None)
    except (KeyError, TypeError):  # written by another version
        return CallRecord()


def _caller_of(call_sid: str, found: Found) -> Incoming | None:
    """As far as a snapshot tells."""
    facts = (found.snapshot or {}).get("facts")
    if not isinstance(facts, dict):
        return None
    placed_by = {"agent": facts.get("agent", ""), "given": facts.get("given", {})} if facts.get("placed_by_us") else {}
    caller, called = facts.get("caller", ""), facts.get("called", "")
    return Incoming(call_sid, caller, called, "in-progress", "inbound", {}, **placed_by)
