"""One conversation with Nova Sonic: the order of its events, from the opening to a lawful end.

    opened    sessionStart, promptStart, SYSTEM block; the answer's headers received. May still take history.
    begun     history blocks, then the one audio content, open for the whole call; live text and tool results between.
    closing   contentEnd, promptEnd, sessionEnd, end of stream; read on until the service ends too.
    over      dead, or done.

What the service refuses decides the details. It refuses to end a prompt without audio, and an audio content without
bytes: so a session that was never lent, or was lent and never heard a sound, sends 20 ms of silence before it says
goodbye (silence is not billed, a refused goodbye would count as our error). It generates nothing for live text before
68 ms of audio have come: so text is preceded by silence where no audio flows. A whole block is sent in one step, so
that no audio can fall between a content's start and its end.

Nothing here waits, except `opening` and `close`. What is sent goes to the wire at once; what the wire has not taken
shows in its backlog: above `outbox_ms` new audio is dropped and counted, and `SessionStalled` is reported once.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

import structlog

from app.call.events import Failure, SessionEvent, SessionFailed, SessionStalled, ToolCalled, UsageReported
from app.call.history import Line
from app.engines.engine import EngineError, SessionKey, SessionSpec
from app.engines.nova_sonic import events
from app.engines.nova_sonic.errors import LOST_STREAM, Verdict
from app.engines.nova_sonic.reader import Reader
from app.engines.nova_sonic.wire import Wire

log = structlog.get_logger(__name__)

SHORTEST_AUDIO_MS = 20  # an audio content must not end empty
AUDIO_BEFORE_TEXT_MS = 100  # 68 were found enough
AUDIO_FLOWS_MS = 300  # since the last audio: text needs silence of its own after that


@dataclass(frozen=True, slots=True)
class SessionLimits:
    # Audio sent and not taken; more is dropped. What waited for a session, or is to be heard again, comes in one go:
    # up to 20 s of it. A peer that reads nothing is known by the age of a write, long before this is full.
    outbox_ms: int = 25_000
    stall_ms: int = 500  # a write not taken for that long is reported
    close_ms: int = 2_000  # from END_STREAM to the service's own end
    history_bytes: int = 8_192  # all text of a history
    session_ms: int = 480_000  # the service ends it after this
    expiry_margin_ms: int = 5_000  # a session ends this long before its credentials do
    last_minute_ms: int = 60_000  # ... and counts as over before: its successor is sought 180 s before they expire


class SonicSession:
    """A `Session`. Made by `NovaSonicEngine`; `opening` must succeed before anyone else gets it."""

    def __init__(
        self,
        spec: SessionSpec,
        limits: SessionLimits,
        on_gone: Callable[["SonicSession"], None],
        fresh_name: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._spec = spec
        self._limits = limits
        self._on_gone = on_gone
        self._fresh_name = fresh_name
        self._loop = asyncio.get_running_loop()
        self._wire: Wire | None = None
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._closing: asyncio.Task[None] | None = None
        self._prompt = fresh_name()
        self._audio = fresh_name()
        self._mould = events.audio_mould(self._prompt, self._audio)
        self._reader = Reader(where=str(spec.where))
        self._begun = False
        self._over = False
        self._verdict: Verdict | None = None
        self._heard: deque[SessionEvent] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._tools_open: set[str] = set()
        self._stalled = False
        self._audio_ms = 0
        self._audio_at = -AUDIO_FLOWS_MS
        self._opened_ms = 0
        self.abandoned = False  # its close hung
        self.dropped_ms = 0
        self.broken_messages = 0

    # --- what the pool asks ---

    @property
    def key(self) -> SessionKey:
        return self._spec.key

    @property
    def opened_ms(self) -> int:
        return self._opened_ms

    @property
    def ends_ms(self) -> int | None:
        ends = self._opened_ms + self._limits.session_ms
        expires = self.expires_ms
        if expires is None:
            return ends
        return min(ends, expires + self._limits.expiry_margin_ms - self._limits.last_minute_ms)

    @property
    def dead(self) -> Failure | None:
        if self._verdict is not None:
            return self._verdict.failure
        return Failure.LOST if self._over or self._closing is not None else None

    @property
    def expires_ms(self) -> int | None:
        """Monotonic ms at which it must have ended, because its credentials do; None where they never do."""
        if self._wire is None or self._wire.expires_ms is None:
            return None
        left = self._wire.expires_ms - time.time_ns() // 1_000_000
        return self._now_ms() + left - self._limits.expiry_margin_ms

    # --- opening ---

    async def opening(self, wire: Wire) -> None:
        """Say the opening events and wait for the answer's headers: the service holds them until it has those events.
        Raises EngineError; the caller sets the time limit."""
        self._wire = wire
        wire.gone.add_done_callback(lambda _: self._on_gone(self))
        for message in self._opening_events():
            wire.send(message)
        await asyncio.wait({self._accepted})
        if self._verdict is not None:
            raise EngineError(self._verdict.failure, self._verdict.detail)
        self._opened_ms = self._now_ms()

    def _opening_events(self) -> list[bytes]:
        spec, system = self._spec, self._fresh_name()
        block = events.text_block(self._prompt, system, "SYSTEM", spec.system_prompt, piece=events.SYSTEM_PIECE)
        return [events.session_start(spec), events.prompt_start(self._prompt, spec), *block]

    # --- what the call says ---

    def begin(self, ordinal: int, history: Sequence[Line]) -> None:
        """Lend. Once in a session's life."""
        assert not self._begun, "a session serves one call"
        self._begun = True
        self._reader.session = ordinal
        limit = self._limits.history_bytes
        for block in events.history_blocks(self._prompt, history, limit, self._fresh_name):
            self._send_all(block)
        self._send(events.audio_start(self._prompt, self._audio, self._spec.input_rate))

    def send_audio(self, pcm: bytes) -> None:
        if not self._usable() or not pcm:
            return
        wire, ms = self._wire, len(pcm) * 500 // self._spec.input_rate
        assert wire is not None
        if wire.backlog_ms() + ms > self._limits.outbox_ms:
            self.dropped_ms += ms
            self._report_stall()
            return
        self._audio_ms += ms
        self._audio_at = self._now_ms()
        wire.send(events.audio_input(self._mould, pcm), ms)

    def send_text(self, text: str) -> None:
        if not self._usable():
            return
        if self._audio_ms < AUDIO_BEFORE_TEXT_MS or self._now_ms() - self._audio_at > AUDIO_FLOWS_MS:
            self._send_silence(AUDIO_BEFORE_TEXT_MS)
        self._send_all(events.text_block(self._prompt, self._fresh_name(), "USER", text, interactive=True))

    def send_note(self, text: str) -> None:
        if self._usable():
            self._send_all(events.text_block(self._prompt, self._fresh_name(), "USER", text, interactive=False))

    def answer_tool(self, run: str, result: str) -> None:
        """A second answer, or one to a question this session never asked, would end the session: it is left out."""
        if run not in self._tools_open:
            log.warning("tool answer left out", reason="not asked by this session, or answered already")
            return
        self._tools_open.discard(run)
        if self._usable():
            self._send_all(events.tool_result_block(self._prompt, self._fresh_name(), run, result))

    def _usable(self) -> bool:
        return self._begun and not self._over and self._closing is None

    def _send(self, message: bytes) -> None:
        if self._wire is not None and not self._over:
            self._wire.send(message)

    def _send_all(self, messages: Sequence[bytes]) -> None:
        for message in messages:
            self._send(message)

    def _send_silence(self, ms: int) -> None:
        self._audio_ms += ms
        self._audio_at = self._now_ms()
        self._send(events.audio_input(self._mould, bytes(self._spec.input_rate * 2 * ms // 1000)))

    # --- what the model says ---

    async def events(self) -> AsyncIterator[SessionEvent]:
        """For one reader. Ends when the session is over; before that with `SessionFailed`, unless we closed it."""
        while True:
            while self._heard:
                yield self._heard.popleft()
            if self._over:
                break
            self._waiter = self._loop.create_future()
            await self._waiter
        if self._verdict is not None:
            yield SessionFailed(self._reader.session, self._verdict.failure, self._verdict.detail)

    def wire_accepted(self) -> None:
        if not self._accepted.done():
            self._accepted.set_result(None)

    def wire_said(self, message: bytes) -> None:
        try:
            heard = events.parse(message)
        except ValueError:
            self.broken_messages += 1
            return
        if heard is None:
            return
        for event in self._reader.read(heard):
            self._note(event)
        self._wake()

    def _note(self, event: SessionEvent) -> None:
        if isinstance(event, ToolCalled):
            self._tools_open.add(event.run)
        if self._begun or isinstance(event, UsageReported):  # what it used is told to whoever reads, a call or the pool
            self._heard.append(event)

    def wire_ended(self, verdict: Verdict | None) -> None:
        """An end that nobody asked for is a failure, however politely it came."""
        if self._over:
            return
        if self._closing is None:
            self._verdict = verdict or LOST_STREAM
        self._finish()

    def _finish(self) -> None:
        self._over = True
        if not self._accepted.done():
            self._accepted.set_result(None)
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # --- the engine's pulse ---

    def check(self, now_ms: int) -> None:
        """Report writes that are not taken; end before the credentials do; see to it that a dead one goes."""
        wire = self._wire
        if wire is None or self._closing is not None:
            return
        if self._over:
            return self.start_closing()
        if wire.stalled(now_ms, self._limits.stall_ms):
            self._report_stall()
        elif wire.backlog_ms() < self._limits.outbox_ms // 2:
            self._stalled = False
        expires = self.expires_ms
        if expires is not None and now_ms >= expires:
            self._verdict = Verdict(Failure.EXPIRED, "its credentials expire")
            self._say_goodbye()
            self._finish()

    def _report_stall(self) -> None:
        if not self._stalled and self._begun:
            self._stalled = True
            self._heard.append(SessionStalled(self._reader.session))
            self._wake()

    # --- the end ---

    async def close(self) -> None:
        """Idempotent; several may wait. Cancelling a wait does not stop the closing."""
        self.start_closing()
        assert self._closing is not None
        await asyncio.wait({self._closing})

    def start_closing(self) -> None:
        """Say goodbye now, and see to the rest in a task of its own."""
        if self._closing is None:
            self._say_goodbye()
            self._closing = asyncio.create_task(self._close())

    async def _close(self) -> None:
        wire = self._wire
        if wire is None:
            return self._finish()
        await asyncio.wait({wire.gone}, timeout=self._limits.close_ms / 1000)
        if not wire.gone.done():
            self.abandoned = True
            wire.abandon()
        if not self._over:
            self._finish()

    def _say_goodbye(self) -> None:
        """A session whose opening was not answered has nothing to say goodbye to."""
        if not self._over and self._opened_ms:
            self._send_all(self._last_events())
        if self._wire is not None:
            self._wire.end()

    def _last_events(self) -> list[bytes]:
        last = [] if self._begun else [events.audio_start(self._prompt, self._audio, self._spec.input_rate)]
        if not self._audio_ms:
            silence = bytes(self._spec.input_rate * 2 * SHORTEST_AUDIO_MS // 1000)
            last.append(events.audio_input(self._mould, silence))
        prompt = self._prompt
        return [*last, events.content_end(prompt, self._audio), events.prompt_end(prompt), events.session_end()]

    def _now_ms(self) -> int:
        return int(self._loop.time() * 1000)
