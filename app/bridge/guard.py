"""Keeps a carrier's recording from hearing what a caller enters: one at a time, the last wish wins."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from app.call.events import CallerGuarded
from app.legs.recording import Recording, RecordingFailed

log = structlog.get_logger()


class RecordingGuard:
    """One call's. `wish` never waits; each `wish(True)` is answered by `CallerGuarded`, unless it was taken back."""

    def __init__(
        self,
        call_sid: str,
        recording: Recording,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
        tell: Callable[[CallerGuarded], None],
    ) -> None:
        self._call_sid = call_sid
        self._recording = recording
        self._spawn = spawn
        self._tell = tell
        self._wished = False
        self._paused = False  # by us
        self._stands = False
        self._working = False

    def wish(self, on: bool) -> None:
        self._wished = on
        if on and self._stands:
            self._tell(CallerGuarded(True))
        elif not self._working:
            self._working = True
            self._spawn(self._work(), "guard")

    async def _work(self) -> None:
        try:
            while self._wished != self._stands:
                if self._wished:
                    await self._raise()
                else:
                    await self._lift()
        finally:
            self._working = False

    async def _raise(self) -> None:
        try:
            self._paused = await self._recording.pause(self._call_sid)
        except RecordingFailed as failed:
            log.warning("! a recording was not paused", call=self._call_sid, why=str(failed))
            if self._wished:
                self._wished = False
                self._tell(CallerGuarded(False))
            return
        self._stands = True
        if self._wished:
            self._tell(CallerGuarded(True))

    async def _lift(self) -> None:
        self._stands = False
        if not self._paused:
            return
        self._paused = False
        try:
            await self._recording.resume(self._call_sid)
        except RecordingFailed as failed:
            log.warning("! a recording was not resumed", call=self._call_sid, why=str(failed))
