"""Who reads a phrase: the model through the real SDK, Polly through the real boto3, or the offline voice; and why."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.assembly import sonic_engine
from app.cache.catalogue import load_catalogue
from app.cache.keys import Narrator
from app.cache.render import RenderReport
from app.cache.rendered import Rendered, inventory
from app.settings import Settings
from app.simulator.reading_mind import ReadingMinds
from app.simulator.sonic.limits import Limits
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.simulator import SonicSimulator
from app.studio import TRIES, Studio, open_studio
from tests.engines.polly_desk import KEY, REGION, SECRET, PollyDesk, polly_desk

QUICK = Manner(speed=50, chunk_ms=100, final_delay_ms=50)
MATTHEW, TIFFANY, LUPE = Narrator("matthew", "en-US"), Narrator("tiffany", "en-US"), Narrator("lupe", "es-US")
PAGE = """
phrases:
  wait: {kind: wait, text: {en-US: "One moment.", es-US: "Un momento."}}
"""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "FOREIGN_AUDIO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture(autouse=True)
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[PollyDesk]:
    with polly_desk() as desk:
        monkeypatch.setenv("AWS_ENDPOINT_URL_POLLY", desk.url)
        yield desk


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "cache" / "phrases").mkdir(parents=True)
    (tmp_path / "cache" / "phrases" / "house.yaml").write_text(PAGE)
    return tmp_path


@asynccontextmanager
async def studio(home: Path, minds: ReadingMinds, limits: Limits | None = None) -> AsyncIterator[Studio]:
    async with SonicSimulator(minds, manner=QUICK, limits=limits) as sonic:
        settings = Settings.read(
            content_dir=home,
            aws_region=REGION,
            aws_endpoint_url_bedrock_runtime=sonic.endpoint,
            aws_ca_bundle=sonic.ca_file,
        )
        async with sonic_engine(settings) as engine:
            yield await open_studio(settings, engine)


async def rendered(home: Path, minds: ReadingMinds, *narrators: Narrator) -> RenderReport:
    async with studio(home, minds) as here:
        return await here.render(load_catalogue(home), narrators)


def states(home: Path, *narrators: Narrator) -> list[tuple[str, str]]:
    items = inventory(load_catalogue(home), narrators, Rendered(home).recordings())
    return [(item.voice, item.state) for item in items]


async def test_the_agents_own_engine_reads_in_every_voice_and_language(home: Path) -> None:
    report = await rendered(home, ReadingMinds(), MATTHEW, TIFFANY, LUPE)
    assert (len(report.rendered), report.failed, report.foreign, report.attempts) == (3, {}, {}, [])
    assert states(home, MATTHEW, TIFFANY, LUPE) == [("matthew", "ready"), ("tiffany", "ready"), ("lupe", "ready")]


async def test_a_line_gets_three_tries(home: Path) -> None:
    report = await rendered(home, ReadingMinds("other-words", "pause"), MATTHEW)
    assert [(one.engine, one.line) for one in report.attempts] == [("nova_sonic", "wait (en-US, matthew)")] * 2
    assert "it said" in report.attempts[0].reason
    assert "silent for" in report.attempts[1].reason
    assert states(home, MATTHEW) == [("matthew", "ready")]


async def test_after_three_bad_readings_polly_speaks_and_the_recording_is_foreign(home: Path, desk: PollyDesk) -> None:
    report = await rendered(home, ReadingMinds("other-words", "other-words", "other-words"), MATTHEW)
    assert report.foreign == {"wait (en-US, matthew)": "polly"}
    assert len(report.attempts) == TRIES
    assert [asked["VoiceId"] for asked in desk.asked] == ["Matthew"]
    assert states(home, MATTHEW) == [("matthew", "foreign")]


async def test_where_polly_refuses_too_the_offline_voice_speaks(home: Path, desk: PollyDesk) -> None:
    desk.throttle = 9
    report = await rendered(home, ReadingMinds("interrupted", "interrupted", "interrupted"), LUPE)
    assert report.foreign == {"wait (es-US, lupe)": "offline"}
    assert [one.engine for one in report.attempts] == [*["nova_sonic"] * TRIES, "polly"]
    assert "ThrottlingException" in report.attempts[-1].reason


async def test_without_credentials_the_offline_voice_reads_and_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    async with studio(home, ReadingMinds()) as here:
        report = await here.render(load_catalogue(home), [MATTHEW])
    assert "No AWS credentials" in here.notice
    assert (report.rendered, states(home, MATTHEW)) == (["wait"], [("matthew", "foreign")])


async def test_it_keeps_to_the_accounts_streams(home: Path) -> None:
    """More lines than streams: none is refused."""
    page = "\n".join(f'  p{n}: {{kind: answer, text: {{en-US: "Line number {n}."}}}}' for n in range(6))
    (home / "cache" / "phrases" / "more.yaml").write_text(f"phrases:\n{page}\n")
    async with studio(home, ReadingMinds(), Limits(streams=3)) as here:
        report = await here.render(load_catalogue(home), [MATTHEW])
    assert (len(report.rendered), report.attempts) == (7, [])
