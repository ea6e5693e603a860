"""What the signals to stop do, to a desk with a live call."""

import asyncio
import os
import signal

from app.call.continuation import ConnectStream, SpeakAndHangUp
from app.web.doors import until_told
from tests.bridge.front import front_desk, incoming


async def test_the_first_signal_refuses_new_calls_and_serves_the_others_the_second_hands_all_over_at_once() -> None:
    async with front_desk(busy_text="Busy.") as front:
        stopping = asyncio.create_task(until_told(front.desk, drain_s=60))
        await front.desk.answer_call(incoming("CA1"))
        leg, served = await front.connect("CA1")
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.2)
        assert front.desk.registry.draining and not leg.ended
        assert await front.desk.answer_call(incoming("CA2")) == SpeakAndHangUp("Busy.")
        assert await front.desk.continue_call(incoming("CA3")) == ConnectStream()  # of a process that is gone
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await stopping
            await served
        assert leg.ended and await front.store.get("snapshot", "CA1") is not None
