"""A campaign, carried out: the plan says what to do, here it is recorded, done and found out.

An attempt is recorded before the call is placed, so that whoever starts next knows of every call there may be. One
whose order was perhaps taken is looked for among the carrier's calls, and counts as not placed only when it has not
appeared there for a while. Nothing is ever placed again because nobody knows.

The database and the carrier block: both are asked in threads.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from app.campaign.plan import Over, Place, Plan, Wait
from app.campaign.results import Result, result_of
from app.legs.placing import Carrier, CarrierAway, NotPlaced, PerhapsPlaced, Placed, Wanted
from app.records.attempts import Attempt, AttemptBook, Taken
from app.records.do_not_call import DoNotCallBook

log = structlog.get_logger()

THREADS = 16
CLOCKS_APART_MS = 60_000  # ours and the carrier's, at the most
BACK_OFF_MS = (1_000, 60_000)  # the first and the longest, where the carrier takes nothing


class Server(Protocol):
    """Who holds the conversations."""

    async def room(self) -> str:
        """Why it would not take another call, "" where it would."""
        ...

    async def disposition(self, sid: str) -> str:
        """How a call ended, "" where it cannot tell."""
        ...


@dataclass(frozen=True, slots=True)
class Conduct:
    """`caller_id`: a number of ours. A call that is not found for `unsure_s` after it was begun was not placed."""

    caller_id: str
    ring_s: int = 30
    look_s: float = 2.0
    unsure_s: float = 60.0


class Campaign:
    """`changed` is called before each step, with why nobody is called now, if so; `now_ms` is Unix time."""

    def __init__(
        self,
        plan: Plan,
        book: AttemptBook,
        unwanted: DoNotCallBook,
        carrier: Carrier,
        conduct: Conduct,
        server: Server,
        now_ms: Callable[[], int],
        changed: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._book = book
        self._unwanted = unwanted
        self._carrier = carrier
        self._conduct = conduct
        self._server = server
        self._now_ms = now_ms
        self._changed = changed
        self._news = asyncio.Event()
        self._back_off_ms = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="campaign")

    async def run(self) -> Over:
        """Until all are called, or no more can be. Cancelled, it leaves calls to their servers, to be found again.
        Raises `SQLAlchemyError` where the book cannot be kept any more, for then nobody may be called."""
        try:
            async with asyncio.TaskGroup() as calls:
                for attempt in self._plan.unfinished():
                    calls.create_task(self._find_out(attempt))
                while not isinstance(step := await self._step(), Over):
                    if isinstance(step, Place):
                        calls.create_task(self._live(step))
                    else:
                        await self._wait(step)
            return step
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            # What is being asked comes to its end: the book must not be closed under it.
            await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def _step(self) -> Place | Wait | Over:
        """The plan's next step; one that is to be placed is in the book, and to nobody who has asked another campaign
        of this hour not to be called."""
        self._news.clear()
        why = await self._server.room()
        if why:
            self._plan.hold(self._now_ms() + BACK_OFF_MS[0])
        self._changed(why)
        step = self._plan.next(self._now_ms())
        if isinstance(step, Place):
            if await self._in_thread(lambda: self._unwanted.holds(step.row.number)):
                self._plan.unwanted(step.attempt)
                return Wait(self._now_ms())
            try:
                await self._in_thread(lambda: self._book.begin(step.attempt))
            except Taken:
                self._plan.taken(step.attempt)
                return Wait(self._now_ms())
        return step

    async def _wait(self, step: Wait) -> None:
        seconds = None if step.until_ms is None else max(0.0, (step.until_ms - self._now_ms()) / 1_000)
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass

    # --- one call -------------------------------------------------------------------------------------------------

    async def _live(self, step: Place) -> None:
        attempt, row = step.attempt, step.row
        wanted = Wanted(row.number, row.agent, self._conduct.caller_id, row.given, self._conduct.ring_s)
        try:
            sid = await self._in_thread(lambda: self._carrier.place(wanted))
        except NotPlaced as refused:
            await self._refused(attempt, refused)
        except PerhapsPlaced as unsure:
            log.warning("! nobody knows whether a call was placed", why=str(unsure))
            await self._find_out(attempt)
        else:
            self._back_off_ms = 0
            await self._watch(await self._note(replace(attempt, sid=sid)))

    async def _refused(self, attempt: Attempt, refused: NotPlaced) -> None:
        if refused.fault == "callee":
            await self._end(attempt, Result.REFUSED)
            return
        if refused.fault == "account":
            self._plan.stop(str(refused))
        else:
            self._back_off_ms = min(BACK_OFF_MS[1], 2 * self._back_off_ms or BACK_OFF_MS[0])
            self._plan.hold(self._now_ms() + self._back_off_ms)
            log.warning("! the carrier takes no call now", why=str(refused), again_in_ms=self._back_off_ms)
        await self._end(attempt, Result.NEVER_PLACED)

    async def _find_out(self, attempt: Attempt) -> None:
        """What became of an attempt that was begun here a moment ago, or by a process that is no more."""
        if not attempt.sid:
            found = await self._find(attempt)
            if found is None:
                await self._end(attempt, Result.NEVER_PLACED)
                return
            attempt = await self._note(replace(attempt, sid=found.sid))
        await self._watch(attempt)

    async def _find(self, attempt: Attempt) -> Placed | None:
        """Among the carrier's calls, which may show one a little late."""
        while True:
            asked_ms = self._now_ms()
            try:
                calls = await self._in_thread(lambda: self._carrier.find(attempt.number, self._conduct.caller_id))
            except CarrierAway as away:
                log.warning("! the carrier cannot say which calls there were", why=str(away))
            else:
                known = self._plan.sids(attempt.number)
                for call in calls:
                    if call.sid not in known and call.created_ms >= attempt.begun_ms - CLOCKS_APART_MS:
                        return call
                if asked_ms >= attempt.begun_ms + self._conduct.unsure_s * 1_000:
                    return None
            await asyncio.sleep(self._conduct.look_s)

    async def _watch(self, attempt: Attempt) -> None:
        while True:
            try:
                call = await self._in_thread(lambda: self._carrier.look(attempt.sid))
            except CarrierAway as away:
                log.warning("! the carrier cannot say how a call is", call=attempt.sid, why=str(away))
            else:
                if call.over:
                    await self._over(attempt, call)
                    return
            await asyncio.sleep(self._conduct.look_s)

    async def _over(self, attempt: Attempt, call: Placed) -> None:
        disposition = await self._server.disposition(attempt.sid) if call.status == "completed" else ""
        result = result_of(call, disposition)
        assert result is not None, "it is over"
        if result is Result.DO_NOT_CALL:  # first, for an attempt that has ended is asked about no more
            await self._in_thread(lambda: self._unwanted.add(attempt.number, attempt.sid, self._now_ms()))
        await self._end(replace(attempt, seconds=call.seconds, disposition=disposition), result)

    async def _end(self, attempt: Attempt, result: Result) -> None:
        await self._note(replace(attempt, result=str(result), ended_ms=self._now_ms()))
        self._news.set()

    async def _note(self, attempt: Attempt) -> Attempt:
        await self._in_thread(lambda: self._book.note(attempt))
        self._plan.noted(attempt)
        return attempt

    async def _in_thread[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
