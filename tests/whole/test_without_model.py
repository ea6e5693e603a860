"""The model is gone: connections are refused. Callers are told, served by keys, given to a person; it comes back."""

import asyncio
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.call.setup import Timings
from app.simulator.twilio.journal import CallEvent
from app.simulator.twilio.plant import DialOutcome
from tests.whole.conftest import OpenHouse
from tests.whole.cut_wire import Relay, open_relay
from tests.whole.house import House, until
from tests.whole.sounds import sentence, turn
from tests.whole.test_model_trouble import SOON_MS

DEPOT = "+15035550142"
MENU = """
without_model: {menu: alone, person: depot}
keypad:
  menus:
    alone:
      say: offline_menu
      wait_s: 3
      keys:
        "1": {say: hours}
        "0": {transfer: depot}
      words: {"1": [hours, opening hours], "0": [person]}
"""
BY_KEYS = """
    wait for speech
    wait for quiet 1400ms
    press 1
    wait for speech
    wait for quiet 250ms
    press 0
    expect hung up within 20s
"""
CUT_OFF = """
    wait for speech
    wait for quiet 300ms
    say "where is my parcel"
    wait for speech
    wait for quiet 1200ms
    press 1
    wait for speech
    expect heard at least 0.8s
    hang up
"""


@pytest.fixture
def desk(content: Path, tmp_path: Path) -> Path:
    """The parcel desk, with something to offer where no model serves."""
    folder = Path(shutil.copytree(content, tmp_path / "desk"))
    page = folder / "prompts/desk.md"
    page.write_text(page.read_text().replace("\ntransfers:", f"{MENU}transfers:", 1))
    return folder


def cut_at_the_answer(relay: Relay) -> Callable[[CallEvent], None]:
    """The wire is cut as the first sound after the caller's question is heard."""
    asked: list[str] = []
    errands: list[asyncio.Task[None]] = []

    def watch(event: CallEvent) -> None:
        if event.name == "caller_speaks":
            asked.append(event.name)
        elif event.name == "bot_started" and asked and not errands:
            errands.append(asyncio.create_task(relay.down()))

    return watch


async def endpoints(here: House) -> set[str]:
    found: dict[str, str] = (await here.client.get("/readyz")).json()["endpoints"]
    return set(found.values())


async def test_a_model_that_is_gone_leaves_keys_and_a_person_and_the_next_call_has_it_again(
    house: OpenHouse, desk: Path
) -> None:
    """Gone before the call, well again by the probe, gone in the middle of the next call's answer."""
    mind = [turn("Where is my parcel?", sentence("one", 2.0))]
    async with open_relay() as relay:
        wire = {"aws_endpoint_url_bedrock_runtime": relay.endpoint, "nova_sonic_probe_seconds": 1}
        async with house(content=desk, mind=mind, later=mind, timings=Timings(), **wire) as here:
            here.plant.outcomes = {DEPOT: DialOutcome(ring_ms=100, talk_ms=300)}
            first = await here.call(BY_KEYS)
            assert first.result.passed, first.result.failures
            told = [name for name in first.heard if name not in {"wait", "sorry"}]
            assert told[:6] == ["greeting", "offline_notice", "offline_menu", "hours", "offline_menu", "transfer"], told
            assert first.result.verbs == ["Connect", "Redirect", "Dial", "Hangup"]
            assert await here.dispositions() == {"transferred": 1}
            await until(partial(endpoints, here), lambda seen: seen == {"down"})
            assert await here.metric("offhook_endpoint_down") == 1

            await relay.up(here.sonic.port)
            await until(partial(endpoints, here), lambda seen: seen == {"up"})
            second = await here.call(CUT_OFF, watch=cut_at_the_answer(relay))
            served, told = second.heard[:2], [name for name in second.heard[2:] if name != "sorry"]
            assert served == ["greeting", "one"]
            assert told == ["offline_notice", "offline_menu", "hours"], second.heard
            assert second.sounds[2].at_ms - second.sound("one").end_ms < SOON_MS, "a line, if not yet the notice"
            assert await here.dispositions(2) == {"transferred": 1, "caller_hung_up": 1}
