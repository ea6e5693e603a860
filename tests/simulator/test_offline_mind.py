"""Whole turns through the offline mind: sound in, thoughts out. The desk is a library; nobody wrote code for it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.engines.offline.speak import speak
from app.simulator.mind import (
    Brief,
    Heard,
    Mind,
    MindFactory,
    Say,
    SpeechBegan,
    SpeechStopped,
    Thought,
    ToolOffer,
    UseTool,
)
from app.simulator.offline_mind import OfflineMind, OfflineMinds
from app.simulator.voices import line
from tests.engines.offline.desks import LIBRARY_PROMPT, LIBRARY_TOOLS, SHOP_PROMPT, SHOP_TOOLS
from tests.engines.offline.telephone import over_the_line

QUIET = bytes(32_000)
LIMIT_S = 30


def brief(prompt: str = SHOP_PROMPT, tools: object = SHOP_TOOLS, history: tuple[tuple[str, str], ...] = ()) -> Brief:
    assert isinstance(tools, tuple)
    offers = tuple(ToolOffer(tool.name, tool.description, tool.schema) for tool in tools)
    return Brief(prompt, offers, "tiffany", history, 16_000, 8_000, 800)


def caller(text: str) -> bytes:
    audio = line(text)
    assert audio is not None
    return QUIET + over_the_line(audio) + QUIET


async def until(thoughts: AsyncIterator[Thought], kind: type) -> list[Thought]:
    """Thoughts up to the first of `kind`; of a reply, to its end."""
    found: list[Thought] = []
    async with asyncio.timeout(LIMIT_S):
        async for thought in thoughts:
            found.append(thought)
            if isinstance(thought, kind) and not (isinstance(thought, Say) and not thought.last):
                return found
    raise AssertionError(f"the mind closed before {kind.__name__}: {found}")


def words(thoughts: list[Thought]) -> list[str]:
    return [sentence.text for thought in thoughts if isinstance(thought, Say) for sentence in thought.sentences]


@pytest.fixture
async def mind() -> AsyncIterator[OfflineMind]:
    made = OfflineMind()
    yield made
    await made.close()


async def test_a_question_is_heard_and_answered_from_the_prompt(mind: OfflineMind) -> None:
    await mind.open(brief())
    mind.hear(caller("Good morning, what are your opening hours?"))
    began, stopped, heard, *said = await until(mind.thoughts(), Say)
    assert isinstance(began, SpeechBegan)
    assert 900 < began.offset_ms < 1200
    assert isinstance(stopped, SpeechStopped)
    assert stopped.detected_ms - stopped.offset_ms == 800
    assert heard == Heard("Good morning what are your opening hours?")
    assert words(said) == ["Opening hours: Monday to Friday nine to six, Saturday ten to four, closed on Sunday."]
    assert isinstance(said[0], Say)
    assert 3 < len(said[0].sentences[0].pcm) / 16_000 < 12


async def test_a_tool_is_used_and_its_answer_told(mind: OfflineMind) -> None:
    await mind.open(brief())
    thoughts = mind.thoughts()
    mind.hear(caller("What about my order, number four seven one two?"))
    *_, use = await until(thoughts, UseTool)
    assert isinstance(use, UseTool)
    assert (use.name, use.arguments) == ("look_up_order", {"number": "4712"})
    mind.take_result(use.tool_use_id, {"status": "ready", "pickup_day": "Tuesday"})
    assert words(await until(thoughts, Say)) == ["The status is ready.", "The pickup day is Tuesday."]


async def test_another_desk_and_another_tool_need_no_other_code(mind: OfflineMind) -> None:
    await mind.open(brief(LIBRARY_PROMPT, LIBRARY_TOOLS))
    thoughts = mind.thoughts()
    mind.hear(QUIET + over_the_line(speak("Do you have a book about the history of Rome?", "rms", 8000)) + QUIET)
    *_, use = await until(thoughts, UseTool)
    assert isinstance(use, UseTool)
    assert (use.name, use.arguments) == ("find_book", {"title": "the history of rome"})
    mind.take_result(use.tool_use_id, {"message": "It stands on shelf B 2."})
    assert words(await until(thoughts, Say)) == ["It stands on shelf B 2."]
    mind.hear(caller("Do you open on Sunday?"))
    assert words(await until(thoughts, Say)) == ["Sunday and Monday: closed."]


async def test_a_caller_who_breaks_in_stops_what_was_about_to_be_said(mind: OfflineMind) -> None:
    await mind.open(brief())
    thoughts = mind.thoughts()
    mind.read("What are your opening hours?")
    mind.hear(caller("Wait, sorry, one question."))
    said = words(await until(thoughts, Say))
    assert said == ["Yes, please go ahead."]


async def test_an_answer_of_a_tool_is_held_while_the_caller_speaks(mind: OfflineMind) -> None:
    await mind.open(brief())
    thoughts = mind.thoughts()
    mind.read("What about order 4712?")
    *_, use = await until(thoughts, UseTool)
    assert isinstance(use, UseTool)
    speech = caller("What is the address?")
    mind.hear(speech[: len(speech) // 2])
    mind.take_result(use.tool_use_id, {"status": "ready"})
    mind.hear(speech[len(speech) // 2 :])
    assert words(await until(thoughts, Say)) == ["Address: 12 Mill Lane, next to the station."]
    mind.read("What is the status?")
    assert words(await until(thoughts, Say)) == ["The status is ready."]


async def test_live_text_is_followed_without_being_heard(mind: OfflineMind) -> None:
    await mind.open(brief())
    mind.read("[The call has just been answered. Greet the caller.]")
    thoughts = await until(mind.thoughts(), Say)
    assert words(thoughts) == ["Good day, this is the bicycle shop.", "How can I help you?"]
    assert all(isinstance(thought, Say) for thought in thoughts)


async def test_goodbye_ends_the_call_by_its_tool_and_nothing_more_is_said(mind: OfflineMind) -> None:
    await mind.open(brief())
    thoughts = mind.thoughts()
    mind.hear(caller("Okay, goodbye."))
    *_, use = await until(thoughts, UseTool)
    assert isinstance(use, UseTool)
    assert use.name == "end_call"
    mind.take_result(use.tool_use_id, {"ok": True})
    await mind.close()
    assert [thought async for thought in thoughts] == []


async def test_the_history_of_an_earlier_session_is_gone_on_from(mind: OfflineMind) -> None:
    await mind.open(brief(history=(("USER", "What about my order?"), ("ASSISTANT", "What is your order number?"))))
    mind.hear(caller("Four seven one two."))
    *_, use = await until(mind.thoughts(), UseTool)
    assert isinstance(use, UseTool)
    assert use.arguments == {"number": "4712"}


async def test_minds_share_a_warm_spare_and_closing_ends_the_thoughts() -> None:
    minds = OfflineMinds()
    await minds.start()
    factory: MindFactory = minds
    first: Mind = factory()
    await first.open(brief())
    await first.close()
    assert [thought async for thought in first.thoughts()] == []
    never_opened = factory()
    await never_opened.close()
    await minds.close()
