"""A recording is paused and resumed in the order it was wished, and the call is told of the last wish only."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from app.bridge.guard import RecordingGuard
from app.call.events import CallerGuarded
from app.legs.recording import NotRecorded, OutOfReach, Recording, RecordingFailed


class Tape:
    """A recording that takes its time."""

    def __init__(self, there: bool = True, fails: bool = False) -> None:
        self.done: list[str] = []
        self.go = asyncio.Event()
        self._there = there
        self._fails = fails

    async def pause(self, call_sid: str) -> bool:
        await self.go.wait()
        if self._fails:
            raise RecordingFailed("500")
        self.done.append("paused")
        return self._there

    async def resume(self, call_sid: str) -> None:
        await self.go.wait()
        self.done.append("resumed")


class Call:
    def __init__(self, recording: Recording) -> None:
        self.told: list[bool] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.guard = RecordingGuard("CA1", recording, self.spawn, self.tell)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.tasks.append(asyncio.create_task(work, name=name))

    def tell(self, event: CallerGuarded) -> None:
        self.told.append(event.ok)

    async def settled(self) -> None:
        while waiting := [task for task in self.tasks if not task.done()]:
            await asyncio.wait(waiting)


async def test_it_is_paused_and_resumed() -> None:
    tape = Tape()
    call = Call(tape)
    tape.go.set()
    call.guard.wish(True)
    await call.settled()
    assert (call.told, tape.done) == ([True], ["paused"])
    call.guard.wish(False)
    await call.settled()
    assert (call.told, tape.done) == ([True], ["paused", "resumed"])


async def test_a_wish_taken_back_is_not_answered_and_leaves_the_recording_running() -> None:
    tape = Tape()
    call = Call(tape)
    call.guard.wish(True)
    await asyncio.sleep(0)
    call.guard.wish(False)
    tape.go.set()
    await call.settled()
    assert (call.told, tape.done) == ([], ["paused", "resumed"])


async def test_a_second_wish_within_the_tail_is_granted_at_once() -> None:
    tape = Tape()
    call = Call(tape)
    tape.go.set()
    call.guard.wish(True)
    await call.settled()
    call.guard.wish(True)
    assert call.told == [True, True]
    assert tape.done == ["paused"]


async def test_what_cannot_be_paused_is_refused_and_may_be_tried_again() -> None:
    tape = Tape(fails=True)
    call = Call(tape)
    tape.go.set()
    for _ in range(2):
        call.guard.wish(True)
        await call.settled()
        call.guard.wish(False)
        await call.settled()
    assert (call.told, tape.done) == ([False, False], [])


async def test_where_nothing_was_paused_nothing_is_resumed() -> None:
    tape = Tape(there=False)
    call = Call(tape)
    tape.go.set()
    call.guard.wish(True)
    await call.settled()
    call.guard.wish(False)
    await call.settled()
    assert (call.told, tape.done) == ([True], ["paused"])


async def test_without_keys_a_recorded_call_is_never_guarded_and_another_always_is() -> None:
    for recording, ok in ((OutOfReach(), False), (NotRecorded(), True)):
        call = Call(recording)
        call.guard.wish(True)
        await call.settled()
        assert call.told == [ok]
