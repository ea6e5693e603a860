"""Runs tools for calls: checked arguments, a time limit, room for a few at once, and always a JSON document as answer.

Nothing a tool does reaches the call's path: functions that block run in threads of their own, and a thread that does
not come back is left behind and counted against the room. No text of an exception reaches the model: it would read it
aloud.
"""

import asyncio
import contextlib
import inspect
import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from app.call.events import Outcome, ToolAnswered
from app.call.setup import CallFacts, CallSetup
from app.tools.house import NAMES, Offer, house_tools
from app.tools.tool import Declaration, Tool

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HostLimits:
    at_once: int = 16  # tools running in this process
    result_bytes: int = 8_000  # more is no answer to a spoken question, and history is small


@dataclass(frozen=True, slots=True)
class ToolRun:
    """`result` is a JSON object for the model, whatever the outcome."""

    result: str
    outcome: Outcome
    ms: int


class _Refused(Exception):
    """What the model asked for cannot be run; the text tells the model what to do."""


class ToolHost:
    """One for each process; `tools` by name."""

    def __init__(self, tools: Mapping[str, Tool], limits: HostLimits | None = None) -> None:
        self._tools = dict(tools)
        self._limits = limits or HostLimits()
        self._busy = 0

    def declared(self, names: Collection[str], offer: Offer) -> list[Declaration]:
        """What an agent's model is told of: its own tools, and the house's. Raises `KeyError` for an unknown name."""
        return [*(self._tools[name].declaration for name in names if name not in NAMES), *house_tools(offer)]

    async def answer(self, run: str, name: str, arguments: str, setup: CallSetup) -> ToolAnswered:
        """`run`, as the event a call is told. Cancelling it gives the tool up, as when the caller hangs up."""
        done = await self.run(name, arguments, setup.facts)
        return ToolAnswered(run, name, done.result, done.outcome, done.ms)

    async def run(self, name: str, arguments: str, facts: CallFacts) -> ToolRun:
        """Run one tool with the model's JSON text as it came. Raises nothing but `CancelledError`."""
        began = time.monotonic()
        result, outcome = await self._outcome(name, arguments, facts)
        ms = round((time.monotonic() - began) * 1000)
        return ToolRun(result, outcome, ms)

    async def _outcome(self, name: str, arguments: str, facts: CallFacts) -> tuple[str, Outcome]:
        try:
            tool = self._tool(name)
            given = _checked(tool, arguments, facts)
            async with asyncio.timeout(tool.time_limit_s):
                result = await self._called(tool, given)
            return self._document(name, result)
        except _Refused as refused:
            return _error("refused", str(refused)), Outcome.REFUSED
        except TimeoutError:
            return _error("timed_out", "This took too long. Apologise and offer to try again."), Outcome.TIMED_OUT
        except Exception as error:
            # The name of the error only: its text may hold what the caller said.
            log.warning("! a tool failed", tool=name, error=type(error).__name__, at=_place(error))
            return _error("failed", "This does not work at the moment. Apologise; do not guess."), Outcome.FAILED

    def _tool(self, name: str) -> Tool:
        if name not in self._tools:
            raise _Refused(f"There is no tool {name[:64]!r}.")
        if self._busy >= self._limits.at_once:
            raise _Refused("Too many look-ups are running. Apologise and offer to try again in a moment.")
        return self._tools[name]

    async def _called(self, tool: Tool, given: dict[str, Any]) -> Any:
        self._busy += 1
        if inspect.iscoroutinefunction(tool.function):
            try:
                return await tool.function(**given)
            finally:
                self._busy -= 1
        # A thread cannot be stopped: it holds its place in the room until it comes back by itself.
        work = _in_a_thread(partial(tool.function, **given), tool.name)
        work.add_done_callback(self._thread_came_back)
        return await asyncio.shield(work)

    def _thread_came_back(self, work: asyncio.Future[Any]) -> None:
        self._busy -= 1
        if not work.cancelled():
            work.exception()  # seen, if nobody waits any more

    def _document(self, name: str, result: Any) -> tuple[str, Outcome]:
        try:
            plain = to_jsonable_python(result)
        except PydanticSerializationError:
            log.warning("! a tool's result is no JSON", tool=name, type=type(result).__name__)
            return _error("failed", "This does not work at the moment. Apologise; do not guess."), Outcome.FAILED
        text = json.dumps(plain if isinstance(plain, dict) else {"result": plain}, ensure_ascii=False)
        if len(text.encode()) > self._limits.result_bytes:
            log.warning("! a tool's result is too long", tool=name, bytes=len(text.encode()))
            return _error("failed", "The answer is too long to say. Ask for something more exact."), Outcome.FAILED
        return text, Outcome.OK


def _in_a_thread(function: Callable[[], Any], name: str) -> asyncio.Future[Any]:
    """A daemon, unlike the threads of an executor: a tool that never returns must not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def work() -> None:
        try:
            settle = partial(future.set_result, function())
        except BaseException as error:
            settle = partial(future.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=work, name=f"tool {name}", daemon=True).start()
    return future


def _checked(tool: Tool, arguments: str, facts: CallFacts) -> dict[str, Any]:
    """The function's keyword arguments. Raises `_Refused` in words the model can act on."""
    try:
        sent = json.loads(arguments or "{}")
    except ValueError:
        raise _Refused("The arguments are not JSON. Call the tool again with a JSON object.") from None
    if not isinstance(sent, dict):
        raise _Refused("The arguments are not a JSON object. Call the tool again with one.")
    try:
        model = tool.arguments.model_validate(sent)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise _Refused(f"Call the tool again with correct arguments, or ask the caller. {wrong}") from None
    given = {field: getattr(model, field) for field in tool.arguments.model_fields}
    return given if tool.facts_parameter is None else {**given, tool.facts_parameter: facts}


def _error(kind: str, advice: str) -> str:
    return json.dumps({"error": kind, "advice": advice})


def _place(error: Exception) -> str:
    """File and line where a tool failed, for whoever mends it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
