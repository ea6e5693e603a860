"""One rendered copy of the parcel desk and one store for the whole folder; keys that only the simulator takes."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from app.cache.catalogue import load_catalogue
from app.cache.keys import Narrator
from app.cache.private_server import PrivateServer, programs
from app.cache.render import render
from app.simulator.tonal import PhraseVoice
from tests.whole.house import House, open_house
from tests.whole.sounds import TONES

CONTENT = Path(__file__).parent / "content"
NARRATORS = [Narrator("matthew", "en-US")]

type OpenHouse = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parcel desk with its phrases recorded."""
    folder = tmp_path_factory.mktemp("parcels") / "content"
    shutil.copytree(CONTENT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    report = asyncio.run(render(load_catalogue(folder), NARRATORS, PhraseVoice(TONES), folder))
    assert not report.failed, report.failed
    return folder


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that all houses share; calls have names of their own."""
    server = PrivateServer(programs()[0], tmp_path_factory.mktemp("store"))
    server.start()
    yield f"unix://{server.socket_path}"
    server.stop()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials by the SDK's own chain, and nothing of this machine's own configuration."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREHEARSAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "rehearsal")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture
def house(content: Path, store_url: str, tmp_path: Path) -> OpenHouse:
    """`async with house(mind=[...], faults="...") as here:` a server of this test's own."""
    return partial(open_house, content=content, data_dir=tmp_path / "data", redis_url=store_url)
