"""Another business, from its own folder: a dental practice, heard and answered by the offline mind through real parts.

The callers speak in shipped recordings; what they heard is understood again, word by word, from their telephones.
"""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.cache.catalogue import load_catalogue
from app.cache.keys import Narrator
from app.cache.render import render
from app.engines.offline.recognise import Recogniser
from app.engines.offline.speak import OfflineVoice
from app.simulator.offline_mind import OfflineMinds
from app.simulator.sonic.manner import Manner
from app.simulator.twilio.plant import DialOutcome
from tests.engines.offline.telephone import heard
from tests.whole.house import Call, House, open_house, together

PRACTICE = Path(__file__).parents[1] / "content_dental"
TUESDAY_TEN = int(datetime(2026, 5, 19, 17, 0, tzinfo=UTC).timestamp() * 1000)  # in Los Angeles
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
wait for quiet 900ms
wait for speech
wait for quiet 900ms
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

    hours = await words_of(calls[ASKS_TWICE])
    assert hours.count("eight to five") == 2, hours
    assert "four" not in hours

    rest = await words_of(calls[WANTS_THE_DOCTOR])
    assert "tuesday at ten" in rest, rest
    assert "with a patient" in rest, rest
    assert (data / "diary.txt").read_text() == "tuesday\n"
    assert calls[WANTS_THE_DOCTOR].result.named("dialled")


async def words_of(call: Call) -> str:
    """All that the caller heard, as the recogniser understands it."""
    recogniser = Recogniser()
    recogniser.begin(8_000)
    try:
        return await heard(recogniser, call.result.heard_pcm, 8_000)
    finally:
        await recogniser.close()
