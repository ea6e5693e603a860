"""What one peer does wrong, another does not hear: floods, telephones that do not read, a store and a disk that stand
still, a process that is late. Late frames are printed, not asserted: a test's machine has other work to do."""

import asyncio
import os
import signal
import time
from pathlib import Path

from tests.whole.conftest import OpenHouse
from tests.whole.hand import QUIET, Hand
from tests.whole.house import House, until
from tests.whole.sounds import turn
from tests.whole.test_store import servers_under

MINE = "CA" + "5" * 32


async def rung(house: House, call_sid: str) -> Hand:
    """A call whose greeting is being heard."""
    hand = Hand(house.client, call_sid)
    await hand.ask("/twilio/voice")
    await hand.open()
    await hand.hears("greeting")
    return hand


async def flood(hand: Hand) -> int:
    """Ten thousand messages as fast as they go; the code with which that ends."""
    message = hand.media(QUIET)
    for number in range(10_000):
        await hand.send(message)
        if number % 20 == 0:
            await asyncio.sleep(0)  # the server's turn: it lives in this loop
    return await hand.closed()


async def test_a_call_among_storms_is_served_as_if_it_were_alone(house: OpenHouse, tmp_path: Path) -> None:
    journals = tmp_path / "data" / "journal"
    journals.mkdir(parents=True)
    stuck = "CA" + "9" * 32
    os.mkfifo(journals / f"{stuck}.jsonl")  # opening it waits for ever: a disk that stands still
    async with house(mind=[turn("Where is it?", "one")], redis_url="", journal=True, pool_size=4) as here:
        calm, stormy, never_reads = [await rung(here, sid) for sid in (MINE, stuck, "CA" + "8" * 32)]
        [redis] = servers_under(tmp_path)
        os.kill(redis, signal.SIGSTOP)
        assert never_reads._socket is not None
        never_reads._socket.transport.pause_reading()
        flooding = asyncio.create_task(flood(stormy))
        await calm.says("where is it")
        await calm.hears("one")
        code = await flooding
        late = await here.metric("offhook_late_frames_total")
        state = (await here.client.get("/readyz")).json()
        os.kill(redis, signal.SIGKILL)
        reader = os.open(journals / f"{stuck}.jsonl", os.O_RDONLY | os.O_NONBLOCK)
        never_reads.drop()
        await never_reads.hang_up()
        await stormy.hang_up()
        await calm.hang_up()
        os.close(reader)
    print(f"late frames of all calls: {late:g}")
    assert calm.heard == ["greeting", "one"]
    assert code == 1008
    assert state["store_answers"] is False and state["ready"] is True


async def test_a_process_that_is_late_tells_new_callers_that_all_lines_are_busy(house: OpenHouse) -> None:
    usual = 200  # ms: what a busy machine alone makes of the loop
    asks = [turn("Where is it?", "one")]
    async with house(mind=asks, max_lateness_ms=usual) as here, Hand.rings(here, MINE) as living:
        await living.hears("greeting")
        before = (await here.client.get("/readyz")).json()
        for _ in range(3):
            time.sleep(0.5)  # noqa: ASYNC251 (the point of it: nothing in this process runs)
            await asyncio.sleep(0.05)
        new = Hand(here.client, "CA" + "6" * 32)
        answer = await new.ask("/twilio/voice")
        state = (await here.client.get("/readyz")).json()
        again = await new.ask("/twilio/voice")
        refused = await here.metric("offhook_calls_refused_total", why="late")
        await living.says("where is it")
        await living.hears("one")
    assert before["refuses"] is None
    assert "busy" in answer and "<Connect>" not in answer and again == answer, "a retry hears the same"
    assert (state["ready"], state["refuses"]) == (True, "late") and state["lateness_ms"] > usual
    assert refused == 1


async def test_a_model_whose_streams_all_serve_calls_takes_no_further_one(house: OpenHouse) -> None:
    async with (
        house(mind=[turn("Where is it?", "one")], nova_sonic_max_streams=1) as here,
        Hand.rings(here, MINE) as living,
    ):
        await living.hears("greeting")
        await living.says("where is it")
        await living.hears("one")
        new = Hand(here.client, "CA" + "6" * 32)
        assert "busy" in await new.ask("/twilio/voice")
        assert await here.metric("offhook_calls_refused_total", why="streams") == 1
        await living.hang_up()
        await until(lambda: here.client.get("/readyz"), lambda answer: answer.json()["refuses"] is None)
        last = Hand(here.client, "CA" + "7" * 32)
        assert "<Connect>" in await last.ask("/twilio/voice")
