"""The socket route: a real WebSocket client against the real server."""

import asyncio
import json
import socket
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.call.events import KeyPressed, LegAttached, LegEnd, LegEnded, LegStalled, MarkEchoed
from app.legs.leg import LineAudio, LineMeasured
from app.legs.twilio.media import TwilioLeg
from tests.web.house import PUBLIC, Desk, greet, listen, media, open_house, played

FRAME = b"\x7f" * 160
SIGNED = "wss://bot.example.com/twilio/media"
BOTH_SERVERS = pytest.mark.parametrize("options", [{}, {"ws": "websockets-sansio"}], ids=["line", "plain"])


@BOTH_SERVERS
async def test_a_call_is_carried_both_ways_and_ends_with_stop(options: dict[str, Any]) -> None:
    desk = Desk()
    async with open_house(desk, **options) as house, house.socket() as line:
        await greet(line)
        await desk.hear(1)
        for text in (
            media(b"\x01" * 40),
            media(b"\x02" * 1_600),
            '{"event":"dtmf","dtmf":{"track":"inbound_track","digit":"7"}}',
            '{"event":"mark","mark":{"name":"m1"}}',
            '{"event":"novelty"}',
            '{"event":"stop","stop":{}}',
        ):
            await line.send(text)
        await desk.served.wait()
        assert await played(line) == []
    assert desk.heard == [
        LegAttached(1),
        LineAudio(1, b"\x01" * 40),
        LineAudio(1, b"\x02" * 1_600),
        KeyPressed(1, "7"),
        MarkEchoed(1, "m1"),
        LegEnded(1, LegEnd.STOPPED),
    ]


@BOTH_SERVERS
async def test_a_burst_sent_together_with_start_arrives_whole_and_in_order(options: dict[str, Any]) -> None:
    desk = Desk()
    frames = [bytes([n]) * 160 for n in range(250)]
    async with open_house(desk, **options) as house, house.socket() as line:
        await greet(line)
        for frame in frames:
            await line.send(media(frame))
        await line.send('{"event":"stop"}')
        await desk.served.wait()
    heard = [report for report in desk.heard[1:-1] if not isinstance(report, LineMeasured)]
    assert heard == [LineAudio(1, frame) for frame in frames]


async def test_what_the_call_says_reaches_the_telephone_in_order_and_then_the_socket_closes() -> None:
    async def talk(desk: Desk, leg: TwilioLeg) -> None:
        leg.send_frames(FRAME)
        leg.send_mark("m1")
        leg.clear()
        leg.send_frames(FRAME * 5)
        leg.hang_up()
        await listen(desk, leg)

    desk = Desk(conduct=talk)
    async with open_house(desk) as house, house.socket() as line:
        await greet(line)
        assert await played(line) == [160, "m1", "clear", 800]
        assert line.close_code == 1000
    assert desk.heard == [LegAttached(1), LegEnded(1, LegEnd.CLOSED)]


async def test_a_socket_lost_without_stop_is_told_as_lost() -> None:
    desk = Desk()
    async with open_house(desk) as house:
        async with house.socket() as line:
            await greet(line)
            await desk.hear(1)
            line.transport.abort()
        await desk.served.wait()
    assert desk.heard[-1] == LegEnded(1, LegEnd.LOST)


async def test_a_socket_closed_politely_but_without_stop_is_lost_too() -> None:
    desk = Desk()
    async with open_house(desk) as house:
        async with house.socket() as line:
            await greet(line)
            await desk.hear(1)
        await desk.served.wait()
    assert desk.heard[-1] == LegEnded(1, LegEnd.LOST)


@pytest.mark.parametrize("signed", [SIGNED, f"{SIGNED}/", "wss://bot.example.com:443/twilio/media"])
async def test_a_handshake_is_taken_however_twilio_wrote_its_url(signed: str) -> None:
    async with open_house(Desk()) as house, house.socket(signed=signed) as line:
        await greet(line)
        await house.desk.hear(1)


@pytest.mark.parametrize(
    ("token", "signed", "path"),
    [
        ("forged", SIGNED, "/twilio/media"),
        ("12345", f"{PUBLIC}/twilio/media", "/twilio/media"),
        ("12345", SIGNED, "/twilio/media?token=x"),
    ],
)
async def test_a_wrong_signature_is_refused_before_the_socket_opens(token: str, signed: str, path: str) -> None:
    async with open_house(Desk()) as house:
        with capture_logs(), pytest.raises(InvalidStatus) as refusal:
            async with house.socket(token=token, signed=signed, path=path):
                pass
        assert refusal.value.response.status_code == 403
        assert house.bad_signatures == 1


async def test_every_token_of_a_rotation_opens_the_socket() -> None:
    desk = Desk()
    async with open_house(desk, tokens=("new", "old")) as house:
        for token in ("new", "old"):
            async with house.socket(token=token) as line:
                assert line.response is not None and line.response.status_code == 101


@pytest.mark.parametrize("token", ["bad", "", "used"])
async def test_a_token_that_is_wrong_missing_or_used_before_closes_the_socket(token: str) -> None:
    desk = Desk(tokens=set())
    async with open_house(desk) as house, house.socket() as line:
        with capture_logs() as logs:
            await greet(line, token=token)
            await line.send(media())
            assert await played(line) == []
        assert line.close_code == 1008
    assert desk.legs == []
    assert [entry["log_level"] for entry in logs] == ["error"]


@pytest.mark.parametrize(("field", "value"), [("encoding", "audio/opus"), ("sampleRate", 16_000), ("channels", 2)])
async def test_a_stream_that_is_not_mulaw_fails_loudly(field: str, value: object) -> None:
    shape = {"encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1, field: value}
    desk = Desk()
    async with open_house(desk) as house, house.socket() as line:
        with capture_logs() as logs:
            await greet(line, mediaFormat=shape)
            assert await played(line) == []
        assert line.close_code == 1003
    assert desk.legs == []
    assert [entry["log_level"] for entry in logs] == ["error"]


async def test_a_socket_that_never_says_start_is_closed() -> None:
    async with open_house(Desk(), start_within_s=0.05) as house, house.socket() as line:
        with capture_logs():
            await line.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
            await line.send(media())
            assert await played(line) == []
        assert line.close_code == 1008


async def test_a_socket_that_leaves_before_start_troubles_nobody() -> None:
    desk = Desk()
    async with open_house(desk) as house:
        async with house.socket():
            pass
        assert (await house.client.get("/healthz")).status_code == 200
    assert desk.legs == []


@BOTH_SERVERS
async def test_garbage_is_counted_and_the_call_goes_on(options: dict[str, Any]) -> None:
    desk = Desk()
    async with open_house(desk, **options) as house, house.socket() as line:
        with capture_logs() as logs:
            await greet(line)
            rubbish: list[str | bytes] = ["{", "7", "x" * 500, b"\x00" * 500, '{"event":"media"}', "\x00"]
            for text in rubbish:
                await line.send(text)
            await line.send([media()[:100], media()[100:]])  # one message in two fragments is fine
            await line.ping()
            await line.send(media())
            await desk.hear(3)
    assert desk.heard[1:3] == [LineAudio(1, FRAME)] * 2
    assert desk.legs[0].broken == 6
    assert len(logs) == 1


@BOTH_SERVERS
async def test_a_message_over_64_kib_ends_the_socket(options: dict[str, Any]) -> None:
    desk = Desk()
    async with open_house(desk, **options) as house, house.socket() as line:
        await greet(line)
        await desk.hear(1)
        with pytest.raises(ConnectionClosed):
            await line.send("x" * 70_000)
            await line.recv()
        assert line.close_code == 1009
        await desk.served.wait()
    assert desk.heard[-1] == LegEnded(1, LegEnd.LOST)


async def test_a_telephone_that_does_not_read_is_told_as_stalled_within_seconds_of_speech() -> None:
    sent_ms = 0

    async def flood(desk: Desk, leg: TwilioLeg) -> None:
        nonlocal sent_ms
        hearing = asyncio.create_task(listen(desk, leg))
        while LegStalled(1) not in desk.heard:
            leg.send_frames(FRAME * 5)
            sent_ms += 100
            await asyncio.sleep(0)
        leg.clear()
        leg.send_mark("after")
        await hearing

    desk = Desk(conduct=flood)
    async with open_house(desk) as house:
        wire = socket.socket()
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        wire.setblocking(False)
        await asyncio.get_running_loop().sock_connect(wire, ("127.0.0.1", house.port))
        async with house.socket(sock=wire, max_queue=1) as line:
            await greet(line)
            await desk.hear(2)
            await line.send('{"event":"stop"}')
            seen = await played(line)
    assert sent_ms < 15_000
    assert desk.heard.count(LegStalled(1)) == 1
    assert "clear" not in seen or seen[seen.index("clear") :] in (["clear"], ["clear", "after"])


async def test_a_call_that_fails_closes_the_socket_and_the_server_lives_on() -> None:
    async def fail(desk: Desk, leg: TwilioLeg) -> None:
        raise RuntimeError("a bug")

    async with open_house(Desk(conduct=fail)) as house, house.socket() as line:
        with capture_logs() as logs:
            await greet(line)
            assert await played(line) == []
        assert line.close_code == 1011
        assert (await house.client.get("/healthz")).status_code == 200
    assert [entry["log_level"] for entry in logs] == ["error"]


@pytest.mark.parametrize("hangs", [False, True], ids=["raises", "hangs"])
async def test_a_desk_in_trouble_closes_the_socket_so_that_the_call_goes_on_elsewhere(hangs: bool) -> None:
    class Troubled(Desk):
        async def claim_leg(self, call_sid: str, stream: str, token: str) -> int | None:
            if hangs:
                await asyncio.Event().wait()
            raise RuntimeError("a bug")

    async with open_house(Troubled(), start_within_s=0.2) as house, house.socket() as line:
        with capture_logs() as logs:
            await greet(line)
            assert await played(line) == []
        assert line.close_code == 1011
    assert [entry["log_level"] for entry in logs] == ["error"]


async def test_when_a_call_is_over_nothing_of_it_is_alive() -> None:
    desk = Desk()
    async with open_house(desk) as house:
        await house.client.get("/healthz")
        before = asyncio.all_tasks()
        async with house.socket() as line:
            await greet(line)
            await line.send(json.dumps({"event": "stop"}))
            assert await played(line) == []
        await desk.served.wait()
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        _, alive = await asyncio.wait(left, timeout=5) if left else (set(), set())
        assert not alive


async def test_another_socket_path_is_not_ours() -> None:
    async with open_house(Desk()) as house:
        with pytest.raises(InvalidStatus) as refusal:
            async with house.socket(path="/elsewhere"):
                pass
        assert refusal.value.response.status_code == 403
