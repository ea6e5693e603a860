"""One clock for all calls, in virtual time."""

import asyncio

from app.bridge.ticker import PERIOD_MS, Ticker
from tests.pool.virtual_time import in_virtual_time, now_ms


class Member:
    """Wants to be called at `due_ms`, and every `again_ms` after that."""

    def __init__(self, due_ms: int | None, again_ms: int | None = None) -> None:
        self.due_ms = due_ms
        self.again_ms = again_ms
        self.called: list[int] = []

    def tick(self) -> None:
        self.called.append(now_ms())
        self.due_ms = None if self.again_ms is None else now_ms() + self.again_ms


def test_a_member_is_called_when_it_is_due_and_within_one_period() -> None:
    async def work() -> None:
        ticker, began = Ticker(now_ms), now_ms()
        once, often, never = Member(began + 130), Member(began, again_ms=100), Member(None)
        for member in (once, often, never):
            ticker.add(member)
        await asyncio.sleep(1)
        for member in (once, often, never):
            ticker.remove(member)
        assert len(once.called) == 1 and 130 <= once.called[0] - began <= 130 + PERIOD_MS
        assert len(often.called) == 10
        assert never.called == []

    in_virtual_time(work())


def test_the_clock_rests_while_nobody_needs_it_and_goes_on_after_that() -> None:
    async def work() -> None:
        late: list[float] = []
        ticker = Ticker(now_ms, late.append)
        member = Member(now_ms(), again_ms=20)
        ticker.add(member)
        await asyncio.sleep(0.2)
        ticker.remove(member)
        ticks = len(late)
        await asyncio.sleep(60)
        assert len(late) == ticks
        ticker.add(member)
        await asyncio.sleep(0.2)
        ticker.remove(member)
        assert ticks < len(late) <= ticks + 11
        assert max(late) < 0.001

    in_virtual_time(work())


def test_a_member_may_leave_while_it_is_called() -> None:
    async def work() -> None:
        ticker = Ticker(now_ms)

        class Leaver(Member):
            def tick(self) -> None:
                super().tick()
                ticker.remove(self)

        leaver, stayer = Leaver(now_ms()), Member(now_ms(), again_ms=20)
        ticker.add(leaver)
        ticker.add(stayer)
        await asyncio.sleep(0.1)
        ticker.remove(stayer)
        assert len(leaver.called) == 1 and len(stayer.called) >= 4

    in_virtual_time(work())


def test_what_was_missed_altogether_is_skipped() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        late: list[float] = []
        ticker = Ticker(now_ms, late.append)
        member = Member(now_ms(), again_ms=0)
        ticker.add(member)
        await asyncio.sleep(0.1)
        loop._pass(1.0)  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        ticker.remove(member)
        assert len([seconds for seconds in late if seconds > 0.5]) == 1
        assert len(late) < 15

    in_virtual_time(work())
