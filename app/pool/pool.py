"""Warm sessions at hand: carries out what `plan` decides.

Every opening and every closing is a task of the pool, never of a call: a call that hangs up while it waits for a
session leaves an opening behind that simply fills the shelf, and no task of an engine ends inside a call's group.
"""

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Self

import structlog

from app.call.events import Failure, UsageReported
from app.engines.engine import Engine, EngineError, Session, SessionKey, SessionSpec
from app.pool.observer import PoolObserver, Unobserved
from app.pool.plan import PoolOptions, Why, beyond_promised, has_spare, plan, spare, yields
from app.pool.quota import Quota, Unlimited
from app.pool.roster import PoolCounts, Roster

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PoolState:
    """For /readyz and the console. `filled`: the first filling has ended, well or not."""

    filled: bool
    counts: PoolCounts
    size: int
    max_streams: int
    backing_off_ms: int  # 0 when it is not
    last_failure: Failure | None


class Pool:
    """Lends warm sessions of `specs` and keeps a few at hand. One for each process.

    `clock` gives monotonic ms, the same that sessions count `opened_ms` in. `jitter` draws from 0..1 after a failure.
    The first of `specs` is the one of which a session is always kept.
    """

    def __init__(
        self,
        engine: Engine,
        specs: Iterable[SessionSpec],
        options: PoolOptions,
        clock: Callable[[], int],
        observer: PoolObserver | None = None,
        jitter: Callable[[], float] = random.random,
        quota: Quota | None = None,
    ) -> None:
        self._engine = engine
        self._specs = {spec.key: spec for spec in specs}
        self._options = options
        self._clock = clock
        self._observer = observer or Unobserved()
        self._jitter = jitter
        self._quota: Quota = quota or Unlimited()
        self._tickets: dict[int, str] = {}  # of open sessions, by identity
        self._roster = Roster(list(self._specs), options, clock())
        self._waiting: dict[SessionKey, deque[asyncio.Future[Session]]] = defaultdict(deque)
        self._keeper: asyncio.Task[None] | None = None
        self._openings: set[asyncio.Task[None]] = set()
        self._closings: set[asyncio.Task[None]] = set()
        self._unclaimed: set[asyncio.Task[None]] = set()  # closings whose stream no caller waits for yet
        self._hung: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._filled = asyncio.Event()
        self._backing_off_until = 0
        self._last_failure: Failure | None = None
        self._stopping = False

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to fill; returns at once."""
        self._keeper = asyncio.create_task(self._keep(), name="pool")

    async def stop(self) -> None:
        """Close every session, lent ones too. Returns when nothing of the pool is alive."""
        self._stopping = True
        await _ended([self._keeper] if self._keeper else [])
        await _ended(self._openings)
        for key in self._waiting:
            self._disappoint(key, Failure.LOST, "the pool is stopping")
        for session in self._roster.retire_all():
            self._close(session)
        if self._closings:
            await asyncio.wait(set(self._closings))
        await _ended(self._hung)  # those that hang: close_ms ago at the least
        self._filled.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def filled(self) -> bool:
        return self._filled.is_set()

    async def first_filling(self) -> None:
        """Returns when the first filling has ended, well or not."""
        await self._filled.wait()

    def counts(self) -> PoolCounts:
        return self._roster.counts()

    def state(self) -> PoolState:
        held = max(0, self._backing_off_until - self._clock())
        options = self._options
        return PoolState(self.filled, self.counts(), options.size, options.max_streams, held, self._last_failure)

    def has_stream(self) -> bool:
        """Whether a further call could be given a session: not all of the model's streams serve one."""
        return self.counts().live < self._options.max_streams

    # --- what calls ask for ---------------------------------------------------------------------------------------

    def expect(self, spec: SessionSpec) -> None:
        """A webhook came: a call that will want a session of `spec` in a moment. Its replacement opens now."""
        self._learn(spec)
        self._roster.call_rang(spec.key, self._clock())
        self._wake.set()

    def change(self, specs: Iterable[SessionSpec]) -> None:
        """Another edition is in use: its sessions are opened from now on, and warm ones of editions before it are let
        go. Sessions that serve a call stay theirs, and such a call still gets others of its own edition."""
        wanted = {spec.key: spec for spec in specs}
        self._roster.change(list(wanted))
        self._specs = {key: spec for key, spec in self._specs.items() if self._roster.knows(key)} | wanted
        self._wake.set()

    def lend(self, spec: SessionSpec) -> Session | None:
        """A warm session of `spec`'s key, or None: then `open_cold`. Under 1 ms."""
        now = self._clock()
        session = self._roster.lend(spec.key, now)
        if session is not None:
            self._observer.lent(session.key, now - session.opened_ms)
            self._wake.set()
        return session

    def has_spare(self, spec: SessionSpec) -> bool:
        """Is a warm session of `spec`'s key at hand that no caller who has rung is to have? Under 1 ms."""
        return has_spare(self._roster.scene(self._clock()), spec.key, self._options)

    def spare(self) -> int:
        """How many sessions are at hand that no caller who has rung is to have."""
        return len(spare(self._roster.scene(self._clock()), self._options))

    def give_way(self) -> None:
        """A caller of another process waits for a stream: close a session that is to spare, if there is one."""
        for number in spare(self._roster.scene(self._clock()), self._options)[:1]:
            self._retire(number, "makes_room")

    async def open_cold(self, spec: SessionSpec) -> Session:
        """None is at hand: wait for one that is being opened and not yet spoken for, or for one of the caller's own.
        A caller does not wait for a back-off. Raises `EngineError`: the service's, or THROTTLED when every stream of
        the account serves a call."""
        if self._stopping:
            raise EngineError(Failure.LOST, "the pool is stopping")
        if (session := self.lend(spec)) is not None:
            return session
        self._learn(spec)
        self._observer.opened_cold(spec.key)
        queue = self._waiting[spec.key]
        if self._roster.opening(spec.key) <= len(queue):
            self._begin_opening(spec, after=self._closing_to_wait_for())
        turn: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release(turn.result())  # it came in the moment the caller left
            raise
        finally:
            if turn in queue:
                queue.remove(turn)

    def release(self, session: Session) -> None:
        """A call is done with `session`: it closes in the pool's keeping, then its stream is free. Harmless twice."""
        if self._roster.give_back(session):
            self._close(session)

    def try_again(self) -> None:
        """What kept sessions from being opened is over: hold nothing back any more."""
        self._roster.forgive()
        self._wake.set()

    def _learn(self, spec: SessionSpec) -> None:
        self._specs.setdefault(spec.key, spec)
        self._roster.learn(spec.key)

    # --- keeping the shelf ----------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            self._wake.clear()
            try:
                look_again_ms = self._carry_out_plan()
            except Exception:  # a pool that cannot plan still opens cold; try again a little later
                log.exception("! the pool's plan failed")
                look_again_ms = self._clock() + self._options.look_ms
            if not self._roster.counts().opening:
                self._filled.set()
            try:
                async with asyncio.timeout(max(0, look_again_ms - self._clock()) / 1000):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _carry_out_plan(self) -> int:
        scene = self._roster.scene(self._clock())
        decision = plan(scene, self._options)
        self._backing_off_until = decision.backing_off_until_ms or 0
        for number, why in decision.retire.items():
            self._retire(number, why)
        for key in decision.open:
            self._begin_opening(self._specs[key])
        return decision.look_again_ms

    def _retire(self, number: int, why: Why) -> asyncio.Task[None]:
        session = self._roster.retire(number)
        self._observer.retired_unused(session.key, why)
        return self._close(session, unlent=True)

    def _closing_to_wait_for(self) -> asyncio.Task[None] | None:
        """None when a stream is free; else the closing after which one will be. Raises `EngineError`."""
        if self._roster.counts().streams < self._options.max_streams:
            return None
        loser = yields(self._roster.scene(self._clock()).warm)
        if loser is not None:
            closing = self._retire(loser, "makes_room")
        elif self._unclaimed:
            closing = next(iter(self._unclaimed))
        else:
            raise EngineError(Failure.THROTTLED, f"all {self._options.max_streams} streams serve calls")
        self._unclaimed.discard(closing)
        return closing

    # --- openings -------------------------------------------------------------------------------------------------

    def _begin_opening(self, spec: SessionSpec, after: asyncio.Task[None] | None = None) -> None:
        self._roster.opening_began(spec.key)
        self._spawn(self._open(spec, after), self._openings)

    async def _open(self, spec: SessionSpec, after: asyncio.Task[None] | None) -> None:
        try:
            if after is not None:
                await asyncio.wait({after})
            began_ms = self._clock()
            session = await self._open_with_ticket(spec)
        except EngineError as error:
            self._opening_failed(spec.key, error.failure, error.detail, began_ms)
        except asyncio.CancelledError:
            self._roster.opening_abandoned(spec.key)
            raise
        except Exception:
            log.exception("! the engine broke its contract at an opening", agent=spec.key.agent)
            self._opening_failed(spec.key, Failure.UNSTABLE, "unexpected error", began_ms)
        else:
            self._opened(session, began_ms)
        self._wake.set()

    async def _open_with_ticket(self, spec: SessionSpec) -> Session:
        ticket = await self._quota.take(lambda: self._waited_for(spec.key))
        try:
            session = await self._engine.open(spec)
        except BaseException:
            self._quota.give_back(ticket)
            raise
        self._tickets[id(session)] = ticket
        return session

    def _waited_for(self, key: SessionKey) -> bool:
        """A caller has rung, or waits already, for whom no session is at hand."""
        return bool(self._waiting[key]) or beyond_promised(self._roster.scene(self._clock()), key, self._options) < 0

    def _opened(self, session: Session, began_ms: int) -> None:
        self._roster.opened(session)
        self._observer.opened(session.key, self._clock() - began_ms)
        queue = self._waiting[session.key]
        while queue and queue[0].done():  # hung up meanwhile
            queue.popleft()
        if not queue:
            return
        ready = self.lend(self._specs[session.key])
        if ready is None:
            self._disappoint(session.key, session.dead or Failure.LOST, "ended as it opened")
        else:
            queue.popleft().set_result(ready)

    def _opening_failed(self, key: SessionKey, failure: Failure, detail: str, began_ms: int) -> None:
        log.warning("! no session", failure=failure, detail=detail, agent=key.agent)
        self._last_failure = failure
        self._observer.failed(key, failure)
        self._roster.opening_failed(key, failure, began_ms, self._clock(), self._jitter())
        self._disappoint(key, failure, detail)

    def _disappoint(self, key: SessionKey, failure: Failure, detail: str) -> None:
        """More callers wait than sessions are coming: the longest waiting hear why."""
        queue = self._waiting[key]
        while len(queue) > self._roster.opening(key):
            turn = queue.popleft()
            if not turn.done():
                turn.set_exception(EngineError(failure, detail))

    # --- closings -------------------------------------------------------------------------------------------------

    def _close(self, session: Session, unlent: bool = False) -> asyncio.Task[None]:
        task = self._spawn(self._see_off(session, unlent), self._closings)
        self._unclaimed.add(task)
        task.add_done_callback(self._unclaimed.discard)
        return task

    async def _see_off(self, session: Session, unlent: bool) -> None:
        """Close within the limit; what hangs goes on alone, and its stream counts as free."""
        closing = self._spawn(self._end(session, unlent), self._hung)
        done, _ = await asyncio.wait({closing}, timeout=self._options.close_ms / 1000)
        if not done:
            log.warning("! a session's close hangs", agent=session.key.agent)
            self._observer.close_hung(session.key)
        self._roster.closed()
        if (ticket := self._tickets.pop(id(session), None)) is not None:
            self._quota.give_back(ticket)
        self._wake.set()

    async def _end(self, session: Session, unlent: bool) -> None:
        try:
            await session.close()
            await self._count_rest(session, lent=not unlent)
        except Exception:
            log.exception("! a session's close failed", agent=session.key.agent)

    async def _count_rest(self, session: Session, lent: bool) -> None:
        """Nobody reads the events of a session that served no call, nor the last ones after a call: what was used is in
        them."""
        async for event in session.events():
            if isinstance(event, UsageReported):
                self._observer.spent(session.key, event, lent)

    def _spawn(self, work: Coroutine[Any, Any, None], group: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        group.add(task)
        task.add_done_callback(group.discard)
        return task


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel, and wait until they have really ended."""
    tasks = set(tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=1)
