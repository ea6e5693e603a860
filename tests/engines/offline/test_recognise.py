"""The real recogniser in its real process; the speech is the caller's shipped lines."""

import asyncio
import subprocess
import sys

import psutil

from app.engines.offline.recognise import Recogniser, Recognisers
from app.engines.offline.words import words_of
from app.simulator import voices
from tests.engines.offline.telephone import heard, over_the_line


def line(text: str) -> bytes:
    audio = voices.line(text)
    assert audio is not None
    return audio


async def test_every_shipped_line_is_understood_word_for_word_over_the_telephone() -> None:
    recogniser = Recogniser()
    recogniser.begin(16_000)
    try:
        for text in voices.lines():
            said = await heard(recogniser, over_the_line(line(text)), 16_000)
            assert words_of(said) == words_of(text)
    finally:
        await recogniser.close()


async def test_eight_kilohertz_audio_is_taken_as_it_is() -> None:
    recogniser = Recogniser()
    recogniser.begin(8_000)
    try:
        said = await heard(recogniser, line("I would like to talk to a person."), 8_000)
        assert said == "i would like to talk to a person"
    finally:
        await recogniser.close()


async def test_a_phrase_without_speech_has_no_words() -> None:
    recogniser = Recogniser()
    recogniser.begin(16_000, ["thorough", "notawordanybodyknows"])
    try:
        assert await recogniser.phrase_ended() == ""
        recogniser.hear(bytes(32_000))
        assert await recogniser.phrase_ended() == ""
    finally:
        await recogniser.close()


async def test_the_spare_is_loaded_before_it_is_taken_and_another_follows() -> None:
    recognisers = Recognisers()
    await recognisers.start()
    first = recognisers.take()
    assert first.loaded.is_set()
    await asyncio.wait_for(recognisers.start(), 30)
    second = recognisers.take()
    assert second is not first
    assert second.loaded.is_set()
    await recognisers.close()
    assert not decoders_of(psutil.Process())


async def test_a_lost_process_answers_with_no_words_and_hangs_nothing() -> None:
    recogniser = Recogniser()
    recogniser.begin(16_000)
    await recogniser.loaded.wait()
    waiting = recogniser.phrase_ended()
    for process in decoders_of(psutil.Process()):
        process.kill()
    assert await asyncio.wait_for(waiting, 10) == ""
    await recogniser.close()
    assert await recogniser.phrase_ended() == ""


async def test_closing_at_once_leaves_no_process() -> None:
    recogniser = Recogniser()
    await recogniser.close()
    assert not decoders_of(psutil.Process())


PARENT = """
import asyncio
from app.engines.offline.recognise import Recogniser

async def main():
    recogniser = Recogniser()
    await recogniser.loaded.wait()
    print("loaded", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_no_recogniser_outlives_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"loaded\n"
        children = decoders_of(psutil.Process(parent.pid))
        assert len(children) == 1
        parent.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def decoders_of(process: psutil.Process) -> list[psutil.Process]:
    return [child for child in process.children() if "app.engines.offline.decoder" in child.cmdline()]
