"""What a call and a day may use, with a real store and the model's own reports of what it has used."""

import shutil
from functools import partial
from pathlib import Path

from tests.whole.conftest import OpenHouse
from tests.whole.house import together
from tests.whole.sounds import sentence, turn

PRICED = """
dated: 2026-11-21
currency: USD
models:
  amazon.nova-2-sonic-v1:0: {source: this test, speech_in: 1, speech_out: 1, text_in: 1, text_out: 1}
carrier: {source: this test, inbound: 0, outbound: 0, stream: 0}
"""


def limited(content: Path, tmp_path: Path, limits: str) -> Path:
    """The parcel desk, its agent with these limits."""
    folder = tmp_path / "content"
    shutil.copytree(content, folder)
    (agent,) = (folder / "prompts").glob("*.md")
    agent.write_text(agent.read_text().replace("limits:\n", f"limits:\n  {limits}\n"))
    return folder


async def test_a_call_that_has_used_up_its_tokens_is_told_so_and_ended(
    house: OpenHouse, content: Path, tmp_path: Path
) -> None:
    folder = limited(content, tmp_path, "call: {tokens: 60, wrap_up_seconds: 5}")
    mind = [turn("Tell me a story.", sentence("one", 3.0, "A long story of a parcel."))]
    patterns = [{"when": "has to end", "say": [sentence("two")]}]
    async with house(content=folder, mind=mind, patterns=patterns) as here:
        call = await here.call("""
            wait for speech
            wait for quiet 300ms
            say "a story"
            expect hung up within 20s
        """)
        ended = await here.dispositions()
        noted = await here.metric("offhook_notes_total", what="cap reached")
    assert call.heard == ["greeting", "one", "two", "goodbye"]
    assert ended == {"cap_reached": 1} and noted == 1


async def test_a_day_s_money_and_one_caller_s_calls_end_with_the_person_at_the_depot_or_the_busy_line(
    house: OpenHouse, content: Path, tmp_path: Path
) -> None:
    table = tmp_path / "prices.yaml"
    table.write_text(PRICED)
    short = "wait for speech\nwait for quiet 300ms\nhang up"
    mind = [turn("Tell me a story.", sentence("one", 1.0))]

    async def one_caller_twice(folder: Path) -> None:
        async with house(content=folder, redis_url="", data_dir=tmp_path / "twice") as here:
            first = await here.call(short, caller="+14155550101")
            second = await here.call(short, caller="+14155550101")
            other = await here.call(short, caller="+14155550102")
            refused = await here.metric("offhook_calls_refused_total", why="cap")
        assert [first.heard, second.heard, other.heard] == [["greeting"], ["busy"], ["greeting"]]
        assert refused == 1

    async def all_is_spent(folder: Path) -> None:
        talk = "wait for speech\nwait for quiet 300ms\nsay 'a story'\nwait for speech\nwait for quiet 400ms\nhang up"
        spent = partial(house, content=folder, redis_url="", data_dir=tmp_path / "spent", prices=table, mind=mind)
        async with spent() as here:
            first = await here.call(talk)
            await here.dispositions()
            second = await here.call("wait 2s")
        assert first.heard == ["greeting", "one"]
        assert second.result.verbs[0] == "Dial", second.result.verbs

    await together(
        one_caller_twice(limited(content, tmp_path / "a", "day: {calls_per_caller: 1}")),
        all_is_spent(limited(content, tmp_path / "b", "day: {money: 0.01, then: transfer, transfer: depot}")),
    )
