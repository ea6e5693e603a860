"""What the carrier reports of a call without asking anything. Word that came to another process than the call's goes to
it as a letter, and is read here."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from app.bridge.kept import CallMemory
from app.bridge.registry import Registry
from app.call import events as e
from app.call import journal

log = structlog.get_logger()

TERMINAL = {"completed", "busy", "failed", "no-answer", "canceled"}


class Reports:
    """Tells each report to the call it is about."""

    def __init__(self, registry: Registry, memory: CallMemory, now_ms: Callable[[], int]) -> None:
        self._registry = registry
        self._memory = memory
        self._now_ms = now_ms

    def call(self, call_sid: str, status: str) -> None:
        """A terminal status ends the call and releases all that is held for it."""
        entry = self._registry.get(call_sid)
        if entry is None and status in TERMINAL:
            self._memory.post(call_sid, {"call": call_sid, "status": status})
        if entry is not None and status in TERMINAL:
            if entry.life is not None:
                entry.life.tell(e.CallCompleted(status))
            self._registry.end(call_sid)

    def stream(self, call_sid: str, stream: str, event: str, error: str) -> None:
        """Only a stream that never opened is news: another has told its own end by its leg."""
        entry = self._registry.get(call_sid)
        if entry is None or event != "stream-error":
            return
        log.warning("! stream failed", call=call_sid, error=error)
        if stream not in entry.streams:
            entry.streams.add(stream)
            entry.record = entry.record.stream_ended(0)

    def answerer(self, call_sid: str, by: e.Answerer) -> None:
        """Who has answered a call that we placed. It may be known before the call has begun, and waits for it then."""
        entry = self._registry.get(call_sid)
        if entry is None:
            self._memory.post_early(call_sid, self._letter(call_sid, e.AnswererKnown(by)))
        elif entry.life is not None:
            entry.life.tell(e.AnswererKnown(by))

    def forward(self, call_sid: str, event: e.Event) -> None:
        """To the process that has the call."""
        self._memory.post(call_sid, self._letter(call_sid, event))

    def _letter(self, call_sid: str, event: e.Event) -> dict[str, Any]:
        return {"call": call_sid, "event": journal.write(event, self._now_ms(), journal.plain)}

    def read(self, letter: Mapping[str, Any]) -> None:
        """Raises ValueError or KeyError for what is no letter."""
        entry = self._registry.get(letter["call"])
        if entry is None or entry.life is None:
            return
        if "status" in letter:
            self.call(letter["call"], letter["status"])
        else:
            entry.life.tell(journal.read(letter["event"], journal.no_audio)[1])
