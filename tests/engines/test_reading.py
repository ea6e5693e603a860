"""Lines read by a model: the real engine over HTTP/2 against a local Nova Sonic that reads well or badly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.audio.clip import from_pcm
from app.engines.engine import EngineError
from app.engines.nova_sonic.engine import NovaSonicEngine, NovaSonicOptions
from app.engines.reading import PROMPT, Misread, ReadingLimits, ReadingVoice
from app.simulator.faults import parse_faults
from app.simulator.mind import MindFactory
from app.simulator.offline_mind import OfflineMinds
from app.simulator.reading_mind import ReadingFault, ReadingMinds
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.simulator import SonicSimulator

WORDS = "We open at 9."
QUICK = Manner(speed=50, chunk_ms=100, final_delay_ms=50)
LIMITS = ReadingLimits(turn_s=1.5, account_s=6, throttled_s=0.1)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREADER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "reader")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@asynccontextmanager
async def reader(minds: MindFactory, faults: str = "") -> AsyncIterator[tuple[ReadingVoice, SonicSimulator]]:
    async with SonicSimulator(minds, manner=QUICK, faults=parse_faults(faults)) as sonic:
        engine = NovaSonicEngine(NovaSonicOptions(endpoint=sonic.endpoint, ca_file=str(sonic.ca_file)))
        try:
            yield ReadingVoice(engine, "nova_sonic", "amazon.nova-2-sonic-v1:0", "us-east-1", LIMITS), sonic
        finally:
            await engine.close()


async def read(voice: ReadingVoice) -> bytes:
    return await voice.synth(WORDS, "tiffany", "en-US", 16_000)


async def test_a_line_is_read_in_a_session_of_its_own_and_nothing_is_left_open() -> None:
    async with reader(ReadingMinds()) as (voice, sonic):
        first, second = await asyncio.gather(read(voice), read(voice))
        assert 500 < from_pcm(first, 16_000).ms < 1_500
        assert first == second
        assert [session.ended for session in sonic.sessions] == ["closed", "closed"]


BAD: dict[ReadingFault, str] = {
    "other-words": "it said 'Certainly",
    "more-words": "Anything else",
    "short": "syllables took 0",
    "slow": "syllables took 3",
    "pause": "silent for",
    "no-end": "did not end",
    "interrupted": "INTERRUPTED",
    "silence": "did not end",
}


async def test_bad_readings_are_refused_with_their_reasons_and_the_next_is_good() -> None:
    async with reader(ReadingMinds(*BAD)) as (voice, _):
        failures = await asyncio.gather(*(read(voice) for _ in BAD), return_exceptions=True)
        assert all(isinstance(failure, Misread) for failure in failures), failures
        left = list(map(str, failures))
        for reason in BAD.values():
            left.remove(next(failure for failure in left if reason in failure))
        assert await read(voice)


async def test_a_service_that_throttles_or_breaks_says_so() -> None:
    async with reader(ReadingMinds(), "throttle@opening#1,cut@speaking#1") as (voice, _):
        with pytest.raises(EngineError, match="throttled"):
            await read(voice)
        with pytest.raises(EngineError):
            await read(voice)
        assert await read(voice)


async def test_a_mind_that_knows_only_its_prompt_reads_what_it_is_sent() -> None:
    """A question is read, not answered."""
    minds = OfflineMinds()
    async with reader(minds) as (voice, sonic):
        pcm = await voice.synth("When are you open? Are you still there?", "tiffany", "en-US", 16_000)
        assert 1_500 < from_pcm(pcm, 16_000).ms < 4_000
        brief = sonic.sessions[0].brief
        assert brief is not None
        assert (brief.system_prompt, brief.history) == (PROMPT, ())
    await minds.close()
