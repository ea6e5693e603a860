"""With and without the store, in this process and in the next."""

import os
import signal
from pathlib import Path

from tests.whole.conftest import OpenHouse
from tests.whole.hand import Hand
from tests.whole.house import together, until
from tests.whole.sounds import turn
from tests.whole.test_model_trouble import heard_of

QUESTION = """
    wait for speech
    wait for quiet 300ms
    say "where is it"
    wait for speech
    wait for quiet 300ms
    hang up
"""


def servers_under(folder: Path) -> list[int]:
    """Processes that were started for a store in `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                started = (entry / "cmdline").read_bytes()
                inside = os.readlink(entry / "cwd")
            except OSError:
                continue
            if started and inside.startswith(str(folder)):
                found.append(int(entry.name))
    return found


async def test_calls_go_on_and_new_ones_are_greeted_without_the_store(house: OpenHouse, tmp_path: Path) -> None:
    async def dies() -> None:
        async with house(mind=[turn("Where is it?", "one")], redis_url="") as here, Hand.rings(here) as living:
            await living.hears("greeting")
            [redis] = servers_under(tmp_path)
            os.kill(redis, signal.SIGSTOP)  # not even a closed connection tells of it
            await living.says("where is it")
            await living.hears("one")
            call = await here.call(QUESTION)
            ended = await here.dispositions()
            os.kill(redis, signal.SIGKILL)
        assert call.heard == ["greeting", "one"]
        assert ended == {"caller_hung_up": 1}

    async def was_never_there() -> None:
        async with house(mind=[turn("Where is it?", "one")], redis_url=f"unix://{tmp_path}/nobody.sock") as here:
            call = await here.call(QUESTION)
        assert call.heard == ["greeting", "one"]

    await together(dies(), was_never_there())


async def test_another_process_takes_up_a_call_and_remembers_it(house: OpenHouse) -> None:
    async with house(mind=[turn("Where is my parcel?", "one")]) as here, house(mind=[turn("And?", "two")]) as there:
        first = Hand(here.client, "CA" + "8" * 32)
        await first.ask("/twilio/voice")
        await first.open()
        await first.hears("greeting")
        await first.says("where is it")
        await first.hears("one")
        await until(lambda: here.server.store.get("snapshot", first.call_sid), lambda kept: "sentence one" in str(kept))
        second = Hand(there.client, first.call_sid)
        assert "<Connect>" in await second.ask("/twilio/next")
        await second.open()
        await second.hears("back_again")
        await second.says("and the other")
        await second.hears("two")
        [session] = there.sessions
        await second.hang_up()
        await first.hang_up()
    assert "Where is my parcel?" in " ".join(heard_of(session, "USER"))
    assert "This is sentence one." in " ".join(heard_of(session, "ASSISTANT"))
