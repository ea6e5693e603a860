"""A rendered business for the folder's real runs: short words, so that callers soon talk."""

import asyncio
from pathlib import Path

import pytest

from app.cli.cache import render_missing
from tests.simulator.load.shop import write_shop


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_shop(tmp_path_factory.mktemp("shop"))
    assert not asyncio.run(render_missing(folder)).failed
    return folder
