"""What callers are promised against what there is."""

from typing import Any

import pytest

from app.doctor.findings import State
from app.doctor.quotas import quotas_finding
from tests.doctor.conftest import Make


@pytest.mark.parametrize(
    ("given", "open_files", "state", "said"),
    [
        ({"max_calls": 10, "pool_size": 4, "nova_sonic_max_streams": 20}, 65_536, State.RIGHT, "20 streams"),
        ({"max_calls": 50, "nova_sonic_max_streams": 20}, 65_536, State.WARNING, "serves 20 at once"),
        ({"max_calls": 20, "pool_size": 4, "nova_sonic_max_streams": 20}, 65_536, State.WARNING, "no stream left"),
        ({"max_calls": 2, "pool_size": 20, "nova_sonic_max_streams": 20}, 65_536, State.WRONG, "leave none"),
        ({"max_calls": 50, "nova_sonic_max_streams": 100}, 256, State.WRONG, "open files"),
    ],
)
def test_quotas_that_do_not_fit_are_said(
    settings: Make, given: dict[str, Any], open_files: int, state: State, said: str
) -> None:
    found = quotas_finding(settings(**given), open_files)
    assert found.state is state and said in found.said and bool(found.fix) == (state is not State.RIGHT)
