"""The carrier's own recording of a call, as the bridge sees it: to be paused while a secret is entered."""

from typing import Protocol


class RecordingFailed(Exception):
    """The carrier could not be told, or refused. The text is safe for a log."""


class Recording(Protocol):
    async def pause(self, call_sid: str) -> bool:
        """True where a recording was paused, False where there is none. Raises `RecordingFailed`."""
        ...

    async def resume(self, call_sid: str) -> None:
        """Raises `RecordingFailed`."""
        ...


class NotRecorded:
    """Nobody records, as far as this house knows, and it has no keys to ask the carrier."""

    async def pause(self, call_sid: str) -> bool:
        return False

    async def resume(self, call_sid: str) -> None: ...


class OutOfReach:
    """Calls are recorded, and this house has no keys to pause that: no secret may be entered."""

    async def pause(self, call_sid: str) -> bool:
        raise RecordingFailed("no REST keys are set")

    async def resume(self, call_sid: str) -> None: ...
