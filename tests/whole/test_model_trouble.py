"""What goes wrong at the model's side: the caller hears a line, and the call goes on or ends politely."""

import asyncio

from app.audio.clip import from_pcm
from app.call.setup import Timings
from app.simulator.sonic.journal import SessionRecord
from app.simulator.sonic.manner import Manner
from app.simulator.twilio.plant import DialOutcome
from tests.whole.conftest import OpenHouse
from tests.whole.house import Call, together, until
from tests.whole.sounds import sentence, turn

# On a busy machine the greeting may be late: who waits for nothing but quiet would speak before it. And a quiet shorter
# than a recovery may last would be taken for the end of the answer.
TWO_QUESTIONS = """
    wait for speech
    wait for quiet 300ms
    say "where is it"
    wait for speech
    wait for quiet 2500ms
    say "and the other"
    wait for speech
    wait for quiet 300ms
    hang up
"""
SOON_MS = 4_000  # how soon it is, `offhook bench faults` measures
DEPOT = "+15035550142"  # the first whom the desk gives callers to
ONE_QUESTION = """
    wait for speech
    wait for quiet 300ms
    say "where is my parcel"
    wait for speech
    wait for quiet 2500ms
    hang up
"""
COUNTING = "one two three four five six seven eight nine ten eleven twelve"
GO_ON = {"when": "interrupted for a moment", "say": [sentence("two")]}


def heard_of(session: SessionRecord, role: str) -> list[str]:
    assert session.brief is not None
    return [text for who, text in session.brief.history if who == role]


def spoken_ms(session: SessionRecord) -> int:
    """How much of what a session was sent is a caller's voice."""
    samples = from_pcm(bytes(session.audio), 16_000).samples.astype(float)
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    return 20 * int(((frames**2).mean(axis=1) > 300**2).sum())


async def test_a_session_that_breaks_in_mid_word_is_followed_by_one_that_knows_what_was_heard(house: OpenHouse) -> None:
    async def breaks(fault: str) -> Call:
        mind = [turn("Where is it?", sentence("one", 3.6, COUNTING))]
        async with house(mind=mind, later=[turn("And the other?", "three")], patterns=[GO_ON], faults=fault) as here:
            call = await here.call(TWO_QUESTIONS)
            ended = await here.dispositions()
        assert call.heard == ["greeting", "one", "two", "three"], fault
        assert call.sound("two").at_ms - call.sound("one").end_ms < SOON_MS, fault
        assert ended == {"caller_hung_up": 1}
        _, second = here.sessions
        assert heard_of(second, "USER")[-1] == "Where is it?"
        [said] = heard_of(second, "ASSISTANT")[1:]
        words, share = said.removesuffix("…").split(), call.sound("one").heard_ms / 3_600
        assert said.endswith("…") and COUNTING.startswith(" ".join(words)), said
        assert abs(len(words) - 12 * share) <= 2, (said, share)
        return call

    faults = ("drop@speaking#1", "half-frame@speaking#1", "bad-crc@speaking#1", "stream-error@speaking#1")
    await together(*map(breaks, faults))


async def test_a_question_that_a_session_takes_to_its_end_is_heard_and_answered_by_the_next(house: OpenHouse) -> None:
    async def breaks(fault: str) -> None:
        mind, later = [turn("Where is my parcel?", "one")], [turn("Where is my parcel?", "two")]
        async with house(mind=mind, later=later, faults=fault, timings=Timings()) as here:
            call = await here.call(ONE_QUESTION)
            ended = await here.dispositions()
        answer = call.first_after(call.at("caller_stopped"))
        assert call.heard[0] == "greeting" and call.heard[-1] == "two", (fault, call.heard)
        assert answer.at_ms - call.at("caller_stopped") < SOON_MS, (fault, call.sounds)
        assert ended == {"caller_hung_up": 1}
        _, second = here.sessions
        said_ms = call.at("caller_stopped") - call.at("caller_started")
        assert abs(spoken_ms(second) - said_ms) < 150, fault
        assert heard_of(second, "ASSISTANT") == ["Harbour Parcels, hello!"], fault

    faults = ("instability@thinking#1", "drop@thinking#1", "reset@caller-speaking#1", "cut@caller-speaking#1")
    await together(*map(breaks, faults))


async def test_a_model_that_refuses_answers_late_or_a_person_is_asked_and_the_call_ends_with_an_apology(
    house: OpenHouse,
) -> None:
    async def for_a_while() -> None:
        refused = ",".join(f"throttle@opening#{nth}" for nth in (1, 2))
        mind = [turn("Where is my parcel?", "one")]
        async with house(mind=mind, faults=refused, pool_size=0, timings=Timings()) as here:
            call = await here.call(ONE_QUESTION)
            ended = await here.dispositions()
        assert (call.heard[0], call.heard[-1]) == ("greeting", "one"), call.heard
        assert "wait" in call.heard
        assert ended == {"caller_hung_up": 1}

    async def for_good(fault: str, line: str) -> None:
        async with house(faults=fault, timings=Timings()) as here:
            here.plant.outcomes = {DEPOT: DialOutcome(status="busy", ring_ms=100)}
            call = await here.call("expect hung up within 30s")
            ended = await here.dispositions()
            errors = await here.metric("offhook_session_errors_total")
        told = [name for name in call.heard if name not in {line, "greeting", "wait"}]  # ringing sounds like these
        assert told == ["transfer", "nobody_answered", "apology"], (fault, call.heard)
        assert call.result.passed, (fault, call.result.failures)
        assert call.result.verbs == ["Connect", "Redirect", "Dial", "Connect", "Redirect", "Hangup"]
        assert ended == {"engine_failed": 1}, fault
        assert errors > 0, fault

    refusals = {"throttle@opening": "wait", "denied@opening": "", "not-found@opening": ""}
    await together(for_a_while(), *(for_good(fault, line) for fault, line in refusals.items()))


async def test_a_deaf_session_is_replaced_by_one_that_gets_the_utterance_again(house: OpenHouse) -> None:
    """Whether it is deaf from the start, or notices that somebody speaks and then says no more."""

    async def is_deaf(notices: bool) -> None:
        manner = Manner(speed=10, final_delay_ms=400, user_speech_events=notices)
        mind, timings = [turn("Where is my parcel?", "one")], Timings(deaf_quiet=1_200)
        async with house(mind=mind, faults="deaf@caller-speaking#1", manner=manner, timings=timings) as here:
            call = await here.call(ONE_QUESTION)
        assert call.heard[0] == "greeting" and call.heard[-1] == "one", call.heard
        line = call.first_after(call.at("caller_stopped"))
        assert line.name in ("sorry", "repeat"), call.heard
        assert line.at_ms - call.at("caller_stopped") < SOON_MS
        assert spoken_ms(here.sessions[1]) > 900

    await together(is_deaf(True), is_deaf(False))


async def test_a_session_that_takes_nothing_more_is_followed_by_one_that_hears_the_question(house: OpenHouse) -> None:
    """Its window stays shut: nothing says so but our own writes, which are not taken."""
    mind = [turn("Where is my parcel?", "one")]
    async with house(mind=mind, faults="stall@caller-speaking#1", timings=Timings()) as here:
        call = await here.call(ONE_QUESTION)
    assert call.heard[0] == "greeting" and call.heard[-1] == "one", call.heard
    first, second = here.sessions
    assert spoken_ms(second) > 900 > spoken_ms(first)


async def test_a_session_whose_close_hangs_keeps_neither_call_nor_server(house: OpenHouse) -> None:
    async with house(mind=[turn("Where is my parcel?", "one")], faults="hang@closing") as here:
        call = await here.call(ONE_QUESTION)
        ended = await here.dispositions()
        await until(
            lambda: here.metric("offhook_session_errors_total", kind="close_hung"), lambda counted: counted >= 1
        )
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 8
    assert call.heard == ["greeting", "one"]
    assert ended == {"caller_hung_up": 1}
