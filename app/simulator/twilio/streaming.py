"""A stream of a call: connect, speak the protocol over the socket, and say how it ended. (twilio.md 4)

It joins four things that know nothing of one another: the handset (audio), the core (protocol), the wire (socket) and
the delivery (lateness). All of it runs in callbacks of the socket and of the ticker; the one coroutine only waits.
"""

import asyncio
import base64
import contextlib
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from app.simulator.twilio.handset import Handset
from app.simulator.twilio.journal import TITLES, Journal
from app.simulator.twilio.line import Delivery, LineOptions
from app.simulator.twilio.stream import CONNECTED, AudioArrived, ClearArrived, MarkArrived, Refused, StreamCore
from app.simulator.twilio.ticker import Ticker
from app.simulator.twilio.twiml import StreamOrder
from app.simulator.twilio.webhook import trust
from app.simulator.twilio.wire import HandshakeFailed, Wire

BACKLOG_BYTES = 64 * 1024  # unread by the server, 3 s of audio beyond the kernel's buffers. More is thrown away (31930)
RTP_TIMEOUT_MS = 5000
ORDERLY = (1000, 1001, 1005)
GARBAGE = (
    '{"event":"weather","sequenceNumber":"0","streamSid":"x"}',
    "this is not JSON",
    '{"event":"media","media":{}}',
    '["not","an","object"]',
)


@dataclass(frozen=True, slots=True)
class StreamFaults:
    """What can go wrong on Twilio's side of a stream, by choice. Times count from its start."""

    lose_socket_after_ms: int | None = None  # the connection is gone, without `stop`
    lose_socket_after_heard_ms: int | None = None  # the same, once the caller has heard so much sound
    no_stop: bool = False  # at its end the stream vanishes without `stop`
    garbage_at_ms: int | None = None  # messages that nobody can read
    first_only: bool = False  # the call's later streams are well


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a stream ended: `code` is the Debugger's, 0 when all was well."""

    code: int = 0
    text: str = ""
    failed: bool = False  # stream-error rather than stream-stopped

    @property
    def error(self) -> str:
        return TITLES[self.code] if self.failed else ""


@dataclass(frozen=True, slots=True)
class Linkup:
    """Everything needed to reach the server: where to, what to say of oneself, how long to try."""

    address: str
    headers: dict[str, str]
    connect_ms: int
    trust: Callable[[], ssl.SSLContext] = trust


async def connect(order: StreamOrder, link: Linkup, ticker: Ticker) -> Wire | StreamEnd:
    """Open the socket, or say why it cannot be had (31901, 31902, 31910, 31920)."""
    try:
        context = link.trust() if link.address.startswith("wss") else None
        async with asyncio.timeout(ticker.real_seconds(link.connect_ms)):
            return await Wire.open(order.url, link.address, link.headers, context)
    except HandshakeFailed as failure:
        return StreamEnd(31920, f"the upgrade was answered with {failure}", failed=True)
    except TimeoutError:
        return StreamEnd(31901, f"no answer within {link.connect_ms} ms", failed=True)
    except ssl.SSLError as error:
        return StreamEnd(31910, f"TLS failed: {error.reason or error}", failed=True)
    except OSError as error:
        return StreamEnd(31902, f"cannot connect: {error.strerror or error}", failed=True)


class MediaStream:
    """A connected stream. `run` lasts until it ends; cancel it when the call ends or gets other TwiML."""

    def __init__(
        self,
        core: StreamCore,
        wire: Wire,
        handset: Handset,
        journal: Journal,
        line: LineOptions,
        faults: StreamFaults,
        bidirectional: bool,
        on_media: Callable[[float, bytes | str], None] | None = None,
    ) -> None:
        self._core = core
        self._wire = wire
        self._handset = handset
        self._journal = journal
        self._delivery = Delivery(line) if line.disturbs_delivery else None
        self._mute_after_ms = line.mute_after_ms
        self._faults = faults
        self._tracks = core.tracks
        self._bidirectional = bidirectional
        self._on_media = on_media
        self._late: deque[tuple[int, int, str]] = deque()
        self._index = 0
        self._sent_until_ms = 0
        self.frames_dropped = 0  # thrown away because the server did not read
        self._muted = False
        self._littered = False
        self._began_ms = 0
        self._heard_before_ms = handset.audible_ms
        self.ended: asyncio.Future[StreamEnd] = asyncio.get_running_loop().create_future()

    async def run(self) -> StreamEnd:
        self._wire.on_text = self._received
        self._wire.on_gone = self._gone
        self._wire.send(CONNECTED)
        self._wire.send(self._core.started())
        self._began_ms = self._handset.advance()
        self._journal.note("stream_started", sid=self._core.names.stream_sid)
        self._handset.listeners.append(self)
        if self._wire.gone.done():  # between the upgrade and now
            self._gone(self._wire.gone.result())
        try:
            return await self.ended
        except asyncio.CancelledError:
            self._leave()
            if not self._faults.no_stop:
                self._wire.send(self._core.stopped())
            raise
        finally:
            self._leave()
            await self._hang_up_socket()

    async def _hang_up_socket(self) -> None:
        if self._faults.no_stop:
            self._wire.abort()
        # Cancelled while closing: the socket is dropped hard, nothing stays behind.
        try:
            await self._wire.close()
        except asyncio.CancelledError:
            self._wire.abort()
            raise

    def _leave(self) -> None:
        with contextlib.suppress(ValueError):
            self._handset.listeners.remove(self)
        if self._bidirectional:
            self._handset.advance()
            self._handset.buffer.clear()

    # What the handset brings.

    def frame(self, ended_ms: int, payload: str, heard: bytes) -> None:
        now = ended_ms - self._began_ms
        if now <= 0:
            return
        self._misbehave(now)
        if self._delivery is None:
            self._send_frame(self._index * 20, payload, heard, now)
        else:
            self._deliver_late(payload, heard, now)
        self._index += 1

    def _deliver_late(self, payload: str, heard: bytes, now: int) -> None:
        assert self._delivery is not None
        due = self._delivery.due_ms(self._index)
        if due is not None:
            self._late.append((due, self._index * 20, payload))
        while self._late and self._late[0][0] <= now:
            _, began, late = self._late.popleft()
            self._send_frame(began, late, heard, now)

    def _send_frame(self, began_ms: int, payload: str, heard: bytes, now: int) -> None:
        if self._mute_after_ms is not None and now > self._mute_after_ms:
            if not self._muted and now - self._mute_after_ms >= RTP_TIMEOUT_MS:
                self._muted = True
                self._journal.warn(31953, "the caller's audio stopped flowing")
            return
        if self._wire.backlog > BACKLOG_BYTES:
            self._overflow()
            return
        if "inbound" in self._tracks:
            self._wire.send(self._core.media(payload, began_ms))
        if "outbound" in self._tracks:
            self._wire.send(self._core.media(base64.b64encode(heard).decode(), began_ms, "outbound"))

    def _overflow(self) -> None:
        self.frames_dropped += 1
        if self.frames_dropped == 1:
            self._journal.warn(31930, f"the server does not read: {self._wire.backlog} bytes wait, audio is dropped")

    def digit(self, digit: str) -> None:
        if self._bidirectional:  # the one-way stream has no DTMF
            self._wire.send(self._core.dtmf(digit))

    def marks(self, names: list[str]) -> None:
        for name in names:
            self._journal.note("mark_echoed", mark=name)
            self._wire.send(self._core.mark(name))

    def _misbehave(self, now: int) -> None:
        faults = self._faults
        if faults.garbage_at_ms is not None and now >= faults.garbage_at_ms and not self._littered:
            self._littered = True
            self._journal.note("fault", kind="garbage")
            for text in GARBAGE:
                self._wire.send(text)
        heard_ms = self._handset.audible_ms - self._heard_before_ms
        if _reached(faults.lose_socket_after_ms, now) or _reached(faults.lose_socket_after_heard_ms, heard_ms):
            self._journal.note("fault", kind="socket lost")
            self._end(StreamEnd(31903, "the connection was lost", failed=True))
            self._wire.abort()

    # What the socket brings.

    def _received(self, text: str | bytes) -> None:
        if self.ended.done():
            return
        if not self._bidirectional:
            self._end(StreamEnd(31924, "the server sent on a one-way stream", failed=True))
            return
        now = self._handset.advance()
        if self._on_media is not None:
            self._on_media(self._journal.monotonic_ms(), text)
        match self._core.receive(text, now):
            case AudioArrived() as audio:
                self._audio_arrived(audio)
            case MarkArrived(name=name, echo=echo):
                self._journal.note("mark_received", mark=name)
                if echo:
                    self._journal.note("mark_echoed", mark=name)
                    self._wire.send(echo)
            case ClearArrived(dropped=dropped, echoes=echoes):
                self._journal.note("clear_received", dropped_ms=dropped.audio_bytes // 8, marks=dropped.marks)
                for echo in echoes:
                    self._wire.send(echo)
            case Refused(reason=reason, first=first):
                self._journal.note("message_refused", why=reason)
                if first:
                    self._journal.warn(31951, reason)

    def _audio_arrived(self, audio: AudioArrived) -> None:
        if audio.dry_ms is not None:
            self._journal.note("audio_arrived", audio_ms=audio.audio_bytes // 8, dry_ms=audio.dry_ms)
        if audio.stray_track and not self._core.stray_tracks:
            self._core.stray_tracks = True
            self._journal.warn(31951, "media.track is none of a server's fields (the audio was played)")

    def _gone(self, code: int) -> None:
        if self._wire.closed_by_us:
            return
        if code == 1006:
            self._end(StreamEnd(31903, "the server dropped the connection", failed=True))
        elif code in ORDERLY:
            self._end(StreamEnd(31921, f"the server closed the connection ({code})"))
        elif code in (1002, 1007):
            self._end(StreamEnd(31924, f"protocol error ({code})", failed=True))
        else:
            self._end(StreamEnd(31921, f"the server closed the connection ({code})", failed=True))

    def _end(self, end: StreamEnd) -> None:
        if not self.ended.done():
            self.ended.set_result(end)


def _reached(limit_ms: int | None, now_ms: int) -> bool:
    return limit_ms is not None and now_ms >= limit_ms
