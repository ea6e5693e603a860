"""The caller's audio on its way to the engine.

While no session is attached it waits, 5 s of it, and goes in order when one is. In long quiet it travels in batches of
100 ms (the cheapest events are those never sent); the first sound flushes the batch, and from there until 2 s after the
speech every frame goes at once. With the gate, long quiet is sent as digital silence; the last batch is always kept
back as it was, because the detector decides some frames after the first sound.

What the caller said since the last answered turn is kept, so that a session that fails before answering can be followed
by one that hears it again: from a little before the first sound, without the long quiet in between.
"""

from app.call.commands import Command, SendToEngine
from app.call.setup import Timings, UplinkSettings

CHUNK_MS = 100  # of what waited, when it goes


class Uplink:
    def __init__(self, settings: UplinkSettings, timings: Timings) -> None:
        self._settings = settings
        self._bytes_per_ms = settings.rate * 2 // 1000
        self._batch_bytes = self._bytes(settings.quiet_batch_ms)
        self._wait_bytes = self._bytes(timings.uplink_buffer)
        self._keep_bytes = self._bytes(timings.utterance_kept)
        self._lead_in_bytes = self._bytes(timings.lead_in)
        self._session: int | None = None
        self._paused = False  # a tool is pending and the engine wants no audio then
        self._speech = False
        self._quiet_ms = settings.quiet_after_ms  # since the end of speech
        self._batch = bytearray()
        self._waiting = bytearray()
        self._kept = bytearray()
        self._skipped = bytearray()  # the last of a quiet that is not kept: a detector decides late
        self._room_bytes = self._wait_bytes
        self._substantial = False  # ... of at least the length of a word
        self.unanswered = False  # the kept audio holds speech no reply has followed

    def push(self, audio: bytes, ms: int) -> list[Command]:
        """One piece of the caller's line. Called 50 times a second a call."""
        quiet = not self._speech and self._quiet_ms >= self._settings.quiet_after_ms
        if not self._speech:
            self._quiet_ms += ms
        self._keep(audio, quiet)
        if self._session is None or self._paused:
            self._wait(audio)
            return []
        if not quiet or (self._settings.quiet_batch_ms <= ms and not self._settings.gate):
            return [SendToEngine(self._session, audio)]
        self._batch += audio
        return self._batches()

    def onset(self) -> list[Command]:
        """Speech began: what was held back goes at once, as it was."""
        self._speech = True
        self.unanswered = True
        self._keep_lead_in()
        batch, self._batch = bytes(self._batch), bytearray()
        return [SendToEngine(self._session, batch)] if batch and self._session is not None else []

    def offset(self, substantial: bool) -> None:
        """Speech ended. A sound too short for a word need not be heard again, unless words came before it."""
        self._speech = False
        self._quiet_ms = 0
        self._substantial |= substantial
        if not self._substantial:
            self.answered()

    @property
    def waiting_ms(self) -> int:
        """What the next session has to hear first."""
        return len(self._waiting) // self._bytes_per_ms

    def attach(self, session: int) -> list[Command]:
        """A session takes audio from now on: all that waited, in order."""
        self._session = session
        return self._release()

    def detach(self) -> None:
        """The session is gone. The next one hears again what this one has not answered; else what came since the end of
        the last speech, of it the lead-in of a sound nobody has noticed yet."""
        self._session = None
        self._batch.clear()
        self._waiting = bytearray(self._kept) if self.unanswered else self._unnoticed()
        self._room_bytes = self._wait_bytes + len(self._waiting)

    def hand_over(self) -> None:
        """The session is closed though it did no wrong: a whole line of ours may be heard before the next one comes."""
        self.detach()
        self._room_bytes = max(self._room_bytes, self._keep_bytes)

    def pause(self, paused: bool) -> list[Command]:
        """A tool is pending, or no longer: hold audio back where the settings say so."""
        before, self._paused = self._paused, paused and not self._settings.audio_while_tool_pending
        return self._release() if before and not self._paused and self._session is not None else []

    def answered(self) -> None:
        """The caller's last turn has its reply: nothing of it will be needed again."""
        self.unanswered = self._substantial = False
        self._keep_lead_in()
        del self._kept[: -self._lead_in_bytes]

    # --- inside ---------------------------------------------------------------------------------------------------

    def _unnoticed(self) -> bytearray:
        quiet_ms = 0 if self._speech else self._quiet_ms
        size = min(len(self._kept), self._lead_in_bytes, self._bytes(quiet_ms))
        return self._kept[len(self._kept) - size :]

    def _keep_lead_in(self) -> None:
        self._kept += self._skipped
        self._skipped.clear()

    def _keep(self, audio: bytes, quiet: bool) -> None:
        kept = self._kept
        if quiet and self.unanswered:
            self._skipped += audio
            del self._skipped[: -self._lead_in_bytes]
            return
        kept += audio
        limit = self._keep_bytes if self.unanswered else self._lead_in_bytes
        if len(kept) > limit:
            del kept[: len(kept) - limit]

    def _wait(self, audio: bytes) -> None:
        self._waiting += audio
        if len(self._waiting) > self._room_bytes:
            del self._waiting[: len(self._waiting) - self._room_bytes]

    def _release(self) -> list[Command]:
        assert self._session is not None
        waiting = bytes(self._batch + self._waiting)
        self._batch, self._waiting, self._room_bytes = bytearray(), bytearray(), self._wait_bytes
        size = self._bytes(CHUNK_MS)
        return [SendToEngine(self._session, waiting[at : at + size]) for at in range(0, len(waiting), size)]

    def _batches(self) -> list[Command]:
        assert self._session is not None
        full = self._batch_bytes
        if not self._settings.gate:
            if len(self._batch) < full:
                return []
            batch, self._batch = bytes(self._batch), bytearray()
            return [SendToEngine(self._session, batch)]
        if len(self._batch) < full + self._bytes(CHUNK_MS):
            return []
        del self._batch[:full]
        return [SendToEngine(self._session, bytes(full))]

    def _bytes(self, ms: int) -> int:
        return ms * self._bytes_per_ms
