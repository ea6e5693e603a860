"""Streams over a real socket: what the server sees, and every way a stream can fail."""

import asyncio
import contextlib
import io
import socket
import time
import wave
from collections.abc import AsyncIterator

import pytest
from twilio.request_validator import RequestValidator
from websockets.utils import accept_key

from app.simulator.twilio.identity import Account, Oddities
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.plant import Plant, Timing
from app.simulator.twilio.streaming import StreamFaults
from app.simulator.twilio.ticker import Ticker
from tests.simulator.twilio.bot import TONE, Bot, Socket, serving, stream_twiml
from tests.simulator.twilio.calls import PATIENT, SPEED, call, codes

AFTER = '<Redirect method="POST">/next</Redirect>'


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with serving(Bot()) as running:
        status = f'statusCallback="{running.url("/stream-status")}"'
        running.pages["/voice"] = lambda asked: stream_twiml(running, after=AFTER).replace("url=", f"{status} url=")
        running.page("/stream-status", "")
        running.page("/next", "<Hangup/>")
        yield running


async def greet(end: Socket) -> None:
    await end.take("start")
    await end.play(TONE)
    await end.take_all()


POLITE = "wait for speech\nhang up"


def stream_events(bot: Bot) -> list[tuple[str, str]]:
    return [(a.fields["StreamEvent"], a.fields.get("StreamError", "")) for a in bot.of("/stream-status")]


async def test_a_stream_opens_counts_and_stops_as_documented(bot: Bot) -> None:
    bot.media = greet
    result = await call(bot, "wait for speech\npress 5\nwait 400ms\nhang up")
    (end,) = bot.sockets
    kinds = [message["event"] for message in end.received]
    assert kinds[:3] == ["connected", "start", "media"] and kinds[-1] == "stop" and kinds.count("dtmf") == 1
    assert [int(m["sequenceNumber"]) for m in end.received[1:]] == list(range(1, len(end.received)))
    media = end.of("media")
    assert [m["media"]["chunk"] for m in media] == [str(i) for i in range(1, len(media) + 1)]
    assert [m["media"]["timestamp"] for m in media] == [str(20 * i) for i in range(len(media))]
    assert {len(m["media"]["payload"]) for m in media} == {216}
    assert end.of("dtmf")[0]["dtmf"] == {"track": "inbound_track", "digit": "5"}
    assert end.of("stop")[0]["stop"] == {"accountSid": Account().sid, "callSid": result.call_sid}
    assert not bot.of("/next")


async def test_the_upgrade_is_signed_over_the_streams_url(bot: Bot) -> None:
    bot.media = greet
    await call(bot, POLITE)
    await call(bot, POLITE, oddities=Oddities(slash_signature=True))
    plain, slash = (end.headers for end in bot.sockets)
    judge = RequestValidator(Account().token)
    assert judge.validate(bot.stream_url, {}, plain["x-twilio-signature"])
    assert judge.validate(bot.stream_url + "/", {}, slash["x-twilio-signature"])
    assert "origin" not in plain and "sec-websocket-extensions" not in plain


async def test_pacing_follows_an_absolute_clock(bot: Bot) -> None:
    bot.media = Socket.take_all
    result = await call(bot, "wait 4s\nhang up")
    (began,), (ended,) = result.named("stream_started"), result.named("caller_hung_up")
    # One frame for each 20 ms: nothing is lost or added by late ticks.
    assert len(bot.sockets[0].of("media")) == pytest.approx((ended.call_ms - began.call_ms) / 20, abs=2)


async def test_parameters_arrive_as_text(bot: Bot) -> None:
    bot.media = greet
    bot.pages["/voice"] = lambda asked: stream_twiml(bot, '<Parameter name="a" value="1 &lt; 2"/>')
    await call(bot, POLITE)
    assert bot.sockets[0].of("start")[0]["start"]["customParameters"] == {"a": "1 < 2"}


async def test_marks_come_back_when_heard_and_at_once_on_a_clear(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")
        await end.mark("empty")
        await end.take("mark")
        await end.play(TONE)
        await end.mark("heard")
        await end.take("mark")
        for name in "abc":
            await end.play(TONE * 10)
            await end.mark(name)
        await end.send("clear")
        for _ in "abc":
            await end.take("mark")

    bot.media = talk
    result = await call(bot)
    assert [m["mark"]["name"] for m in bot.sockets[0].of("mark")] == ["empty", "heard", "a", "b", "c"]
    (cleared,) = result.named("clear_received")
    assert cleared.detail["marks"] == ("a", "b", "c") and 1000 < int(str(cleared.detail["dropped_ms"])) <= 6000
    assert result.audible_ms < 5500  # the recording holds what was played, not what was received


async def test_a_mark_is_echoed_after_the_time_its_audio_takes(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")
        await end.play(TONE * 5)
        await end.mark("done")
        await end.take("mark")

    bot.media = talk
    result = await call(bot)
    (arrived,), (echoed,) = result.named("audio_arrived"), result.named("mark_echoed")
    assert echoed.call_ms - arrived.call_ms >= 999


async def test_a_bad_message_is_warned_of_once_and_the_stream_goes_on(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")
        for text in ("junk", '{"event":"clear","stream_sid":"x"}', '{"event":"hello"}'):
            await end.socket.send_text(text)
        await end.socket.send_bytes(b"\x00")
        await end.mark("still here")
        await end.take("mark")

    bot.media = talk
    result = await call(bot)
    assert codes(result).count(31951) == 1 and len(result.named("message_refused")) == 4
    assert bot.sockets[0].of("mark") and bot.of("/next")


async def test_when_the_server_closes_the_next_verb_runs(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")
        await end.socket.close(1000)

    bot.media = talk
    result = await call(bot)
    assert result.verbs == ["Connect", "Redirect", "Hangup"] and codes(result) == [31921]
    assert stream_events(bot) == [("stream-started", ""), ("stream-stopped", "")]
    paths = [asked.path for asked in bot.asked]
    assert paths.index("/stream-status") > paths.index("/voice") and paths[-1] == "/status"


async def test_a_connect_action_is_asked_instead_of_the_next_verb(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")

    bot.media = talk
    bot.pages["/voice"] = lambda asked: stream_twiml(bot, after="<Say>never</Say>").replace(
        "<Connect>", '<Connect action="/next">'
    )
    assert (await call(bot)).verbs == ["Connect", "Hangup"]


async def test_a_close_with_a_complaint_is_an_error(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")
        await end.socket.close(1011)

    bot.media = talk
    await call(bot)
    assert stream_events(bot)[-1] == ("stream-error", "Stream - Websocket - Close Error")


async def test_a_refused_upgrade_is_31920_and_the_next_verb_runs(bot: Bot) -> None:
    bot.upgrade_status = 403
    result = await call(bot)
    assert codes(result) == [31920] and bot.of("/next")
    assert stream_events(bot) == [("stream-error", "Stream - Websocket - Handshake Error")]


async def test_a_closed_port_is_31902(bot: Bot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    bot.page("/voice", f'<Connect><Stream url="ws://127.0.0.1:{port}/media"/></Connect>{AFTER}')
    result = await call(bot)
    assert codes(result) == [31902] and bot.of("/next")


async def test_a_server_that_never_answers_is_31901(bot: Bot) -> None:
    plant = Plant(ticker=Ticker(SPEED), timing=Timing(stream_connect_ms=1000))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        bot.page("/voice", f'<Connect><Stream url="ws://127.0.0.1:{port}/media"/></Connect>{AFTER}')
        result = await call(bot, plant=plant)
    assert codes(result) == [31901] and bot.of("/next")


async def test_tls_where_there_is_none_is_31910(bot: Bot) -> None:
    bot.page("/voice", f'<Connect><Stream url="wss://127.0.0.1:{bot.port}/media"/></Connect>{AFTER}')
    result = await call(bot)
    assert codes(result) == [31910] and bot.of("/next")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x85" + bytes(4) + b"hello", 31924),  # a server's frame must not be masked
        (b"\x09\x01x", 31924),  # a fragmented ping
        (b"", 31903),  # the connection is just gone
    ],
)
async def test_what_a_rude_server_does_to_a_stream(bot: Bot, frame: bytes, code: int) -> None:
    async with rude_server(frame) as port:
        bot.page("/voice", f'<Connect><Stream url="ws://127.0.0.1:{port}/media"/></Connect>{AFTER}')
        result = await call(bot)
    assert codes(result) == [code] and bot.of("/next")


@contextlib.asynccontextmanager
async def rude_server(frame: bytes | None) -> AsyncIterator[int]:
    """Accepts the upgrade, sends these bytes and closes the connection; None: reads nothing and keeps it open."""
    done = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode()
            + (frame or b"")
        )
        await writer.drain()
        if frame is None:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        done.set()


async def test_a_server_that_does_not_read_loses_audio_31930(bot: Bot) -> None:
    plant = Plant(ticker=Ticker(100.0), timing=Timing(most_ms=80_000))
    async with rude_server(None) as port:
        bot.page("/voice", f'<Connect><Stream url="ws://127.0.0.1:{port}/media"/></Connect>')
        result = await call(bot, plant=plant)
    assert codes(result) == [31930]


async def test_a_one_way_stream_hears_both_tracks_and_the_call_goes_on(bot: Bot) -> None:
    bot.media = Socket.take_all
    start = f'<Start><Stream name="fork" track="both_tracks" url="{bot.stream_url}"/></Start>'
    bot.pages["/voice"] = lambda asked: f'{start}<Pause length="1"/><Stop><Stream name="fork"/></Stop><Say>hi</Say>'
    result = await call(bot)
    tracks = [m["media"]["track"] for m in bot.sockets[0].of("media")]
    assert tracks[:2] == ["inbound", "outbound"] and bot.sockets[0].of("stop")
    assert bot.sockets[0].of("start")[0]["start"]["tracks"] == ["inbound", "outbound"]
    assert result.verbs == ["Start", "Pause", "Stop", "Say"]


async def test_sending_on_a_one_way_stream_is_31924(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")
        await end.play(TONE)
        await end.take_all()

    bot.media = talk
    bot.pages["/voice"] = lambda asked: f'<Start><Stream url="{bot.stream_url}"/></Start><Pause length="2"/>'
    result = await call(bot)
    assert codes(result) == [31924] and result.audible_ms == 0


async def test_a_stream_that_cannot_be_had_fails_and_the_next_verb_runs(bot: Bot) -> None:
    bot.page("/voice", f'<Connect><Stream url="ws://bot.example/media"/></Connect>{AFTER}')
    result = await call(bot)
    assert codes(result) == [31922] and bot.of("/next")


async def test_a_second_stream_in_one_connect_is_left_out(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")

    bot.media = talk
    one = f'<Stream url="{bot.stream_url}"/>'
    bot.page("/voice", f"<Connect>{one}{one}</Connect>")
    result = await call(bot)
    assert len(bot.sockets) == 1 and codes(result) == [12200, 31921]


# Faults on Twilio's side, by choice.


async def test_a_lost_socket_ends_without_stop_and_the_call_goes_on(bot: Bot) -> None:
    bot.media = Socket.take_all
    result = await call(bot, faults=StreamFaults(lose_socket_after_ms=300))
    assert not bot.sockets[0].of("stop") and bot.of("/next") and codes(result) == [31903]


async def test_a_socket_may_be_lost_once_the_caller_has_heard_so_much(bot: Bot) -> None:
    bot.media = greet
    result = await call(bot, faults=StreamFaults(lose_socket_after_heard_ms=200))
    assert codes(result) == [31903] and result.audible_ms >= 200


async def test_a_stream_may_vanish_without_stop(bot: Bot) -> None:
    bot.media = greet
    await call(bot, POLITE, faults=StreamFaults(no_stop=True))
    assert bot.sockets[0].of("media") and not bot.sockets[0].of("stop")


async def test_a_stall_delivers_all_of_it_late_and_in_order(bot: Bot) -> None:
    arrived: dict[int, float] = {}

    async def talk(end: Socket) -> None:
        while True:
            media = await end.take("media")
            arrived[int(media["media"]["timestamp"])] = time.monotonic() * 1000

    bot.media = talk
    line = LineOptions(stall_at_ms=500, stall_ms=1000)
    result = await call(bot, "wait 4s\nhang up", line=line)
    assert list(arrived) == list(range(0, 20 * len(arrived), 20))
    (began,) = result.named("stream_started")
    assert arrived[520] - began.at_ms >= 1490 / SPEED


async def test_lost_frames_leave_gaps_in_time_but_not_in_numbers(bot: Bot) -> None:
    bot.media = Socket.take_all
    await call(bot, "wait 3s\nhang up", line=LineOptions(drop_share=0.3))
    media = bot.sockets[0].of("media")
    times = [int(m["media"]["timestamp"]) for m in media]
    assert times == sorted(set(times)) and len(times) < times[-1] // 20
    assert [m["media"]["chunk"] for m in media] == [str(i) for i in range(1, len(media) + 1)]


async def test_audio_that_stops_flowing_is_31953(bot: Bot) -> None:
    bot.media = Socket.take_all
    result = await call(bot, "wait 7s\nhang up", line=LineOptions(mute_after_ms=500))
    assert codes(result) == [31953] and len(bot.sockets[0].of("media")) == 25


async def test_garbage_is_sent_when_asked_for(bot: Bot) -> None:
    texts: list[str] = []

    async def talk(end: Socket) -> None:
        while True:
            texts.append(await end.socket.receive_text())

    bot.media = talk
    await call(bot, "wait 3s\nhang up", faults=StreamFaults(garbage_at_ms=200))
    assert "this is not JSON" in texts


async def test_the_echo_of_the_bot_goes_back_as_late_as_ordered(bot: Bot) -> None:
    bot.media = greet
    result = await call(bot, "wait for speech\nwait 1s\nhang up", line=LineOptions(echo_db=-25, echo_ms=100))
    played, returned = (track.lstrip(b"\xff") for track in (result.heard_mulaw, result.said_mulaw))
    assert played and returned and (len(played) - len(returned)) / 8 == pytest.approx(100, abs=20)


async def test_the_recording_has_the_caller_left_and_the_bot_right(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")
        await end.play(TONE)
        await end.take_all()

    bot.media = talk
    result = await call(bot, "wait 1s\nhang up")
    with wave.open(io.BytesIO(result.wav())) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (2, 8000)
        frames = wav.readframes(wav.getnframes())
    left, right = frames[0::4] + frames[1::4], frames[2::4] + frames[3::4]
    assert not any(left) and any(right)


async def test_the_bots_first_word_and_the_callers_own_are_timed(bot: Bot) -> None:
    async def talk(end: Socket) -> None:
        await end.take("start")
        await end.play(TONE * 3)
        await end.take_all()

    bot.media = talk
    result = await call(bot, "wait for speech\nwait for quiet 300ms\nhang up")
    names = [event.name for event in result.events]
    assert names.index("stream_started") < names.index("audio_arrived") < names.index("bot_started")
    assert result.passed and 560 <= result.audible_ms <= 620


async def test_a_call_ends_at_its_time_limit(bot: Bot) -> None:
    bot.media = Socket.take_all
    plant = Plant(ticker=Ticker(SPEED), timing=Timing(most_ms=1000))
    result = await call(bot, PATIENT, plant=plant)
    assert result.why_ended == "the call's time limit" and bot.sockets[0].of("stop")
