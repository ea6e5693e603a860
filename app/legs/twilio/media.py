"""A Twilio media stream as a leg: text in, reports out; commands in, text out.

Inbound there is no task here: whoever reads the socket calls `take` with each text, which parses it and puts a report
into the inbox that `events` empties. Outbound there is one writer and an outbox. The writer is a task that lives only
while something waits: it is started eagerly, so that a message which the socket takes at once is written inside
`send_frames` itself, with no turn of the event loop in between. Only when the socket pushes back does the task stay,
and with it the outbox begins to fill and the clock of a stall to run.

How a slow reader is noticed: the socket's `write` must not return before the bytes have left this process, bar a few
hundred milliseconds of speech. uvicorn alone returns until 64 KB wait; `app.web.line` lowers that mark.

Marks: one that a `clear` drops out of the outbox is reported as `MarkEchoed` at once, as Twilio does with those that it
drops. It comes before the echoes of older marks; after a clear no echo proves anything, so the order carries no news.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from app.call.events import KeyPressed, LegAttached, LegEnd, LegEnded, LegStalled, MarkEchoed
from app.legs.leg import MULAW_8K, AudioFormat, LegReport, LineAudio
from app.legs.twilio.arrivals import Arrivals
from app.legs.twilio.messages import Key, Mark, Media, Message, MessageError, Started, Stopped, parse, quick_media
from app.legs.twilio.outbox import Outbox

type Write = Callable[[str], Awaitable[object]]
type Close = Callable[[int], Awaitable[object]]

OUTBOX_MS = 2_000
WRITE_LIMIT_S = 0.5
SILENCE_LIMIT_S = 10.0  # Twilio sends 50 messages a second, spoken or not
FLUSH_LIMIT_S = 2.0
INBOX_BYTES = 480_000  # a minute of speech that nobody took: the call behind this leg is gone or stuck

log = structlog.get_logger()


class TwilioLeg:
    """One stream. `write` sends a text and raises OSError or RuntimeError once the socket is gone; `close` ends it."""

    def __init__(
        self,
        ordinal: int,
        started: Started,
        write: Write,
        close: Close,
        *,
        outbox_ms: int = OUTBOX_MS,
        write_limit_s: float = WRITE_LIMIT_S,
        silence_limit_s: float = SILENCE_LIMIT_S,
        flush_limit_s: float = FLUSH_LIMIT_S,
    ) -> None:
        self._ordinal = ordinal
        self._write = write
        self._close = close
        self._write_limit = write_limit_s
        self._silence_limit = silence_limit_s
        self._flush_limit = flush_limit_s
        self._log = log.bind(call=started.call_sid, leg=ordinal)
        self._loop = asyncio.get_running_loop()

        self._inbox: deque[LegReport] = deque([LegAttached(ordinal)])
        self._inbox_bytes = 0
        self._arrivals = Arrivals(ordinal)
        self._reader: asyncio.Future[None] | None = None
        self._ended = False
        self.broken = 0
        self.dropped_in = 0

        self._outbox = Outbox(started.stream_sid, outbox_ms)
        self._writer: asyncio.Task[None] | None = None
        self._write_began = 0.0
        self._stalled = False
        self._closing = False

        self._heard_at = self._loop.time()
        self._late: asyncio.TimerHandle | None = None
        self._flush: asyncio.TimerHandle | None = None
        self._silence = self._loop.call_later(silence_limit_s, self._watch)

    @property
    def ordinal(self) -> int:
        return self._ordinal

    @property
    def format(self) -> AudioFormat:
        return MULAW_8K

    @property
    def dropped_out_ms(self) -> int:
        """Audio that found the outbox full."""
        return self._outbox.dropped_ms

    # --- from the caller ------------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[LegReport]:
        """Reports in order, `LegAttached` first, `LegEnded` last. To be read once."""
        inbox = self._inbox
        while True:
            while inbox:
                report = inbox.popleft()
                if type(report) is LineAudio:
                    self._inbox_bytes -= len(report.audio)
                yield report
                if type(report) is LegEnded:
                    return
            self._reader = self._loop.create_future()
            await self._reader

    def take(self, text: str | None) -> None:
        """One text from the socket (None: a binary message, which Media Streams does not have). Never raises."""
        self._heard_at = self._loop.time()
        if text is not None and (audio := quick_media(text)) is not None:
            self._hear(audio, text)
            return
        try:
            if text is None:
                raise MessageError("binary message")
            self._obey(parse(text), text)
        except MessageError as error:
            self._count_broken(str(error))

    def lost(self) -> None:
        """The socket is gone: without a word, unless `stop` or our own close came before."""
        self._end(LegEnd.CLOSED if self._closing else LegEnd.LOST)

    def _obey(self, message: Message | None, text: str) -> None:
        match message:
            case Media(audio):
                self._hear(audio, text)
            case Key(key):
                self._tell(KeyPressed(self._ordinal, key))
            case Mark(name):
                self._tell(MarkEchoed(self._ordinal, name))
            case Stopped():
                self._end(LegEnd.STOPPED)
            case Started() | None:  # a second start changes nothing; what is unknown is ignored
                pass

    def _hear(self, audio: bytes, text: str) -> None:
        measured = self._arrivals.frame(self._heard_at, text)
        if not audio:
            return
        if self._inbox_bytes + len(audio) > INBOX_BYTES:
            self.dropped_in += 1
            return
        if measured is not None:
            self._tell(measured)
        self._inbox_bytes += len(audio)
        self._tell(LineAudio(self._ordinal, audio))

    def _tell(self, report: LegReport) -> None:
        if self._ended:
            return
        self._inbox.append(report)
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_result(None)

    def _count_broken(self, what: str) -> None:
        self.broken += 1
        if self.broken == 1:
            self._log.warning("broken message from the carrier", what=what)

    def _watch(self) -> None:
        """One timer a leg, which finds out when it fires whether it was put off: not one for each frame."""
        left = self._heard_at + self._silence_limit - self._loop.time()
        if left > 0:
            self._silence = self._loop.call_later(left, self._watch)
        else:
            self._log.warning("no message from the carrier", seconds=self._silence_limit)
            self._end(LegEnd.LOST)

    def _end(self, how: LegEnd) -> None:
        self._tell(LegEnded(self._ordinal, how))
        self._ended = True
        self._silence.cancel()
        if self._flush is not None:
            self._flush.cancel()

    # --- to the caller --------------------------------------------------------------------------------------------

    def send_frames(self, audio: bytes) -> None:
        """Whole frames, mu-law at 8 kHz. What finds the outbox full is dropped, counted and told once as a stall."""
        if self._takes_commands():
            if not self._outbox.add_audio(audio):
                self._stall()
            self._kick()

    def send_mark(self, name: str) -> None:
        if self._takes_commands():
            self._outbox.add_mark(name)
            self._kick()

    def clear(self) -> None:
        if self._takes_commands():
            for name in self._outbox.clear():
                self._tell(MarkEchoed(self._ordinal, name))
            self._kick()

    def hang_up(self) -> None:
        """Send what waits, then close with 1000; after two seconds close whether or not it could be sent."""
        if self._takes_commands():
            self._closing = True
            self._flush = self._loop.call_later(self._flush_limit, self._end, LegEnd.CLOSED)
            self._kick()

    async def release(self) -> None:
        """Leave nothing alive: the writer and the timers end here, whatever state the leg is in."""
        self._end(LegEnd.CLOSED if self._closing else LegEnd.LOST)
        if self._writer is not None and not self._writer.done():
            self._writer.cancel()
            await asyncio.wait([self._writer])

    def _takes_commands(self) -> bool:
        return not (self._ended or self._closing)

    def _kick(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.Task(self._write_out(), loop=self._loop, eager_start=True)
            if not self._writer.done():
                self._late = self._loop.call_later(self._write_limit, self._look_at_write)

    async def _write_out(self) -> None:
        try:
            while (message := self._outbox.next_message()) is not None:
                self._write_began = self._loop.time()
                await self._write(message)
            self._stalled = False
            if self._closing:
                await self._close(1000)
                self._end(LegEnd.CLOSED)
        except (OSError, RuntimeError):  # ASGI: the first for a client that has gone, the second after a close
            self.lost()
        finally:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    def _look_at_write(self) -> None:
        left = self._write_began + self._write_limit - self._loop.time()
        if left <= 0:
            self._stall()
        self._late = self._loop.call_later(left if left > 0 else self._write_limit, self._look_at_write)

    def _stall(self) -> None:
        """Tell it once: the stall lasts until everything that waited has gone out."""
        if not self._stalled:
            self._stalled = True
            self._tell(LegStalled(self._ordinal))
