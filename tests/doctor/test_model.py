"""Bedrock: a real session over HTTP/2 with the simulated model, and each way in which there is none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from app.doctor import model
from app.doctor.findings import Finding, State
from app.engines.engine import Endpoint
from app.settings import Settings
from app.simulator.faults import parse_faults
from app.simulator.reading_mind import ReadingMinds
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.simulator import SonicSimulator
from tests.doctor.conftest import Make

WHERE = Endpoint("us-east-1", "amazon.nova-2-sonic-v1:0")
QUICK = Manner(speed=50, chunk_ms=100, final_delay_ms=50)

type Served = Callable[..., AbstractAsyncContextManager[Settings]]


@pytest.fixture
def served(settings: Make) -> Served:
    """`async with served("denied@opening") as chosen:` settings that lead to a simulated model."""

    @asynccontextmanager
    async def serve(faults: str = "", **more: object) -> AsyncIterator[Settings]:
        async with SonicSimulator(ReadingMinds(), manner=QUICK, faults=parse_faults(faults)) as sonic:
            trusted = {"aws_endpoint_url_bedrock_runtime": sonic.endpoint, "aws_ca_bundle": sonic.ca_file}
            yield settings(**(trusted | more))
            async with asyncio.timeout(5):
                while any(not session.ended for session in sonic.sessions):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    return serve


async def ask(settings: Settings) -> Finding:
    return await model.session(settings, WHERE, session_s=0.1)


async def test_a_real_session_tells_its_first_audio_and_leaves_nothing_open(served: Served) -> None:
    async with served() as settings:
        found = await ask(settings)
        assert found.state is State.RIGHT
        assert int(found.facts["first_audio_ms"]) >= 0 and "first audio" in found.said


@pytest.mark.parametrize(
    ("fault", "fix"),
    [
        ("denied@opening", "bedrock:InvokeModelWithBidirectionalStream"),
        ("not-found@opening", "NOVA_SONIC_MODEL_ID"),
        ("throttle@opening", "quota"),
        ("internal@opening", "NOVA_SONIC_FALLBACKS"),
        ("drop@opening", "port 443"),
    ],
)
async def test_each_refusal_has_its_fix(served: Served, fault: str, fix: str) -> None:
    async with served(fault) as settings:
        found = await ask(settings)
        assert found.state is State.WRONG and fix in found.fix, found


async def test_an_answer_that_is_late_is_a_warning(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "LATE_MS", -1)
    async with served() as settings:
        assert (await ask(settings)).state is State.WARNING


async def test_a_model_that_says_nothing_is_wrong(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "SOUND_WITHIN_S", 0.5)
    async with served("deaf@opening") as settings:
        found = await ask(settings)
    assert found.state is State.WRONG and "says nothing" in found.said


async def test_an_endpoint_that_is_not_trusted_names_the_bundle(served: Served) -> None:
    async with served(aws_ca_bundle=None) as settings:
        found = await ask(settings)
        assert found.state is State.WRONG and "AWS_CA_BUNDLE" in found.fix
    async with served(aws_ca_bundle="/nowhere/ca.pem") as settings:
        assert "AWS_CA_BUNDLE" in (await ask(settings)).fix


async def test_nobody_at_the_endpoint_is_wrong(settings: Make) -> None:
    nobody = settings(aws_endpoint_url_bedrock_runtime="https://127.0.0.1:9")
    found = await ask(nobody)
    assert found.state is State.WRONG and "AWS_REGION" in found.fix
    far = await model.round_trip(nobody)
    assert far.state is State.WRONG and "443" in far.fix


async def test_credentials_are_found_as_a_server_finds_them(settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await model.credentials(settings())).state is State.RIGHT
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    found = await model.credentials(settings())
    assert found.state is State.WRONG and "AWS_PROFILE" in found.fix


@pytest.mark.parametrize(
    ("left_s", "state"), [(None, State.RIGHT), (3_600, State.RIGHT), (300, State.WARNING), (-1, State.WRONG)]
)
def test_credentials_that_end_soon_are_said(left_s: int | None, state: State) -> None:
    assert model.credentials_finding(left_s).state is state


async def test_the_way_to_the_region_is_measured(served: Served) -> None:
    async with served() as settings:
        found = await model.round_trip(settings)
    assert float(found.facts["ms"]) > 0 and "localhost" in found.said


@pytest.mark.parametrize(("ms", "state"), [(4.0, State.RIGHT), (30.0, State.RIGHT), (31.0, State.WARNING)])
def test_a_region_far_away_is_a_warning(ms: float, state: State) -> None:
    assert model.round_trip_finding(ms, "bedrock-runtime.us-east-1.amazonaws.com").state is state


def test_without_an_endpoint_of_its_own_the_regions_is_meant(settings: Make) -> None:
    assert model.endpoint_of(settings(), "eu-north-1")[0] == "bedrock-runtime.eu-north-1.amazonaws.com"
