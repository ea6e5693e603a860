"""One TCP connection: HTTP/2 with the `h2` library, and an `Exchange` for each stream that asks for the operation.

What is to be sent waits in an outbox a stream, and leaves in one write a loop turn as far as the client's windows
allow. Received bytes are acknowledged in large steps, so that window updates are rare.
"""

import asyncio
import json
import re
from collections import deque
from typing import Any, cast
from urllib.parse import unquote
from uuid import uuid4

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from hyperframe.frame import GoAwayFrame

from app.simulator.sonic.exchange import Exchange
from app.simulator.sonic.house import House
from app.simulator.sonic.refusals import THROTTLED, UNKNOWN_OPERATION, Refusal, Refused
from app.simulator.sonic.signing import check_request

OPERATION = re.compile(r"/model/(?P<model>[^/]+)/invoke-with-bidirectional-stream")
STREAM_WINDOW = 8 * 1024 * 1024
NARROW_WINDOW = 48 * 1024  # of a stream that may be shut: a second of audio, and the client must wait
CONNECTION_WINDOW = 256 * 1024 * 1024
ACKNOWLEDGE_BYTES = 1024 * 1024
LINGER_S = 2.0  # a client that has not ended its side by then, after we ended ours, is reset
MAX_FRAME = 16_384


class _Http2(h2.connection.H2Connection):
    """`h2` takes a GOAWAY for the end of everything. A client that says it without an error (Node does, as soon as it
    has no further request to make) still finishes its open streams: RFC 9113, 6.8."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Any], list[h2.events.Event]]:
        return ([], []) if frame.error_code == 0 else super()._receive_goaway_frame(frame)


class _Stream:
    """The `Wire` of one exchange."""

    def __init__(self, connection: "Connection", number: int) -> None:
        self._connection = connection
        self.number = number
        self.exchange: Exchange | None = None
        self.outbox: deque[bytes] = deque()
        self.ending = False
        self.resetting = False
        self.unacknowledged = 0
        self.shut = False
        self.linger: asyncio.TimerHandle | None = None

    def answer(self) -> None:
        headers = [
            (":status", "200"),
            ("content-type", "application/vnd.amazon.eventstream"),
            ("x-amzn-bedrock-content-type", "application/json"),
            ("x-amzn-requestid", str(uuid4())),
        ]
        self._connection.send_headers(self, headers)

    def refuse(self, refusal: Refusal) -> None:
        body = json.dumps({"message": refusal.worded()}).encode()
        headers = [
            (":status", str(refusal.status)),
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("x-amzn-requestid", str(uuid4())),
            ("x-amzn-errortype", refusal.error_type),
        ]
        self._connection.send_headers(self, headers)
        self.outbox.append(body)
        self.end()

    def send(self, data: bytes) -> None:
        self.outbox.append(data)
        self._connection.wake(self)

    def end(self) -> None:
        self.ending = True
        self._connection.wake(self)

    def reset(self) -> None:
        self.resetting = True
        self._connection.wake(self)

    def drop(self) -> None:
        self._connection.drop()

    def go_away(self) -> None:
        self._connection.go_away()

    def shut_window(self) -> None:
        self.shut = True


class Connection(asyncio.Protocol):
    """Made by the listening server for each TCP connection."""

    def __init__(self, house: House, register: "set[Connection]") -> None:
        self._house = house
        self._register = register
        self._loop = asyncio.get_running_loop()
        configuration = h2.config.H2Configuration(
            client_side=False,
            header_encoding="utf-8",
            validate_inbound_headers=True,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self._h2 = _Http2(configuration)
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, _Stream] = {}
        self._ready: dict[int, _Stream] = {}
        self._flushing = False
        self._writable = True
        self._going_away = False
        self._window = NARROW_WINDOW if house.faults.may_strike("stall") else STREAM_WINDOW
        self._unacknowledged = 0
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._register.add(self)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self._transport.abort()
            return
        codes = h2.settings.SettingCodes
        self._h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                codes.MAX_CONCURRENT_STREAMS: self._house.limits.streams_per_connection,
                codes.INITIAL_WINDOW_SIZE: self._window,
                codes.MAX_FRAME_SIZE: MAX_FRAME,
                codes.ENABLE_CONNECT_PROTOCOL: 0,
            },
        )
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW)
        self._flush_soon()

    def data_received(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self._flush()
            self._close()
            return
        for event in events:
            self._on_event(event)
        self._flush_soon()

    def connection_lost(self, _why: Exception | None) -> None:
        self._register.discard(self)
        self._transport = None
        for stream in list(self._streams.values()):
            self._forget(stream, "lost")
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._flush_soon()

    # ---- what arrives

    def _on_event(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.DataReceived():
                self._on_data(event)
            case h2.events.RequestReceived():
                self._on_request(event)
            case h2.events.StreamEnded(stream_id=number) if number in self._streams:
                self._on_stream_ended(self._streams[number])
            case h2.events.StreamReset(stream_id=number) if number in self._streams:
                self._forget(self._streams[number], "lost")
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                for stream in self._streams.values():
                    if stream.outbox or stream.ending or stream.resetting:
                        self._ready[stream.number] = stream

    def _on_data(self, event: h2.events.DataReceived) -> None:
        length = event.flow_controlled_length or 0
        stream = self._streams.get(event.stream_id or 0)
        self._unacknowledged += length
        if self._unacknowledged >= ACKNOWLEDGE_BYTES:
            self._h2.increment_flow_control_window(self._unacknowledged)
            self._unacknowledged = 0
        if stream is None:
            return
        stream.unacknowledged += length
        if stream.unacknowledged >= self._window // 8 and not event.stream_ended and not stream.shut:
            self._h2.increment_flow_control_window(stream.unacknowledged, stream.number)
            stream.unacknowledged = 0
        if stream.exchange is not None:
            stream.exchange.receive(event.data or b"")

    def _on_request(self, event: h2.events.RequestReceived) -> None:
        number = event.stream_id or 0
        headers = {str(name): str(value) for name, value in event.headers or ()}
        if self._going_away:
            self._h2.reset_stream(number, h2.errors.ErrorCodes.REFUSED_STREAM)
            return
        stream = self._streams[number] = _Stream(self, number)
        try:
            self._open(stream, headers)
        except Refused as refused:
            stream.refuse(refused.refusal)

    def _open(self, stream: _Stream, headers: dict[str, str]) -> None:
        headers.setdefault("host", headers.get(":authority", ""))
        target = headers.get(":path", "")
        operation = OPERATION.fullmatch(target.partition("?")[0])
        if operation is None or headers.get(":method") != "POST":
            raise Refused(UNKNOWN_OPERATION)
        house = self._house
        access_key, chain = check_request(target, headers, house.keys, house.wall_ms(), house.verify_every)
        if house.open_streams[access_key] >= house.limits.streams:
            raise Refused(THROTTLED)
        record = house.journal.begin(access_key, unquote(operation["model"]))
        stream.exchange = Exchange(stream, house, record, chain)
        stream.exchange.begin()

    def _on_stream_ended(self, stream: _Stream) -> None:
        if stream.exchange is not None:
            stream.exchange.input_ended()
        if stream.linger is not None:
            self._forget(stream, "closed")

    # ---- what leaves

    def send_headers(self, stream: _Stream, headers: list[tuple[str, str]]) -> None:
        self._h2.send_headers(stream.number, headers)
        self.wake(stream)

    def wake(self, stream: _Stream) -> None:
        self._ready[stream.number] = stream
        self._flush_soon()

    def _flush_soon(self) -> None:
        """One write for all that one turn of the loop had to say."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._transport is None:
            return
        if self._writable:
            ready, self._ready = self._ready, {}
            for stream in ready.values():
                self._drain(stream)
        data = self._h2.data_to_send()
        if data:
            self._transport.write(data)

    def _drain(self, stream: _Stream) -> None:
        if stream.number not in self._streams:
            return
        try:
            while stream.outbox and self._send_some(stream):
                pass
            if not stream.outbox:
                self._finish(stream)
        except (h2.exceptions.StreamClosedError, h2.exceptions.ProtocolError):
            self._forget(stream, "lost")

    def _send_some(self, stream: _Stream) -> bool:
        """Send what the window allows; False when it is shut (a WindowUpdated brings the stream back here)."""
        room = min(self._h2.local_flow_control_window(stream.number), self._h2.max_outbound_frame_size)
        data = stream.outbox[0]
        if room < min(len(data), 1):
            return False
        if len(data) <= room:
            stream.outbox.popleft()
        else:
            stream.outbox[0] = data[room:]
            data = data[:room]
        self._h2.send_data(stream.number, data)
        return True

    def _finish(self, stream: _Stream) -> None:
        if stream.resetting:
            self._h2.reset_stream(stream.number, h2.errors.ErrorCodes.INTERNAL_ERROR)
            self._forget(stream, "reset")
        elif stream.ending and stream.linger is None:
            self._h2.end_stream(stream.number)
            stream.linger = self._loop.call_later(LINGER_S, self._stop_lingering, stream)
            if self._client_has_ended(stream):
                self._forget(stream, "closed")

    def _client_has_ended(self, stream: _Stream) -> bool:
        state = self._h2.streams.get(stream.number)
        return state is None or state.closed

    def _stop_lingering(self, stream: _Stream) -> None:
        if stream.number in self._streams and self._transport is not None:
            self._h2.reset_stream(stream.number, h2.errors.ErrorCodes.NO_ERROR)
            self._forget(stream, "closed")
            self._flush_soon()

    def _forget(self, stream: _Stream, why: str) -> None:
        self._streams.pop(stream.number, None)
        if stream.linger is not None:
            stream.linger.cancel()
        if stream.exchange is not None:
            stream.exchange.lost(why)
            stream.exchange = None
        if self._going_away and not self._streams:
            self._close()

    def drop(self) -> None:
        """Lose the connection as a cable does."""
        if self._transport is not None:
            self._transport.abort()

    def go_away(self) -> None:
        """Take no new streams; what is open goes on. (`h2` itself would forbid both, hence the frame by hand.)"""
        if self._transport is None or self._going_away:
            return
        self._going_away = True
        frame = GoAwayFrame(stream_id=0, last_stream_id=max(self._streams, default=0), error_code=0)
        self._flush()
        self._transport.write(frame.serialize())

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def stop(self) -> None:
        """The simulator is ending: what was to be sent is sent, then the connection closes."""
        self._flush()
        self._close()
