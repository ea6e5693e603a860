"""The machine: what is missing is named with its fix."""

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from app.doctor.findings import State
from app.doctor.machine import PARTS, disk, native, python, python_finding

MODULES = {"CRT": "awscrt.io", "numpy": "numpy", "audioop": "audioop", "soxr": "soxr", "uvloop": "uvloop"}


async def test_this_machine_is_right(tmp_path: Path) -> None:
    states = [(await python()).state, (await native()).state, (await disk(tmp_path / "new")).state]
    assert states == [State.RIGHT] * 3


def test_an_old_python_is_wrong() -> None:
    assert python_finding((3, 12)).state is State.WRONG


@pytest.mark.parametrize("part", PARTS)
async def test_a_native_part_that_is_missing_is_named(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, MODULES[part], None)
    found = await native()
    assert (found.state, part in found.said, "make setup" in found.fix) == (State.WRONG, True, True)


async def test_a_disk_that_takes_nothing_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = await disk(tmp_path / "file" / "data")
    assert found.state is State.WRONG and "DATA_DIR" in found.fix


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("mb", "state"), [(100, State.WRONG), (1_000, State.WARNING), (5_000, State.RIGHT)])
async def test_little_room_is_said(mb: int, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, mb * 1_000_000))
    assert (await disk(tmp_path)).state is state
