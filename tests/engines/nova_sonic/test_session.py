"""A session's order of events, on a wire that only writes down. The socket's side is in `test_over_http2.py`."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.call.events import (
    Failure,
    ReplyStarted,
    SessionEvent,
    SessionFailed,
    SessionStalled,
    ToolCalled,
    UsageReported,
    UserText,
)
from app.call.history import Line
from app.engines.engine import EngineError
from app.engines.nova_sonic.errors import Verdict
from app.engines.nova_sonic.session import SessionLimits, SonicSession
from tests.engines.nova_sonic.conftest import SPEC

FRAME = bytes(640)  # 20 ms at 16 kHz


class Paper:
    """A wire that writes down what it is given, and says what a test tells it to."""

    def __init__(self) -> None:
        self.expires_ms: int | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent: list[dict[str, Any]] = []
        self.waiting_ms = 0
        self.stuck = self.ended = self.abandoned = False

    def send(self, message: bytes, audio_ms: int = 0) -> None:
        assert not self.ended, "nothing may be sent after the end"
        self.sent.append(json.loads(message)["event"])

    def backlog_ms(self) -> int:
        return self.waiting_ms

    def stalled(self, now_ms: int, limit_ms: int) -> bool:
        return self.stuck

    def end(self) -> None:
        self.ended = True

    def abandon(self) -> None:
        self.abandoned = True
        self.gone.set_result(None)

    def names(self) -> list[str]:
        return [next(iter(event)) for event in self.sent]

    def bodies(self, name: str) -> list[dict[str, Any]]:
        return [event[name] for event in self.sent if name in event]


def said(name: str, **body: Any) -> bytes:
    return json.dumps({"event": {name: {"contentId": "k", **body}}}).encode()


TOOL_USE = said("toolUse", toolUseId="t-1", toolName="find_order", content="{}")
USAGE = said("usageEvent", details={"delta": {"input": {"speechTokens": 2}, "output": {"textTokens": 1}}})


def used(session: int) -> UsageReported:
    return UsageReported(session, 2, 0, 0, 1, str(SPEC.where))


async def opened(limits: SessionLimits | None = None) -> tuple[SonicSession, Paper]:
    session, paper = SonicSession(SPEC, limits or SessionLimits(close_ms=50), lambda _: None), Paper()
    session.wire_accepted()
    await session.opening(paper)
    return session, paper


async def begun(history: list[Line] | None = None) -> tuple[SonicSession, Paper]:
    session, paper = await opened()
    session.begin(7, history or [])
    paper.sent.clear()
    return session, paper


async def rest(session: SonicSession) -> list[SessionEvent]:
    async with asyncio.timeout(5):
        return [event async for event in session.events()]


def check_names(paper: Paper) -> None:
    """Each content is started once, ended once at most, and gets data only in between; one prompt for all."""
    state: dict[str, str] = {}
    for event in paper.sent:
        [(name, body)] = event.items()
        content = body.get("contentName")
        if name == "contentStart":
            assert content not in state
            state[content] = "open"
        elif content is not None:
            assert state[content] == "open", f"{name} outside its content"
            if name == "contentEnd":
                state[content] = "ended"
    assert len({body["promptName"] for event in paper.sent for body in event.values() if "promptName" in body}) == 1


async def test_a_session_opens_with_its_system_block_and_nothing_of_a_call() -> None:
    session, paper = await opened()
    assert paper.names() == ["sessionStart", "promptStart", "contentStart", "textInput", "contentEnd"]
    assert paper.bodies("contentStart")[0]["role"] == "SYSTEM"
    assert session.dead is None and session.opened_ms > 0
    assert session.key is SPEC.key


async def test_lending_writes_history_and_opens_the_one_audio_content() -> None:
    session, paper = await opened()
    session.begin(1, [Line("user", "facts"), Line("assistant", "Good morning.")])
    starts = paper.bodies("contentStart")
    assert [(start["role"], start["interactive"]) for start in starts] == [
        ("SYSTEM", False),
        ("USER", False),
        ("ASSISTANT", False),
        ("USER", True),
    ]
    assert starts[-1]["audioInputConfiguration"]["sampleRateHertz"] == 16_000
    check_names(paper)


async def test_a_session_serves_one_call() -> None:
    session, _ = await begun()
    with pytest.raises(AssertionError):
        session.begin(2, [])


async def test_audio_before_the_lending_goes_nowhere() -> None:
    session, paper = await opened()
    session.send_audio(FRAME)
    session.send_text("hello")
    assert "audioInput" not in paper.names()


async def test_text_waits_for_a_tenth_of_a_second_of_audio() -> None:
    session, paper = await begun()
    session.send_audio(FRAME)
    session.send_text("[Greet the caller.]")
    assert paper.names() == ["audioInput", "audioInput", "contentStart", "textInput", "contentEnd"]
    assert len(paper.bodies("audioInput")[1]["content"]) * 3 // 4 >= 3_200
    assert paper.bodies("contentStart")[0]["interactive"] is True


async def test_text_while_audio_flows_goes_out_alone() -> None:
    session, paper = await begun()
    for _ in range(5):
        session.send_audio(FRAME)
    session.send_text("hello")
    assert paper.names().count("audioInput") == 5


async def test_a_tool_is_answered_exactly_once_and_with_json() -> None:
    session, paper = await begun()
    session.wire_said(TOOL_USE)
    session.answer_tool("t-1", "CANCELLED")
    session.answer_tool("t-1", "{}")
    session.answer_tool("never-asked", "{}")
    [result] = paper.bodies("toolResult")
    assert json.loads(result["content"]) == {"result": "CANCELLED"}
    assert paper.names() == ["contentStart", "toolResult", "contentEnd"]


async def test_every_event_carries_the_calls_ordinal() -> None:
    session, _ = await begun()
    session.wire_said(said("textOutput", role="USER", content="hello"))
    session.wire_said(TOOL_USE)
    stream = session.events()
    assert [await anext(stream), await anext(stream)] == [
        UserText(7, "k", "hello"),
        ToolCalled(7, "t-1", "find_order", "{}"),
    ]


async def test_a_waiting_reader_is_woken_by_each_event() -> None:
    session, _ = await begun()
    stream: AsyncIterator[SessionEvent] = session.events()
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    session.wire_said(said("contentStart", type="AUDIO", role="ASSISTANT"))
    assert await reading == ReplyStarted(7, "k")


async def test_what_a_session_used_before_it_was_lent_is_told_to_the_call() -> None:
    session, _ = await opened()
    session.wire_said(USAGE)
    session.begin(7, [])
    session.wire_said(USAGE)
    told = session.events()
    assert [await anext(told), await anext(told)] == [used(0), used(7)]


async def test_what_a_session_used_that_served_no_call_is_told_to_whoever_closes_it() -> None:
    session, paper = await opened()
    session.wire_said(USAGE)
    session.start_closing()
    paper.end()
    session.wire_ended(None)
    assert await rest(session) == [used(0)]
    await session.close()


async def test_a_broken_message_is_counted_and_the_session_goes_on() -> None:
    session, _ = await begun()
    session.wire_said(b"nonsense")
    session.wire_said(USAGE)
    assert session.broken_messages == 1
    assert isinstance(await anext(session.events()), UsageReported)


async def test_a_failure_is_the_last_event_and_marks_the_session_dead() -> None:
    session, _ = await begun()
    session.wire_said(USAGE)
    session.wire_ended(Verdict(Failure.UNSTABLE, "system instability"))
    assert session.dead is Failure.UNSTABLE
    assert (await rest(session))[-1] == SessionFailed(7, Failure.UNSTABLE, "system instability")
    await session.close()


async def test_an_end_that_nobody_asked_for_is_a_loss() -> None:
    session, _ = await begun()
    session.wire_ended(None)
    assert await rest(session) == [SessionFailed(7, Failure.LOST, "stream ended unasked")]


async def test_a_dead_session_takes_commands_without_a_word() -> None:
    session, paper = await opened()
    session.wire_ended(None)
    paper.end()
    session.begin(7, [Line("user", "facts")])
    session.send_audio(FRAME)
    session.send_text("hello")
    session.answer_tool("t", "{}")
    assert await rest(session) == [SessionFailed(7, Failure.LOST, "stream ended unasked")]


async def test_a_failed_opening_is_raised() -> None:
    session, paper = SonicSession(SPEC, SessionLimits(), lambda _: None), Paper()
    opening = asyncio.create_task(session.opening(paper))
    await asyncio.sleep(0)
    session.wire_ended(Verdict(Failure.THROTTLED, "HTTP 429, throttling"))
    with pytest.raises(EngineError) as raised:
        await opening
    assert (raised.value.failure, raised.value.detail) == (Failure.THROTTLED, "HTTP 429, throttling")


async def test_a_call_is_closed_in_the_protocols_order_and_heard_to_its_end() -> None:
    session, paper = await begun()
    session.send_audio(FRAME)
    closing = asyncio.create_task(session.close())
    await asyncio.sleep(0)
    assert paper.names() == ["audioInput", "contentEnd", "promptEnd", "sessionEnd"] and paper.ended
    session.wire_said(USAGE)
    session.wire_ended(None)
    paper.gone.set_result(None)
    await closing
    assert await rest(session) == [used(7)]
    assert not paper.abandoned


async def test_a_call_without_a_sound_ends_its_audio_with_silence() -> None:
    session, paper = await begun()
    session.start_closing()
    await asyncio.sleep(0)
    assert paper.names() == ["audioInput", "contentEnd", "promptEnd", "sessionEnd"]


async def test_a_session_never_lent_still_ends_lawfully() -> None:
    session, paper = await opened()
    await session.close()
    assert paper.names()[5:] == ["contentStart", "audioInput", "contentEnd", "promptEnd", "sessionEnd"]
    check_names(paper)


async def test_nothing_is_sent_while_closing() -> None:
    session, paper = await begun()
    session.start_closing()
    await asyncio.sleep(0)
    sent = len(paper.sent)
    session.send_audio(FRAME)
    session.send_text("hello")
    assert len(paper.sent) == sent
    assert session.dead is not None


async def test_a_close_that_hangs_is_given_up() -> None:
    session, paper = await begun()
    await asyncio.gather(session.close(), session.close())
    assert paper.abandoned and session.abandoned
    assert await rest(session) == []


async def test_a_cancelled_close_still_closes() -> None:
    session, paper = await begun()
    closing = asyncio.create_task(session.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await session.close()
    assert paper.abandoned


async def test_a_full_outbox_drops_new_audio_and_says_so_once() -> None:
    session, paper = await begun()
    paper.waiting_ms = 24_990
    session.send_audio(FRAME)
    session.send_audio(FRAME)
    assert (session.dropped_ms, paper.sent) == (40, [])
    paper.waiting_ms = 0
    session.check(0)
    session.send_audio(FRAME)
    assert paper.names() == ["audioInput"]
    session.wire_ended(None)
    assert [type(event) for event in await rest(session)] == [SessionStalled, SessionFailed]


async def test_twenty_seconds_to_be_heard_again_fit_into_the_outbox_at_once() -> None:
    session, paper = await begun()
    for paper.waiting_ms in range(0, 20_000, 100):
        session.send_audio(bytes(3_200))
    assert (session.dropped_ms, len(paper.sent)) == (0, 200)


async def test_a_write_not_taken_is_reported_by_the_pulse_once_for_each_stall() -> None:
    session, paper = await begun()
    for paper.stuck in (True, True, False, True):
        session.check(0)
    session.wire_ended(None)
    assert [type(event) for event in await rest(session)] == [SessionStalled, SessionStalled, SessionFailed]


async def test_a_session_ends_before_its_credentials_do() -> None:
    session, paper = await begun()
    paper.expires_ms = time.time_ns() // 1_000_000 + 1_000  # less than the margin
    assert session.expires_ms is not None
    session.check(int(asyncio.get_running_loop().time() * 1000))
    assert paper.ended and session.dead is Failure.EXPIRED
    assert await rest(session) == [SessionFailed(7, Failure.EXPIRED, "its credentials expire")]


async def test_credentials_without_an_end_never_expire() -> None:
    session, paper = await begun()
    session.check(1 << 60)
    assert session.expires_ms is None and session.dead is None
    assert not paper.ended


async def test_a_dead_session_that_nobody_closes_is_closed_by_the_pulse() -> None:
    session, paper = await begun()
    session.wire_ended(None)
    session.check(0)
    await session.close()
    assert paper.ended and paper.abandoned


async def test_a_whole_calls_contents_are_each_opened_and_closed_once() -> None:
    session, paper = await opened()
    session.begin(1, [Line("assistant", "Hello."), Line("user", "x" * 3_000)])
    session.send_text("greet")
    session.wire_said(TOOL_USE)
    session.send_audio(FRAME)
    session.answer_tool("t-1", '{"ok": true}')
    session.send_audio(FRAME)
    await session.close()
    check_names(paper)
    assert paper.names()[-3:] == ["contentEnd", "promptEnd", "sessionEnd"]


async def test_it_says_when_it_ends_and_sooner_where_its_credentials_do() -> None:
    session, paper = await opened()
    assert session.ends_ms == session.opened_ms + 480_000
    paper.expires_ms = time.time_ns() // 1_000_000 + 300_000
    assert session.ends_ms is not None
    left = session.ends_ms - session.opened_ms
    assert 239_000 <= left <= 241_000  # of 300 s: its window, 120 s before that, opens 180 s before they expire
