"""Runs tools for calls: checked arguments, a time limit, room for a few at once, and always a JSON document as answer.

Nothing a tool does reaches the call's path: what blocks runs in threads of its own, and a thread that does not come
back is left behind and keeps its place in the room until it does. A tool that keeps failing is left alone for a while.
No text of an exception reaches the model: it would read it aloud.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pydantic_core import PydanticSerializationError

from app.call.breaker import Breaker, BreakerLimits
from app.call.events import Outcome, ToolAnswered
from app.call.setup import CallFacts, CallSetup
from app.tools.arguments import read_arguments
from app.tools.contract import BadArguments, Context, Declaration, Declined, Tool, ToolFailed, Unavailable
from app.tools.deeds import Deed, Deeds
from app.tools.house import NAMES, Offer, house_tools
from app.tools.mcp_link import Links
from app.tools.results import TooLong, document, error
from app.tools.room import Room
from app.tools.web import Web

log = structlog.get_logger()

UNKNOWN = "unknown"  # the name that is recorded of a tool nobody has: a model may invent any number of them


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class HostLimits:
    at_once: int = 16  # tools running in this process
    result_bytes: int = 8_000  # more is no answer to a spoken question, and history is small
    breaker: BreakerLimits = field(default_factory=BreakerLimits)


@dataclass(frozen=True, slots=True)
class ToolRun:
    """`result` is a JSON object for the model, whatever the outcome. `name` is the tool's, or `unknown`."""

    name: str
    result: str
    outcome: Outcome
    ms: int


class _Answer(Exception):
    """What the model is told in place of a result."""

    def __init__(self, outcome: Outcome, advice: str) -> None:
        super().__init__(advice)
        self.outcome = outcome
        self.advice = advice


class ToolHost:
    """One for each process; `tools` by name."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        limits: HostLimits | None = None,
        web: Web | None = None,
        data_dir: Path = Path(".data"),
        clock: Callable[[], int] = now_ms,
        links: Links | None = None,
    ) -> None:
        self._tools = dict(tools)
        self._web = web
        self._links = links
        self._data_dir = data_dir
        self._limits = limits or HostLimits()
        self._now_ms = clock
        self._room = Room(self._limits.at_once)
        self._deeds = Deeds()
        self._breakers = {name: Breaker(self._limits.breaker) for name in self._tools}
        self._behind: set[asyncio.Future[Any]] = set()

    @property
    def left_behind(self) -> int:
        """Threads that nobody waits for any more and that have not come back."""
        return len(self._behind)

    def declared(self, names: Collection[str], offer: Offer) -> list[Declaration]:
        """What an agent's model is told of: its own tools, and the house's. Raises `KeyError` for an unknown name."""
        return [*(self._tools[name].declaration for name in names if name not in NAMES), *house_tools(offer)]

    async def answer(self, run: str, name: str, arguments: str, setup: CallSetup) -> ToolAnswered:
        """`run`, as the event a call is told. Cancelling it gives the tool up, as when the caller hangs up."""
        done = await self.run(name, arguments, setup.facts)
        return ToolAnswered(run, done.name, done.result, done.outcome, done.ms)

    async def run(self, name: str, arguments: str, facts: CallFacts) -> ToolRun:
        """Run one tool with the model's JSON text as it came. Raises nothing but `CancelledError`."""
        began = self._now_ms()
        try:
            with structlog.contextvars.bound_contextvars(call=facts.call_sid):  # in the tool's own log lines too
                result, outcome = await self._result(name, arguments, facts), Outcome.OK
        except _Answer as told:
            result, outcome = error(told.outcome, told.advice), told.outcome
        known = name if name in self._tools else UNKNOWN
        return ToolRun(known, result, outcome, self._now_ms() - began)

    def forget(self, call_sid: str) -> None:
        """The call is over: nobody asks again what was done in it."""
        self._deeds.forget(call_sid)

    # --- from the model's text to the tool ------------------------------------------------------------------------

    async def _result(self, name: str, arguments: str, facts: CallFacts) -> str:
        tool = self._tools.get(name)
        if tool is None:
            raise _Answer(Outcome.REFUSED, f"There is no tool {name[:64]!r}.")
        try:
            given = tool.check(read_arguments(arguments, tool.declaration.schema))
        except BadArguments as wrong:
            raise _Answer(Outcome.REFUSED, str(wrong)) from None
        deed = self._deeds.deed(facts.call_sid, tool.source, name, given)
        if not tool.effects:
            return await self._guarded(tool, given, self._context(facts, deed, partial(self._leave, tool, None)))
        if (before := self._deeds.result(deed)) is not None:
            return before
        if self._deeds.running(deed):
            raise _Answer(
                Outcome.REFUSED, "This is still being done. Do not start it again; say that it may take long."
            )
        return await self._once(tool, given, facts, deed)

    async def _once(self, tool: Tool, given: dict[str, Any], facts: CallFacts, deed: Deed) -> str:
        """Do it, and remember that it was done."""
        self._deeds.begin(deed)
        behind: list[asyncio.Future[Any]] = []

        def leave(work: asyncio.Future[Any]) -> None:
            behind.append(work)
            self._leave(tool, deed, work)

        try:
            result = await self._guarded(tool, given, self._context(facts, deed, leave))
        except BaseException:
            if not behind:
                self._deeds.not_done(deed)
            raise
        self._deeds.done(deed, result)
        return result

    def _context(self, facts: CallFacts, deed: Deed, leave: Callable[[asyncio.Future[Any]], None]) -> Context:
        return Context(facts, deed.key, leave, self._data_dir, self._web, self._links)

    async def _guarded(self, tool: Tool, given: dict[str, Any], context: Context) -> str:
        """Run it where there is room and hope."""
        if not self._room.has_place(tool):
            raise _Answer(Outcome.UNAVAILABLE, "Too many look-ups are running. Apologise and offer to try again soon.")
        breaker = self._breakers[tool.declaration.name]
        if not breaker.admits(self._now_ms()):
            raise _Answer(Outcome.UNAVAILABLE, OUT_OF_ORDER)
        try:
            result = await self._called(tool, given, context)
        except _Answer as told:
            if told.outcome is Outcome.REFUSED:
                breaker.succeeded()  # it is well, and said no
            elif told.outcome is Outcome.UNAVAILABLE:
                breaker.abandoned()  # it was not asked
            else:
                self._count_failure(tool, breaker)
            raise
        except BaseException:
            breaker.abandoned()
            raise
        breaker.succeeded()
        return result

    async def _called(self, tool: Tool, given: dict[str, Any], context: Context) -> str:
        name = tool.declaration.name
        self._room.enter(tool)
        try:
            async with asyncio.timeout(tool.time_limit_s):
                result = await tool.call(given, context)
            return document(result, self._limits.result_bytes)
        except TimeoutError:
            log.warning("! a tool took too long", tool=name, limit_s=tool.time_limit_s)
            raise _Answer(Outcome.TIMED_OUT, "This took too long. Apologise and offer to try again.") from None
        except Declined as no:
            raise _Answer(Outcome.REFUSED, str(no)) from None
        except Unavailable as away:
            log.warning("! a tool is not available", tool=name, why=str(away))
            raise _Answer(Outcome.UNAVAILABLE, OUT_OF_ORDER) from None
        except TooLong:
            log.warning("! a tool's result is too long", tool=name, most_bytes=self._limits.result_bytes)
            raise _Answer(Outcome.FAILED, "The answer is too long to say. Ask for something more exact.") from None
        except PydanticSerializationError:
            log.warning("! a tool's result has no JSON form", tool=name)
            raise _Answer(Outcome.FAILED, NOT_NOW) from None
        except Exception as broken:
            # Of a stranger's exception the name only: its text may hold what the caller said.
            why = str(broken) if isinstance(broken, ToolFailed) else type(broken).__name__
            log.warning("! a tool failed", tool=name, error=why, at=_place(broken))
            raise _Answer(Outcome.FAILED, NOT_NOW) from None
        finally:
            self._room.leave(tool)

    def _count_failure(self, tool: Tool, breaker: Breaker) -> None:
        if breaker.failed(self._now_ms()):
            log.warning(
                "! a tool is left alone for a while", tool=tool.declaration.name, ms=self._limits.breaker.open_ms
            )

    # --- what goes on though nobody waits -------------------------------------------------------------------------

    def _leave(self, tool: Tool, deed: Deed | None, work: asyncio.Future[Any]) -> None:
        """A thread cannot be stopped: it keeps its place until it comes back by itself."""
        self._room.enter(tool)
        self._behind.add(work)
        work.add_done_callback(partial(self._came_back, tool, deed))

    def _came_back(self, tool: Tool, deed: Deed | None, work: asyncio.Future[Any]) -> None:
        self._room.leave(tool)
        self._behind.discard(work)
        if deed is None:
            return
        try:
            self._deeds.done(deed, document(work.result(), self._limits.result_bytes))
        except (asyncio.CancelledError, Exception):
            self._deeds.not_done(deed)


STILL_DOING = "This is still being done. Do not start it again; say that it takes longer than usual."
OUT_OF_ORDER = "This is out of order now. Say so, do not guess, offer something else."
NOT_NOW = "This does not work at the moment. Apologise; do not guess."


def _place(error: Exception) -> str:
    """File and line where a tool failed, for whoever mends it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
