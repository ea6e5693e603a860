"""The engine against a real HTTP/2 peer over TLS, on both paths: whole sessions, and every way they can break."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.call.events import (
    Failure,
    ReplyAudio,
    ReplyEnded,
    ReplyStarted,
    SessionEvent,
    SessionFailed,
    SessionStalled,
    Stop,
    ToolCalled,
    UserText,
)
from app.call.history import Line
from app.call.renewal import Renewal
from app.call.setup import Timings
from app.engines.engine import EngineError
from app.engines.nova_sonic.engine import NovaSonicEngine, NovaSonicOptions
from app.engines.nova_sonic.session import SessionLimits, SonicSession
from tests.engines.nova_sonic.conftest import SPEC
from tests.engines.nova_sonic.peer import Peer, PeerStream, event_frame

FRAME = bytes(range(256)) * 2 + bytes(128)

own_only = pytest.mark.parametrize("path", ["own"], indirect=True)
sdk_only = pytest.mark.parametrize("path", ["sdk"], indirect=True)


async def call(engine: NovaSonicEngine, peer: Peer) -> tuple[SonicSession, PeerStream]:
    """A session lent to a call."""
    session = await engine.open(SPEC)
    stream = await peer.stream()
    session.begin(1, [Line("user", "facts"), Line("assistant", "Hello.")])
    return session, stream


async def rest(session: SonicSession) -> list[SessionEvent]:
    async with asyncio.timeout(10):
        return [event async for event in session.events()]


async def failure_of(session: SonicSession) -> SessionFailed:
    last = (await rest(session))[-1]
    assert isinstance(last, SessionFailed)
    assert session.dead is last.failure
    return last


def spoken(content: str, pcm: str = "AAAA") -> list[dict[str, Any]]:
    return [
        {"contentStart": {"contentId": content, "type": "AUDIO", "role": "ASSISTANT"}},
        {"audioOutput": {"contentId": content, "content": pcm}},
        {"contentEnd": {"contentId": content, "type": "AUDIO", "stopReason": "END_TURN"}},
    ]


async def test_a_session_opens_talks_and_ends(engine: NovaSonicEngine, peer: Peer) -> None:
    session, stream = await call(engine, peer)
    assert stream.signed_well
    for _ in range(5):
        session.send_audio(FRAME)
    session.send_text("[Greet the caller.]")
    await stream.until("audioInput", 5)
    stream.say({"textOutput": {"contentId": "u", "role": "USER", "content": "hello"}}, *spoken("a"))
    stream.say({"toolUse": {"contentId": "t", "toolUseId": "t-1", "toolName": "find_order", "content": "{}"}})
    events = session.events()
    assert [await anext(events) for _ in range(5)] == [
        UserText(1, "u", "hello"),
        ReplyStarted(1, "a"),
        ReplyAudio(1, "a", b"\0\0\0"),
        ReplyEnded(1, "a", Stop.END_TURN),
        ToolCalled(1, "t-1", "find_order", "{}"),
    ]
    session.answer_tool("t-1", '{"status": "sent"}')
    assert (await stream.until("toolResult"))["content"] == '{"status": "sent"}'
    await session.close()
    assert stream.ended and stream.end_frames == 1
    assert stream.names()[-3:] == ["contentEnd", "promptEnd", "sessionEnd"]
    assert await rest(session) == []
    assert engine.statistics().sessions == 0 and engine.statistics().reaped == 0


async def test_a_session_never_lent_ends_lawfully(engine: NovaSonicEngine, peer: Peer) -> None:
    session = await engine.open(SPEC)
    stream = await peer.stream()
    await session.close()
    assert stream.names()[5:] == ["contentStart", "audioInput", "contentEnd", "promptEnd", "sessionEnd"]


async def test_events_are_found_whatever_the_size_of_the_pieces(engine: NovaSonicEngine, peer: Peer) -> None:
    session, stream = await call(engine, peer)
    whole = b"".join(event_frame(event) for event in spoken("a", "AAAA" * 6_000))
    for at in range(0, 300):
        stream.send(whole[at : at + 1])
    stream.send(whole[300:])
    events = session.events()
    assert [type(await anext(events)) for _ in range(3)] == [ReplyStarted, ReplyAudio, ReplyEnded]
    await session.close()


async def test_two_sessions_share_one_connection(engine: NovaSonicEngine, peer: Peer) -> None:
    first, second = await engine.open(SPEC), await engine.open(SPEC)
    assert len(peer.links) == 1
    assert engine.statistics().connections == 1 and engine.statistics().streams == 2
    await asyncio.gather(first.close(), second.close())


# --- an opening that fails ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "message", "failure"),
    [
        (429, "ThrottlingException", "Too many requests", Failure.THROTTLED),
        (400, "ValidationException:http://x/", "System instability detected.", Failure.UNSTABLE),
        (403, "AccessDeniedException", "not you", Failure.MISCONFIGURED),
        (503, "ServiceUnavailableException", "later", Failure.UNSTABLE),
    ],
)
async def test_a_refused_opening_says_why(
    engine: NovaSonicEngine, peer: Peer, status: int, kind: str, message: str, failure: Failure
) -> None:
    peer.accepts = False
    opening = asyncio.create_task(engine.open(SPEC))
    (await peer.stream()).refuse(status, kind, message)
    with pytest.raises(EngineError) as raised:
        await opening
    assert raised.value.failure is failure
    assert message not in raised.value.detail
    assert engine.statistics().refused == 1


async def test_an_exception_in_place_of_the_first_event_refuses_the_opening_or_fails_the_session(
    engine: NovaSonicEngine, peer: Peer
) -> None:
    peer.accepts = False
    opening = asyncio.create_task(engine.open(SPEC))
    stream = await peer.stream()
    stream.accept()
    stream.fail("validationException", "Received invalid id: 'Bob'")
    try:
        session = await opening
    except EngineError as error:
        assert error.failure is Failure.MISCONFIGURED
    else:
        assert (await failure_of(session)).failure is Failure.MISCONFIGURED


async def test_a_service_that_never_answers_is_given_up(options: NovaSonicOptions, peer: Peer) -> None:
    peer.accepts = False
    engine = NovaSonicEngine(replace(options, open_ms=300))
    with pytest.raises(EngineError) as raised:
        await engine.open(SPEC)
    assert raised.value.failure is Failure.TIMED_OUT
    await engine.close()


@own_only
async def test_a_connection_dropped_before_the_answer_is_tried_once_more(engine: NovaSonicEngine, peer: Peer) -> None:
    peer.accepts = False
    opening = asyncio.create_task(engine.open(SPEC))
    await peer.stream()
    peer.drop()
    (await peer.stream()).accept()
    await (await opening).close()


async def test_nobody_listening_is_a_loss(options: NovaSonicOptions, peer: Peer) -> None:
    peer.stop_listening()
    engine = NovaSonicEngine(options)
    with pytest.raises(EngineError) as raised:
        await engine.open(SPEC)
    assert raised.value.failure is Failure.LOST
    await engine.close()


async def test_plain_http_is_refused(options: NovaSonicOptions) -> None:
    engine = NovaSonicEngine(replace(options, endpoint="http://127.0.0.1:9"))
    with pytest.raises(EngineError) as raised:
        await engine.open(SPEC)
    assert raised.value.failure is Failure.MISCONFIGURED
    await engine.close()


async def test_missing_credentials_are_said_at_once(engine: NovaSonicEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(EngineError) as raised:
        await engine.open(SPEC)
    assert raised.value.failure is Failure.MISCONFIGURED


async def test_a_ca_file_that_is_not_there_is_said(options: NovaSonicOptions, tmp_path: Path) -> None:
    engine = NovaSonicEngine(replace(options, ca_file=str(tmp_path / "nowhere.pem")))
    with pytest.raises(EngineError) as raised:
        await engine.open(SPEC)
    assert raised.value.failure is Failure.MISCONFIGURED
    await engine.close()


async def test_a_cancelled_opening_leaves_nothing_behind(engine: NovaSonicEngine, peer: Peer) -> None:
    peer.accepts = False
    opening = asyncio.create_task(engine.open(SPEC))
    stream = await peer.stream()
    await stream.until("contentEnd")
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await engine.close()
    assert engine.statistics().sessions == 0


# --- a call that breaks -------------------------------------------------------------------------------------------


async def test_a_dropped_connection_is_told_to_every_session_on_it(engine: NovaSonicEngine, peer: Peer) -> None:
    calls = [await call(engine, peer) for _ in range(3)]
    peer.drop()
    failures = await asyncio.gather(*(failure_of(session) for session, _ in calls))
    assert {failure.failure for failure in failures} == {Failure.LOST}
    for session, _ in calls:
        await session.close()
    session, _ = await call(engine, peer)
    await session.close()


async def test_a_stream_that_is_reset_is_a_loss(engine: NovaSonicEngine, peer: Peer) -> None:
    session, stream = await call(engine, peer)
    stream.reset()
    assert (await failure_of(session)).failure is Failure.LOST
    await session.close()


async def test_an_end_of_stream_unasked_is_a_loss(engine: NovaSonicEngine, peer: Peer) -> None:
    session, stream = await call(engine, peer)
    stream.send(b"", end=True)
    assert (await failure_of(session)).failure is Failure.LOST
    await session.close()


async def test_half_a_frame_is_a_loss(engine: NovaSonicEngine, peer: Peer) -> None:
    session, stream = await call(engine, peer)
    stream.send(event_frame(spoken("a")[0])[:-7])
    stream.reset()
    assert (await failure_of(session)).failure is Failure.LOST
    await session.close()


async def test_a_damaged_frame_is_a_loss(engine: NovaSonicEngine, peer: Peer) -> None:
    session, stream = await call(engine, peer)
    stream.send(event_frame(spoken("a")[0])[:-1] + b"\0")
    failed = await failure_of(session)
    assert (failed.failure, failed.detail) == (Failure.LOST, "damaged frame")
    await session.close()


@pytest.mark.parametrize(
    ("kind", "message", "failure"),
    [
        ("modelTimeoutException", "Model has timed out in processing the request.", Failure.EXPIRED),
        ("validationException", "RequestId=1 : InternalErrorCode=531::RST_STREAM closed stream.", Failure.EXPIRED),
        ("validationException", "This request has been blocked by our content filters.", Failure.FILTERED),
        ("throttlingException", "Too many tokens", Failure.THROTTLED),
        ("internalServerException", "unexpected", Failure.UNSTABLE),
        ("modelStreamErrorException", "broke", Failure.UNSTABLE),
        ("brandNewException", "who knows", Failure.UNSTABLE),
    ],
)
async def test_an_exception_in_the_stream_is_classified(
    engine: NovaSonicEngine, peer: Peer, kind: str, message: str, failure: Failure
) -> None:
    session, stream = await call(engine, peer)
    stream.fail(kind, message)
    failed = await failure_of(session)
    assert failed.failure is failure
    assert message not in failed.detail
    await session.close()


async def test_going_away_lets_the_call_finish(engine: NovaSonicEngine, peer: Peer) -> None:
    session, stream = await call(engine, peer)
    stream.link.go_away()
    session.send_audio(FRAME)
    await stream.until("audioInput")
    stream.say(*spoken("a"))
    assert isinstance(await anext(session.events()), ReplyStarted)
    await session.close()
    assert stream.ended


@own_only
async def test_after_going_away_the_next_call_opens_elsewhere(engine: NovaSonicEngine, peer: Peer) -> None:
    session, stream = await call(engine, peer)
    stream.link.go_away()
    stream.say(*spoken("a"))
    await anext(session.events())
    later, other = await call(engine, peer)
    assert other.link is not stream.link
    await asyncio.gather(session.close(), later.close())


async def test_a_peer_that_takes_nothing_shows_as_a_stall(options: NovaSonicOptions, peer: Peer) -> None:
    peer.window, peer.reads = 4_000, False
    engine = NovaSonicEngine(replace(options, limits=SessionLimits(close_ms=200, stall_ms=100, outbox_ms=2_000)))
    session, _ = await call(engine, peer)
    for _ in range(40):
        session.send_audio(FRAME)
    async with asyncio.timeout(10):
        assert await anext(session.events()) == SessionStalled(1)
    for _ in range(200):
        session.send_audio(FRAME)
    assert session.dropped_ms > 0
    await session.close()
    assert session.abandoned
    await engine.close()


# --- a close that hangs -------------------------------------------------------------------------------------------


async def test_a_close_that_hangs_returns_and_is_reaped(engine: NovaSonicEngine, peer: Peer) -> None:
    peer.polite = False
    session, stream = await call(engine, peer)
    await session.close()
    await stream.until_ended()
    assert engine.statistics().reaped == 1 and engine.statistics().sessions == 0


@own_only
async def test_a_hung_stream_condemns_its_connection_which_lives_for_its_other_calls(
    engine: NovaSonicEngine, peer: Peer
) -> None:
    living, living_stream = await call(engine, peer)
    peer.polite = False
    hung, _ = await call(engine, peer)
    await hung.close()
    assert engine.statistics().condemned == 1
    peer.polite = True
    fresh, fresh_stream = await call(engine, peer)
    assert fresh_stream.link is not living_stream.link
    living.send_audio(FRAME)
    await living_stream.until("audioInput")
    await living.close()
    await until_gone(living_stream)
    await fresh.close()


async def until_gone(stream: PeerStream) -> None:
    async with asyncio.timeout(10):
        await stream.link.gone.wait()


@own_only
async def test_streams_are_spread_by_the_setting(options: NovaSonicOptions, peer: Peer) -> None:
    engine = NovaSonicEngine(replace(options, streams_per_connection=2))
    await asyncio.gather(*(engine.open(SPEC) for _ in range(5)))
    assert sorted(len(link.streams) for link in peer.links) == [1, 2, 2]
    await engine.close()


@own_only
async def test_a_peer_that_allows_fewer_streams_is_believed(engine: NovaSonicEngine, peer: Peer) -> None:
    peer.streams_allowed = 2
    await asyncio.gather(*(engine.open(SPEC) for _ in range(5)))
    assert max(len(link.streams) for link in peer.links) == 2


async def test_an_engine_that_closes_leaves_no_task_and_no_connection(options: NovaSonicOptions, peer: Peer) -> None:
    before = asyncio.all_tasks()
    engine = NovaSonicEngine(options)
    sessions = [await engine.open(SPEC) for _ in range(3)]
    sessions[0].begin(1, [])
    await engine.close()
    await until_gone(await peer.stream())
    left = {task for task in asyncio.all_tasks() - before if "peer.py" not in repr(task.get_coro())}
    assert not left
    assert threading.active_count() < 20


async def test_credentials_of_a_container_that_expire_soon_bring_the_next_session_forward(
    peer: Peer, options: NovaSonicOptions, keys_until: Callable[[datetime], None]
) -> None:
    """As on ECS and EKS: the SDK's own chain asks an HTTP server for keys, which says until when they are good."""
    keys_until(datetime.now(UTC) + timedelta(seconds=300))
    engine = NovaSonicEngine(options)
    session, stream = await call(engine, peer)
    assert stream.signed_well
    assert session.ends_ms is not None
    renewal = Renewal(Timings())
    renewal.serves(session.ends_ms, session.opened_ms)
    lend_at = renewal.lend_at(session.opened_ms, quiet=True)
    assert lend_at is not None
    assert 115_000 <= lend_at - session.opened_ms <= 121_000, "180 s before they expire, instead of after 360 s"
    await session.close()
    await engine.close()
