"""A stream's token: given out with the answer to a webhook, and claimed once, by the socket that becomes the leg."""

import asyncio

from app.bridge.registry import Entry, Registry
from app.bridge.staff import Staff
from app.bridge.takeover import STORE_PATIENCE_MS, Takeover
from app.cache.store import StoreGone

TOKEN_REMEMBERED_S = 120
TOKEN_REPEATED_MS = 2_000


class Claims:
    """A token proves the call, whichever process answered its webhook: who gets the socket takes the call up."""

    def __init__(self, staff: Staff, registry: Registry, takeover: Takeover) -> None:
        self._staff = staff
        self._registry = registry
        self._takeover = takeover

    def token(self, call_sid: str) -> str:
        """The same one again within seconds, and until it was used."""
        entry = self._registry.get(call_sid)
        now = self._staff.now_ms()
        if entry is None:
            return self._staff.tokens.issue(call_sid)
        if entry.token in entry.tokens_used or now - entry.token_at_ms > TOKEN_REPEATED_MS:
            entry.token, entry.token_at_ms = self._staff.tokens.issue(call_sid), now
        return entry.token

    async def claim(self, call_sid: str, stream: str, token: str) -> int | None:
        """The ordinal of the new leg, or None: refuse."""
        entry = await self._proved(call_sid, stream, token)
        if entry is None or entry.life is None or entry.ended_ms is not None or entry.ended is not None:
            return None
        entry.answered_next = False
        entry.streams.add(stream)
        ordinal, entry.next_leg = entry.next_leg, entry.next_leg + 1
        return ordinal

    async def _proved(self, call_sid: str, stream: str, token: str) -> Entry | None:
        if not self._staff.tokens.valid(token, call_sid):
            return None
        entry = self._registry.get(call_sid)
        if entry is not None:
            if token in entry.tokens_used:
                return None
            entry.tokens_used.add(token)
        try:
            if not await self._first_use(token, f"{self._staff.process} {stream}", entry is not None):
                return None
            return await self._takeover.of_socket(call_sid)
        except StoreGone:  # nobody else can be asked; but its webhook was answered by this process
            return self._registry.get(call_sid)

    async def _first_use(self, token: str, by: str, known: bool) -> bool:
        """Raises `StoreGone`: at once for a call that is known here, after some patience for one that only the store
        knows. Refused, it would come back to be refused again."""
        until = self._staff.now_ms() + STORE_PATIENCE_MS
        while True:
            try:
                return await self._staff.store.claim(token, TOKEN_REMEMBERED_S, by)
            except StoreGone:
                if known or self._staff.now_ms() > until:
                    raise
            await asyncio.sleep(0.05)
