"""The one clock of all calls."""

import asyncio

from app.simulator.twilio.ticker import Ticker


async def test_members_are_told_the_time_about_every_20_ms_of_call_time() -> None:
    ticker = Ticker(speed=20.0)
    told: list[int] = []
    enough = asyncio.Event()

    def member(now_ms: int) -> None:
        told.append(now_ms)
        if now_ms >= 2000:
            enough.set()

    leave = ticker.join(member)
    await enough.wait()
    leave()
    assert told == sorted(told) and len(told) <= told[-1] // 20 + 2


async def test_a_member_that_left_is_told_nothing_and_an_idle_clock_rests() -> None:
    ticker = Ticker(speed=50.0)
    told: list[int] = []
    leave = ticker.join(told.append)
    leave()
    leave()
    await ticker.sleep(200)
    assert told == [] and ticker._timer is None


async def test_a_blocked_loop_delays_ticks_but_not_the_grid() -> None:
    ticker = Ticker()
    told: list[int] = []
    leave = ticker.join(told.append)
    await ticker.sleep(50)
    for _ in range(3):
        until = ticker.elapsed_ms() + 45
        while ticker.elapsed_ms() < until:  # what a busy process does to its loop
            pass
        await asyncio.sleep(0)
    await ticker.sleep(50)
    leave()
    assert ticker.lateness_ms(1.0) >= 20 and len(told) >= 4


async def test_members_are_spread_over_the_slots() -> None:
    ticker = Ticker(slots=4)
    leaves = [ticker.join(lambda now_ms: None) for _ in range(8)]
    assert [len(slot) for slot in ticker._slots] == [2, 2, 2, 2]
    for leave in leaves:
        leave()
