"""A call as it should be: greeted at once, answered, interrupted, helped, heard to the goodbye."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.whole.conftest import OpenHouse
from tests.whole.hand import Hand
from tests.whole.house import PATIENT, TOKEN, Call, House, together, until
from tests.whole.sounds import PHRASES, sentence, turn
from tests.whole.test_model_trouble import heard_of

GOODBYE = {"use_tool": {"name": "end_call", "arguments": {"reason": "finished"}}}
STORY = " ".join(f"word{number}" for number in range(60))


async def test_a_caller_is_greeted_answered_and_seen_off(house: OpenHouse) -> None:
    mind = [turn("Where is my parcel?", "one"), turn("Thanks, goodbye.", **GOODBYE)]
    async with house(mind=mind) as here:
        call = await here.call("""
            wait for speech
            wait for quiet 300ms
            say "where is it"
            wait for speech
            wait for quiet 300ms
            say "thanks goodbye"
            expect hung up within 20s
        """)
        ended = await here.dispositions()
    assert call.heard == ["greeting", "one", "goodbye"]
    assert call.result.passed, call.result.failures
    assert call.result.verbs == ["Connect", "Redirect", "Hangup"]
    assert ended == {"completed": 1}
    assert len(here.sessions) == 1
    goodbye_ms = next(ms for name, _, ms in PHRASES.values() if name == "goodbye")
    assert abs(call.sound("goodbye").heard_ms - goodbye_ms) <= 40  # to its end, and
    assert call.at("stream_ended") - call.sound("goodbye").end_ms < 2_000  # not much longer


async def test_an_interruption_silences_the_reply_and_the_next_session_knows_where_it_was_cut(house: OpenHouse) -> None:
    mind = [turn("Tell me a story.", sentence("one", 24.0, STORY)), turn("Wait, please.", sentence("two", 1.6))]
    patterns = [{"when": "interrupted for a moment", "say": [sentence("three")]}]
    async with house(mind=mind, patterns=patterns, faults="drop@speaking#2") as here:
        call = await here.call("""
            wait for speech
            wait for quiet 300ms
            say "a story"
            interrupt after 1500ms "wait please"
            wait for speech
            wait for quiet 2500ms
            hang up
        """)
        barge_ins = await here.metric("offhook_barge_in_total", outcome="confirmed")
    assert call.heard == ["greeting", "one", "two", "three"]
    onset = call.at("caller_started", 1)
    assert 0 < call.at("clear_received") - onset < 2_000  # of 24 s; how quick it is, `offhook bench` measures
    assert call.sound("one").end_ms - onset < 2_000
    assert barge_ins == 1
    words = heard_of(here.sessions[1], "ASSISTANT")[1].removesuffix("…").split()
    assert STORY.startswith(" ".join(words))
    assert abs(len(words) - 60 * call.sound("one").heard_ms / 24_000) <= 2


async def test_a_cough_stops_the_reply_for_a_moment_and_it_goes_on_where_it_was(house: OpenHouse) -> None:
    hears_words_only = {"listening": {"pause_ms": 250, "onset_ms": 400}}
    mind = [turn("Where is it?", sentence("one", 4.0))]
    async with house(mind=mind, habits=hears_words_only) as here, Hand.rings(here) as hand:
        await hand.hears("greeting")
        await hand.says("where is it")
        await hand.hears("one")
        await hand.says("oh")
        await until(lambda: here.metric("offhook_barge_in_total"), lambda holds: holds == 1)
        assert await here.metric("offhook_barge_in_total", outcome="resumed") == 1
        assert hand.clears == 1


FIND = {"use_tool": {"name": "find_parcel", "arguments": {"number": "4711"}}}
HANG = {"use_tool": {"name": "ask_the_harbour", "arguments": {"ship": "Anna"}}}


async def test_a_tool_is_answered_once_and_the_caller_kept_company_where_it_hangs(house: OpenHouse) -> None:
    async def finds() -> None:
        async with house(mind=[turn("Where is 4711?", sentence("one", text="It is {place}."), **FIND)]) as here:
            call = await ask_once(here)
            runs = await here.metric("offhook_tools_total", tool="find_parcel", outcome="ok")
        [session] = here.sessions
        assert call.heard == ["greeting", "one"]
        assert runs == len(session.events("toolResult", "<")) == 1
        assert session.events("speculativeText")[0]["text"] == "It is on the pier."

    async def hangs() -> None:
        mind = [turn("Where is the Anna?", sentence("one", text="No luck: {error}."), **HANG)]
        async with house(mind=mind, timings=replace(PATIENT, tool_wait=700)) as here:
            call = await ask_once(here, quiet="1800ms")
            runs = await here.metric("offhook_tools_total", tool="ask_the_harbour", outcome="timed_out")
        [session] = here.sessions
        assert call.heard == ["greeting", "wait", "one"]
        assert runs == len(session.events("toolResult", "<")) == 1
        assert session.events("speculativeText")[0]["text"] == "No luck: timed_out."

    async def is_left() -> None:
        async with house(mind=[turn("Where is the Anna?", "one", **HANG)]) as here:
            call = await here.call("""
                wait for speech
                wait for quiet 300ms
                say "where is the anna"
                wait 800ms
                hang up
            """)
            ended = await here.dispositions()
            runs = await here.metric("offhook_tools_total", tool="ask_the_harbour")
            live = await here.metric("offhook_calls_live")
        assert call.heard == ["greeting"]
        assert (ended, runs, live) == ({"caller_hung_up": 1}, 0, 0)
        assert not [session.events("toolResult", "<") for session in here.sessions if session.events("toolResult", "<")]

    await together(finds(), hangs(), is_left())


async def test_without_its_recording_the_model_greets_by_itself(
    house: OpenHouse, content: Path, tmp_path: Path
) -> None:
    async def lacks(recordings: str) -> None:
        bare = tmp_path / recordings / "content"
        shutil.copytree(content, bare)
        for wav in (bare / "cache" / "rendered").glob(recordings):
            wav.unlink()
        here_alone = {"content": bare, "redis_url": "", "data_dir": tmp_path / recordings / "data"}
        patterns = [{"when": "Greet the caller", "say": [sentence("five")]}]
        async with house(mind=[turn("Where is it?", "one")], patterns=patterns, **here_alone) as here:
            call = await ask_once(here)
        assert call.heard == ["five", "one"], recordings

    with capture_logs() as log:
        await together(lacks("greeting*.wav"), lacks("*.wav"))
    assert len([line for line in log if line["event"].startswith("! phrases without audio")]) == 2


async def test_nothing_the_caller_said_no_number_and_no_secret_reaches_the_log(
    house: OpenHouse, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    ask = {"use_tool": {"name": "find_parcel", "arguments": {"number": "4711"}}}
    mind = [turn("My pin is zanzibar.", sentence("one", text="Quokka, {place}."), **ask), turn("Goodbye.", **GOODBYE)]
    with capture_logs() as log:
        async with house(mind=mind, later=mind, faults="drop@thinking#2") as here:
            await here.call(
                """
                wait for speech
                wait for quiet 300ms
                say "my pin is zanzibar"
                wait for speech
                wait for quiet 300ms
                press 8 2 6 4
                say "goodbye"
                wait for speech
                wait for quiet 300ms
                hang up
                """,
                caller="+14155559876",
            )
            await here.dispositions()
    printed = capfd.readouterr()
    written = f"{log} {caplog.text} {printed.out} {printed.err}"
    assert "call ended" in written
    secrets = ("zanzibar", "quokka", "on the pier", "4711", "8264", "4155559876", TOKEN, "the same in every house")
    assert not [secret for secret in secrets if secret in written.lower()]


async def ask_once(here: House, quiet: str = "300ms") -> Call:
    return await here.call(f"""
        wait for speech
        wait for quiet 300ms
        say "where is it"
        wait for speech
        wait for quiet {quiet}
        hang up
    """)
