"""The leg against a wire that takes, holds or refuses what is written. No socket here: see tests/web/test_media.py."""

import asyncio
import base64
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.call.events import KeyPressed, LegAttached, LegEnd, LegEnded, LegStalled, MarkEchoed
from app.legs.leg import MULAW_8K, LegReport, LineAudio
from app.legs.twilio.media import INBOX_BYTES, TwilioLeg
from app.legs.twilio.messages import Started

FRAME = b"\x7f" * 160
STARTED = Started("MZ1", "CA1", "audio/x-mulaw", 8_000, 1, {})


class Wire:
    """What the telephone's side of the socket sees."""

    def __init__(self) -> None:
        self.sent: list[str | int] = []  # event names, names of marks, bytes of audio, the close code
        self.open = asyncio.Event()
        self.open.set()
        self.gone = False
        self.news = asyncio.Event()

    async def write(self, text: str) -> None:
        await self.open.wait()
        if self.gone:
            raise OSError("client disconnected")
        message = json.loads(text)
        match message["event"]:
            case "media":
                self.sent.append(len(base64.b64decode(message["media"]["payload"])))
            case "mark":
                self.sent.append(message["mark"]["name"])
            case event:
                self.sent.append(event)
        self.news.set()

    async def close(self, code: int) -> None:
        await self.open.wait()
        self.sent.append(code)


def leg_on(wire: Wire, **limits: Any) -> TwilioLeg:
    return TwilioLeg(1, STARTED, wire.write, wire.close, **limits)


def media(audio: bytes = FRAME) -> str:
    body = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": base64.b64encode(audio).decode()}
    return json.dumps({"event": "media", "sequenceNumber": "2", "media": body}, separators=(",", ":"))


async def reports(leg: TwilioLeg) -> list[LegReport]:
    """All that is told until the leg has ended, without `LegAttached`, which is always first."""
    told = [report async for report in leg.events()]
    assert told[0] == LegAttached(1)
    assert isinstance(told[-1], LegEnded)
    return told[1:]


async def test_what_the_caller_does_comes_in_order() -> None:
    leg = leg_on(Wire())
    for text in (
        media(b"\x01" * 80),
        '{"event":"dtmf","dtmf":{"track":"inbound_track","digit":"#"}}',
        media(b"\x02" * 1_600),
        '{"event":"mark","mark":{"name":"m1"}}',
        '{"event":"media","media":{"payload":""}}',
        '{"event":"novelty"}',
        '{"event":"stop"}',
        media(),
    ):
        leg.take(text)
    assert await reports(leg) == [
        LineAudio(1, b"\x01" * 80),
        KeyPressed(1, "#"),
        LineAudio(1, b"\x02" * 1_600),
        MarkEchoed(1, "m1"),
        LegEnded(1, LegEnd.STOPPED),
    ]
    assert (leg.ordinal, leg.format) == (1, MULAW_8K)
    await leg.release()


async def test_a_waiting_reader_is_told_as_soon_as_something_comes() -> None:
    leg = leg_on(Wire())
    events = leg.events()
    assert await anext(events) == LegAttached(1)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    leg.take(media())
    assert await waiting == LineAudio(1, FRAME)
    await leg.release()
    assert await anext(events) == LegEnded(1, LegEnd.LOST)


async def test_broken_messages_are_counted_logged_once_and_the_call_goes_on() -> None:
    leg = leg_on(Wire())
    with capture_logs() as logs:
        for text in ("{", None, '{"event":"media","media":{"payload":"?"}}', media()):
            leg.take(text)
    leg.lost()
    assert await reports(leg) == [LineAudio(1, FRAME), LegEnded(1, LegEnd.LOST)]
    assert leg.broken == 3
    assert [(line["log_level"], line["call"]) for line in logs] == [("warning", "CA1")]
    await leg.release()


async def test_speech_nobody_takes_is_kept_for_a_minute_and_then_dropped() -> None:
    leg = leg_on(Wire())
    for _ in range(INBOX_BYTES // 8_000 + 3):
        leg.take(media(b"\x7f" * 8_000))
    leg.lost()
    assert leg.dropped_in == 3
    told = await reports(leg)
    assert sum(isinstance(report, LineAudio) for report in told) == INBOX_BYTES // 8_000
    assert isinstance(told[-1], LegEnded)
    await leg.release()


async def test_a_message_the_socket_takes_is_written_before_the_command_returns() -> None:
    wire = Wire()
    leg = leg_on(wire)
    leg.send_frames(FRAME)
    leg.send_mark("m1")
    leg.clear()
    leg.send_frames(FRAME * 5)
    assert wire.sent == [160, "m1", "clear", 800]
    await leg.release()


async def test_a_clear_overtakes_what_waits_and_echoes_the_marks_that_never_left() -> None:
    wire = Wire()
    leg = leg_on(wire)
    wire.open.clear()
    leg.send_frames(FRAME)  # with the socket already
    for name in ("m1", "m2"):
        leg.send_frames(FRAME * 5)
        leg.send_mark(name)
    leg.clear()
    leg.send_frames(FRAME * 2)
    wire.open.set()
    leg.hang_up()
    assert await reports(leg) == [MarkEchoed(1, "m1"), MarkEchoed(1, "m2"), LegEnded(1, LegEnd.CLOSED)]
    assert wire.sent == [160, "clear", 320, 1000]
    await leg.release()


async def test_a_write_that_hangs_is_told_once_for_each_stall() -> None:
    wire = Wire()
    leg = leg_on(wire, write_limit_s=0.005)
    events = leg.events()
    assert await anext(events) == LegAttached(1)
    for _ in range(2):
        wire.open.clear()
        leg.send_frames(FRAME)
        assert await anext(events) == LegStalled(1)
        await asyncio.sleep(0.02)  # long enough to be told again, were it told again
        leg.send_mark("through")
        wire.open.set()
        while "through" not in wire.sent:
            wire.news.clear()
            await wire.news.wait()
        wire.sent.clear()
    leg.lost()
    assert [report async for report in events] == [LegEnded(1, LegEnd.LOST)]
    await leg.release()


async def test_a_full_outbox_is_told_once_and_what_finds_no_room_is_dropped() -> None:
    wire = Wire()
    leg = leg_on(wire, outbox_ms=100)
    wire.open.clear()
    leg.send_frames(FRAME)  # with the socket
    for _ in range(8):
        leg.send_frames(FRAME)
    assert leg.dropped_out_ms == 60
    wire.open.set()
    leg.hang_up()
    assert await reports(leg) == [LegStalled(1), LegEnded(1, LegEnd.CLOSED)]
    assert wire.sent == [160, 800, 1000]
    await leg.release()


async def test_hanging_up_sends_what_waits_then_closes_and_takes_no_more() -> None:
    wire = Wire()
    leg = leg_on(wire)
    wire.open.clear()
    leg.send_frames(FRAME)
    leg.send_mark("goodbye")
    leg.hang_up()
    leg.send_frames(FRAME)
    leg.hang_up()
    wire.open.set()
    assert await reports(leg) == [LegEnded(1, LegEnd.CLOSED)]
    assert wire.sent == [160, "goodbye", 1000]
    await leg.release()


async def test_hanging_up_on_a_socket_that_takes_nothing_ends_all_the_same() -> None:
    wire = Wire()
    leg = leg_on(wire, flush_limit_s=0.01)
    wire.open.clear()
    leg.send_frames(FRAME)
    leg.hang_up()
    assert await reports(leg) == [LegEnded(1, LegEnd.CLOSED)]
    await leg.release()


async def test_a_socket_that_went_while_we_wrote_is_a_lost_leg() -> None:
    wire = Wire()
    leg = leg_on(wire)
    wire.gone = True
    leg.send_frames(FRAME)
    leg.send_frames(FRAME)
    assert await reports(leg) == [LegEnded(1, LegEnd.LOST)]
    assert wire.sent == []
    await leg.release()


async def test_a_line_gone_silent_is_a_lost_leg_and_any_message_puts_it_off() -> None:
    leg = leg_on(Wire(), silence_limit_s=0.5)
    with capture_logs():
        for _ in range(6):
            await asyncio.sleep(0.1)
            leg.take('{"event":"novelty"}')
        leg.take(media())  # taken, because the leg has not ended yet
        assert await reports(leg) == [LineAudio(1, FRAME), LegEnded(1, LegEnd.LOST)]
    await leg.release()


@pytest.mark.parametrize("ending", ["stop", "lost", "hang_up", "release"])
async def test_the_end_is_told_once_and_nothing_is_left_alive(ending: str) -> None:
    before = asyncio.all_tasks()
    wire = Wire()
    leg = leg_on(wire)
    wire.open.clear()
    leg.send_frames(FRAME * 5)  # the writer hangs
    match ending:
        case "stop":
            leg.take('{"event":"stop"}')
        case "lost":
            leg.lost()
        case "hang_up":
            leg.hang_up()
    await leg.release()
    leg.lost()
    leg.take('{"event":"stop"}')
    assert len(await reports(leg)) == 1
    assert asyncio.all_tasks() == before


async def test_commands_may_come_from_a_timer_as_well_as_from_a_task() -> None:
    wire = Wire()
    leg = leg_on(wire)
    asyncio.get_running_loop().call_soon(leg.send_frames, FRAME)
    await wire.news.wait()
    assert wire.sent == [160]
    await leg.release()
