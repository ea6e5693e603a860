"""The words of a menu over a telephone line: how often the right one is taken, a wrong one, and none."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import psutil
import pytest

from app.call.events import SessionFailed, WordSpoken
from app.engines.engine import LISTENER, SessionKey, SessionSpec
from app.engines.offline.listener import PROGRAM, ListenerSession, MenuListener
from app.engines.offline.speak import speak
from tests.engines.offline.telephone import over_the_line

WORDS = [
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero"),
    *("hours", "opening hours", "address", "where are you", "parking", "prices", "repair", "repairs", "order"),
    *("person", "a person", "operator", "workshop", "goodbye", "help", "yes", "no", "main menu", "location", "repeat"),
]
OTHER = [
    *("I want to know where my bicycle is", "can you tell me a joke", "my name is Peter", "what", "um", "banana"),
    *("hello, hello, is anybody there", "I bought a helmet last week and it does not fit", "seventy four", "computer"),
    *("the weather is nice today", "I do not understand this menu at all", "tomorrow morning", "is this a machine"),
    *("could I speak with somebody about my bill", "wonderful", "flowers", "oh no, not again", "can I return it"),
    *("let me think", "what did you say", "okay", "thank you", "my daughter needs a new saddle", "for you", "sign"),
    *("how much does it cost to change a tire", "Tuesday", "black", "I am on the train"),
]
SPEC = SessionSpec(SessionKey("edition", "desk", "en-US", LISTENER, "", 8000), "", "tiffany", words=WORDS)
QUIET = bytes(16_000 * 2 // 10 * 7)  # 0.7 s


class Ear:
    """A session that hears one line after another."""

    def __init__(self, session: ListenerSession) -> None:
        self._session = session
        self._events = session.events()
        session.begin(3, ())

    async def hears(self, text: str, voice: str) -> str:
        line = QUIET + over_the_line(speak(text, voice, 8_000)) + QUIET
        for at in range(0, len(line), 640):
            self._session.send_audio(line[at : at + 640])
        event = await asyncio.wait_for(anext(self._events), 20)
        assert isinstance(event, WordSpoken) and event.session == 3
        return event.word


@asynccontextmanager
async def listening(words: Sequence[str] = WORDS) -> AsyncIterator[Ear]:
    listener = MenuListener(lambda: 0)
    try:
        yield Ear(await listener.open(replace(SPEC, words=words)))
    finally:
        await listener.close()


async def figures(voices: Sequence[str], words: Sequence[str], other: Sequence[str]) -> Counter[str]:
    """How many lines came to what; printed, since they are what the threshold stands on."""
    counted: Counter[str] = Counter()
    async with listening() as ear:
        for voice in voices:
            for said in words:
                heard = await ear.hears(said, voice)
                counted["right" if heard == said else "misheard" if heard else "false reject"] += 1
            for said in other:
                counted["false accept" if await ear.hears(said, voice) else "left alone"] += 1
    print(f"{', '.join(voices)}: {len(words)} words and {len(other)} other lines a voice: {dict(counted)}")
    return counted


async def test_a_word_is_taken_and_other_speech_is_left_alone() -> None:
    counted = await figures(["rms"], WORDS[::4], OTHER[::5])
    assert counted["misheard"] == 0 and counted["right"] >= 6
    assert counted["false accept"] <= 1


@pytest.mark.slow
async def test_wrong_words_are_rarer_than_one_in_twenty_over_four_voices() -> None:
    counted = await figures(["rms", "slt", "awb", "kal16"], WORDS, OTHER)
    words, other = 4 * len(WORDS), 4 * len(OTHER)
    assert counted["misheard"] <= words // 20
    assert counted["false accept"] <= other // 20
    assert counted["false reject"] <= words * 2 // 5


async def test_a_word_nobody_can_pronounce_does_no_harm() -> None:
    async with listening(["hours", "qxzvw"]) as ear:
        assert await ear.hears("hours", "rms") == "hours"


async def test_a_process_that_dies_is_told_and_no_word_is_made_up() -> None:
    listener = MenuListener(lambda: 0)
    session = await listener.open(SPEC)
    session.begin(3, ())
    await session.recogniser.loaded.wait()
    for process in _processes():
        process.kill()
    await until(lambda: session.recogniser.lost)
    line = QUIET + over_the_line(speak("hours", "rms", 8_000)) + QUIET
    session.send_audio(line)
    assert [type(event) async for event in session.events()] == [SessionFailed]
    await listener.close()


async def test_a_process_is_ready_before_the_first_call_and_none_is_left_behind() -> None:
    listener = MenuListener(lambda: 0)
    listener.prepare()
    await until(lambda: bool(_processes()))
    session = await listener.open(SPEC)
    listener.let_go(session)
    await listener.close()
    await until(lambda: not _processes())


async def until(good: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not good():  # noqa: ASYNC110 (processes are watched from outside)
            await asyncio.sleep(0.02)


def _processes() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if PROGRAM in child.cmdline()]
