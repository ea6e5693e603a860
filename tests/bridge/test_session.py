"""What a call's life adds to the caller's words, and whose session it asks the pool for. In virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import wraps
from typing import Any

from structlog.testing import capture_logs

from app.bridge.incoming import Incoming
from app.bridge.session import Ears
from app.bridge.staff import Cast
from app.call import events as e
from app.call.events import LegEnd
from app.call.setup import Phrase
from app.engines.engine import SessionSpec
from app.legs.leg import LineMeasured
from tests.bridge.front import PHRASES, SPEC, Front, cast, front_desk, incoming
from tests.pool.plain_engine import PlainSession
from tests.pool.virtual_time import in_virtual_time

HOURS = Phrase("hours", "We open at ten.", bytes(160 * 40))
SPANISH = SessionSpec(replace(SPEC.key, language="es-US"), "Contestas.", "lupe")


def rehearsed(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        in_virtual_time(test())

    return run


class ByRote:
    """Knows one question, and takes an upside-down mark for Spanish."""

    def known(self, text: str, language: str) -> tuple[str, float] | None:
        return ("hours", 0.9) if text == "When do you open?" and language == "en-US" else None

    def seems(self, text: str) -> str:
        return "es-US" if "¿" in text else ""


class Broken:
    def known(self, text: str, language: str) -> tuple[str, float] | None:
        raise RuntimeError(f"cannot make out {text}")

    def seems(self, text: str) -> str:
        return ""


def cast_with(ears: Ears) -> Callable[[Incoming], Cast]:
    def make(call: Incoming) -> Cast:
        made = cast(call)
        phrases = {**PHRASES, "hours": HOURS}
        tongues = {"en-US": phrases, "es-US": {}}
        setup = replace(made.setup, phrases=phrases, tongues=tongues)
        return replace(made, setup=setup, specs={"es-US": SPANISH}, ears=ears)

    return make


async def asks(front: Front, *questions: str) -> None:
    """A call that is greeted, and in which the engine hears these."""
    await asyncio.sleep(1)
    await front.desk.answer_call(incoming("CA1"))
    leg, served = await front.connect("CA1")
    for number, question in enumerate(questions):
        await asyncio.sleep(3)
        in_use = lent(front)[-1]
        assert in_use.begun is not None
        in_use.report(e.UserText(in_use.begun[0], f"u{number}", question))
    await asyncio.sleep(3)
    leg.end(LegEnd.STOPPED)
    await served


def lent(front: Front) -> list[PlainSession]:
    found = [session for session in front.engine.sessions if session.begun is not None]
    return sorted(found, key=lambda session: session.begun[0] if session.begun else 0)


@rehearsed
async def test_a_known_answer_changes_the_session_while_a_spare_one_is_at_hand() -> None:
    async with front_desk(cast=cast_with(ByRote())) as front:
        await asks(front, "When do you open?")
        first, second = lent(front)
        assert first.closed
        assert second.begun is not None
        said = [(line.role, line.text) for line in second.begun[1]]
        assert said[-2:] == [("user", "When do you open?"), ("assistant", "We open at ten.")]
        assert front.counted("known_answers", how="swapped") == 1
        assert front.counted("turns", answered_by="phrase") == 1
        assert front.meters.registry.get_sample_value("offhook_known_answer_seconds_count") == 1
        assert front.counted("pool_cold_opens") == 0


@rehearsed
async def test_without_a_spare_session_the_one_in_use_is_kept() -> None:
    async with front_desk(cast=cast_with(ByRote()), size=0) as front:
        await asks(front, "When do you open?")
        assert len(lent(front)) == 1
        assert front.counted("known_answers", how="hushed") == 1


@rehearsed
async def test_two_questions_in_another_language_bring_a_session_that_speaks_it() -> None:
    async with front_desk(cast=cast_with(ByRote())) as front:
        await asks(front, "¿Cuándo abren ustedes hoy?", "¿Me entiende usted, por favor?", "When do you open?")
        assert [session.key for session in lent(front)] == [SPEC.key, SPANISH.key]
        assert front.counted("known_answers", how="swapped") == 0  # the question was known in English only


@rehearsed
async def test_a_fault_in_making_words_out_leaves_them_to_the_model_and_out_of_the_log() -> None:
    with capture_logs() as log:
        async with front_desk(cast=cast_with(Broken())) as front:
            await asks(front, "When do you open?")
            assert front.ended("caller_hung_up") == 1
    [line] = [line for line in log if "made out" in line["event"]]
    assert line["error"] == "RuntimeError" and "open" not in str(line)


@rehearsed
async def test_how_the_caller_s_audio_came_and_what_ran_dry_is_counted() -> None:
    async with front_desk(cast=cast) as front:
        await front.desk.answer_call(incoming("CA1"))
        leg, served = await front.connect("CA1")
        leg.report(LineMeasured(leg.ordinal, 0.14, 0.05, 6))
        await asyncio.sleep(4)
        [in_use] = lent(front)
        for audio in (bytes(160 * 2 * 10), b""):
            in_use.report(e.ReplyAudio(1, "c1", audio or bytes(160 * 2)))
            await asyncio.sleep(2)
        leg.end(LegEnd.STOPPED)
        await served
        value = front.meters.registry.get_sample_value
        assert value("offhook_media_gap_seconds_sum") == 0.14
        assert value("offhook_media_delay_seconds_sum") == 0.05
        assert front.counted("media_missing") == 6
        assert front.counted("late_frames") > 0


@rehearsed
async def test_the_log_tells_what_a_call_used_and_what_of_its_cost_is_unknown() -> None:
    with capture_logs() as log:
        async with front_desk(cast=cast) as front:
            await front.desk.answer_call(incoming("CA1"))
            leg, served = await front.connect("CA1")
            await asyncio.sleep(4)
            lent(front)[0].report(e.UsageReported(1, 10, 20, 30, 40, "us-east-1:a"))
            await asyncio.sleep(1)
            leg.end(LegEnd.STOPPED)
            await served
            assert front.counted("model_tokens", kind="text_out") == 40
            assert front.counted("money_unknown", what="model") == 1
    [line] = [line for line in log if line["event"] == "= what the call used"]
    assert (line["call"], line["tokens"], line["model"], line["total"]) == ("CA1", 100, "unknown", "unknown")
