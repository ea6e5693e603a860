"""Whole calls, told in `*.call` files and played in the machine's own time."""

from pathlib import Path

import pytest

from tests.calls.script import Performance, read

CALLS = sorted(Path(__file__).parent.glob("*.call"))


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
def test_the_call_goes_as_told(path: Path) -> None:
    Performance(read(path)).play()
