"""The seam between a session and the stream under it: our own path (`transport.py`) or the SDK's (`sdk_path.py`).

Neither side ever waits for the other. A session says events, a wire tells its listener what came of them.
"""

import asyncio
from typing import Protocol

from app.engines.nova_sonic.errors import Verdict


class Listener(Protocol):
    """Told in the event loop's thread. After `wire_ended` nothing more comes."""

    def wire_accepted(self) -> None:
        """The headers of a good answer have come."""
        ...

    def wire_said(self, message: bytes) -> None:
        """One event of the service, as JSON."""
        ...

    def wire_ended(self, verdict: Verdict | None) -> None:
        """The service's side is over. None: by a proper end of stream; else what went wrong."""
        ...


class Wire(Protocol):
    """One stream to the service."""

    expires_ms: int | None  # Unix ms at which the credentials that sign it run out
    gone: asyncio.Future[None]  # done when nothing of the stream is left, on either side

    def send(self, message: bytes, audio_ms: int = 0) -> None:
        """Sign and send one event, later than all before it. Never waits; silent where the stream is over."""
        ...

    def backlog_ms(self) -> int:
        """Milliseconds of audio that were sent and not yet taken."""
        ...

    def stalled(self, now_ms: int, limit_ms: int) -> bool:
        """Has some write not been taken for `limit_ms`?"""
        ...

    def end(self) -> None:
        """Send the end frame and END_STREAM; happens by itself where the service ended first. Idempotent."""
        ...

    def abandon(self) -> None:
        """The service did not end in time: stop listening, and give up what carries the stream."""
        ...


class WirePath(Protocol):
    """A way to open wires."""

    async def open(self, region: str, model: str, listener: Listener) -> Wire:
        """A stream on which events can be sent at once; the service answers only after the opening ones.
        Raises EngineError. May be cancelled."""
        ...

    def counts(self) -> dict[str, int]:
        """connections, streams: now. condemned: connections given up so far."""
        ...

    async def close(self) -> None: ...
