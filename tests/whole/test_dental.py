"""Another business, from its own folder: a dental practice, heard and answered by the offline mind through real parts.

The callers speak in shipped recordings. What they heard is found in the sound of their telephones, by the sentence.
"""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from app.cache.catalogue import load_catalogue
from app.cache.keys import Narrator
from app.cache.render import render
from app.engines.offline.speak import OfflineVoice, offline_voice, speak
from app.simulator.offline_mind import OfflineMinds
from app.simulator.sonic.manner import Manner
from app.simulator.twilio.plant import DialOutcome
from tests.whole.house import Call, House, open_house, together

PRACTICE = Path(__file__).parents[1] / "content_dental"
TUESDAY_TEN = int(datetime(2026, 5, 19, 17, 0, tzinfo=UTC).timestamp() * 1000)  # in Los Angeles
ALIKE = 0.9  # two readings of one sentence were measured at 0.9999, others under 0.3
ASKS_TWICE = """
wait for speech
wait for quiet 600ms
say "Hello, what are your opening hours?"
wait for speech
wait for quiet 700ms
say "Could you say that again, please?"
wait for speech
wait for quiet 900ms
hang up
"""
WANTS_THE_DOCTOR = """
wait for speech
wait for quiet 600ms
say "Can I have an appointment on Tuesday?"
wait for speech
wait for quiet 700ms
say "Can I talk to the doctor?"
wait for speech
wait for quiet 1200ms
hang up
"""


@pytest.fixture
async def practice(tmp_path: Path) -> Path:
    """Its phrases recorded, and its instructions behind the times: they name other hours than the phrase."""
    folder = tmp_path / "practice"
    shutil.copytree(PRACTICE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    facts = folder / "prompts/facts.yaml"
    facts.write_text(facts.read_text().replace("from eight to five", "from nine to four"))
    report = await render(load_catalogue(folder), [Narrator("tiffany", "en-US")], [OfflineVoice()], folder)
    assert not report.failed
    return folder


@pytest.fixture
async def minds() -> AsyncIterator[OfflineMinds]:
    made = OfflineMinds()
    await made.start()
    yield made
    await made.close()


async def test_a_practice_answers_from_its_phrases_its_diary_and_its_people(
    practice: Path, minds: OfflineMinds, tmp_path: Path, store_url: str
) -> None:
    """One caller asks for the hours and has them said again: the phrase's hours both times, though the instructions say
    others. Another makes an appointment and asks for the doctor, who does not answer."""
    data = tmp_path / "data"
    calls: dict[str, Call] = {}

    async def live(here: House, script: str) -> None:
        calls[script] = await here.call(script)

    opened = open_house(
        content=practice,
        data_dir=data,
        redis_url=store_url,
        minds=minds,
        manner=Manner(),
        clock=lambda: TUESDAY_TEN,
        pool_size=3,
    )
    async with opened as here:
        here.plant.default_outcome = DialOutcome("no-answer", ring_ms=500)
        await together(live(here, ASKS_TWICE), live(here, WANTS_THE_DOCTOR))
    assert all(call.result.passed for call in calls.values()), [call.result.failures for call in calls.values()]

    asked, wanted = calls[ASKS_TWICE], calls[WANTS_THE_DOCTOR]
    assert times_heard("We open Monday to Friday from eight to five.", asked) == 2
    assert times_heard("Our opening hours are Monday to Friday from nine to four.", asked) == 0

    assert times_heard("You are down for Tuesday at ten.", wanted) == 1
    assert (data / "diary.txt").read_text() == "tuesday\n"
    assert wanted.result.named("dialled")
    assert times_heard("The doctor is with a patient.", wanted) == 1
    assert times_heard("Shall I take a message or note a call-back?", wanted) == 1


def times_heard(words: str, call: Call) -> int:
    """How often the caller heard just this sentence, in the voice in which everything here is said."""
    clip = np.frombuffer(speak(words, offline_voice("tiffany"), 8_000), "<i2").astype(float)
    track = np.frombuffer(call.result.heard_pcm, "<i2").astype(float)
    energy = np.sqrt(np.maximum(signal.fftconvolve(track**2, np.ones(clip.size), "valid"), 1.0))
    alike = signal.fftconvolve(track, clip[::-1], "valid") / (energy * np.linalg.norm(clip))
    return len(signal.find_peaks(alike, height=ALIKE, distance=clip.size)[0])
