"""The front desk: what the doors ask about a call, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.call.continuation import Answer
from app.legs.leg import Leg


@dataclass(frozen=True, slots=True)
class Incoming:
    """A webhook's call facts. `fields` holds every field as received, for what a tool or a route may want."""

    call_sid: str
    caller: str
    called: str
    status: str
    direction: str
    fields: Mapping[str, str]


class FrontDesk:
    """One for each process. Answers are quick: nothing here waits on a model."""

    async def answer_call(self, incoming: Incoming) -> Answer:
        """The number's webhook. A retry of the same CallSid gets the same answer and counts once."""
        raise NotImplementedError

    async def continue_call(self, incoming: Incoming) -> Answer:
        """What follows a stream (/twilio/next). Idempotent."""
        raise NotImplementedError

    async def fall_back(self, incoming: Incoming) -> Answer:
        """The primary handler failed: something to say without the rest of the house."""
        raise NotImplementedError

    def call_reported(self, call_sid: str, status: str) -> None:
        """A call status callback; a terminal status ends the call and releases all that is held for it."""
        raise NotImplementedError

    def stream_reported(self, call_sid: str, event: str, error: str) -> None:
        """A stream status callback: `stream-error` may be all we ever hear of a stream that never opened."""
        raise NotImplementedError

    async def claim_leg(self, call_sid: str, token: str) -> int | None:
        """Check a stream's token (form, CallSid, expiry, single use). The ordinal of the new leg, or None: refuse."""
        raise NotImplementedError

    async def serve_leg(self, call_sid: str, leg: Leg) -> None:
        """Run the call over this leg; returns when the leg has ended and nothing of it is alive."""
        raise NotImplementedError

    def stream_token(self, call_sid: str) -> str:
        """A fresh token for the stream of this call (an HMAC over CallSid, purpose and expiry, 60 s)."""
        raise NotImplementedError
