"""Content, store and database: what is wrong, with its fix and without a secret."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cache import store as stores
from app.cache.private_server import PrivateServer, programs
from app.doctor import house
from app.doctor.findings import State
from tests.doctor.conftest import PARCELS, Make


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = PrivateServer(programs()[0], tmp_path_factory.mktemp("store"))
    server.start()
    yield f"unix://{server.socket_path}"
    server.stop()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PARCELS, tmp_path / "content", ignore=shutil.ignore_patterns("__pycache__")))


async def test_lines_that_nobody_rendered_are_a_warning(settings: Make) -> None:
    found = await house.content(settings())
    assert found.state is State.WARNING and "cache render" in found.fix


async def test_a_fault_of_the_content_is_named_with_its_line(settings: Make, desk: Path) -> None:
    agent = desk / "prompts" / "desk.md"
    agent.write_text(agent.read_text().replace("voice: matthew", "voice: mathew"))
    found = await house.content(settings(content_dir=desk))
    assert found.state is State.WRONG and "prompts/desk.md:2" in found.said and "prompts check" in found.fix


async def test_a_price_table_with_a_fault_is_wrong(settings: Make, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("nonsense: true\n")
    found = await house.content(settings(prices=tmp_path / "prices.yaml"))
    assert found.state is State.WRONG and "prices.yaml" in found.said


async def test_a_tool_whose_variable_is_not_set_is_wrong(settings: Make, desk: Path) -> None:
    page = "name: find_it\ndescription: Finds it.\nmethod: GET\nurl: https://orders.example.com/x\n"
    (desk / "tools" / "find_it.yaml").write_text(page + "headers: {Authorization: '{{ TOOL_KEY }}'}\n")
    found = await house.content(settings(content_dir=desk))
    assert found.state is State.WRONG and "TOOL_KEY" in found.said + found.fix and "tools check" in found.fix


async def test_a_store_that_works_tells_how_quickly(settings: Make, redis: str) -> None:
    found = await house.store(settings(redis_url=redis))
    assert found.state in {State.RIGHT, State.WARNING} and found.said.startswith("redis answers in")


async def test_a_store_far_away_is_a_warning(settings: Make, redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "SLOW_MS", 0)
    assert (await house.store(settings(redis_url=redis))).state is State.WARNING


async def test_a_store_that_is_not_there_is_wrong_and_its_password_is_not_said(settings: Make) -> None:
    found = await house.store(settings(redis_url="redis://:hunter2@127.0.0.1:9"))
    assert found.state is State.WRONG and "REDIS_URL" in found.fix and "hunter2" not in str(found)


async def test_memory_alone_is_a_warning(settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "programs", list)
    found = await house.store(settings())
    assert found.state is State.WARNING and "redis-server" in found.fix


async def test_the_database_is_asked(settings: Make) -> None:
    assert (await house.database(settings())).said.startswith("0 messages")
    gone = await house.database(settings(database_url="postgresql+psycopg://desk:hunter2@127.0.0.1:9/desk"))
    assert gone.state is State.WRONG and "DATABASE_URL" in gone.fix and "hunter2" not in str(gone)
