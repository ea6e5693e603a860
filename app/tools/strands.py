"""A Strands agent as a tool, written in a Python file under `tools/` (extra `strands`):

    def adviser() -> Agent:
        return Agent(model=BedrockModel(...), tools=[...], system_prompt="...")

    ask_adviser = agent_tool(adviser, name="ask_adviser", description="Ask how to choose a bicycle for a use.")

Strands is imported by that file alone. Every question is given to an agent of its own, so that no call hears of
another; it runs in a thread of its own under the host's limits, and is told to stop when nobody waits any more. What it
says is data inside a tool's result.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from app.tools.contract import Context, ToolFailed
from app.tools.threads import in_a_thread
from app.tools.tool import Function, Traits, read_tool

if TYPE_CHECKING:
    from strands import Agent

TIME_LIMIT_S = 15.0  # an agent asks its model more than once
AT_ONCE = 4
TURNS = 6  # of its model
ASKED = "what to find out, with all that is known, in one or two sentences"


def agent_tool(
    factory: "Callable[[], Agent]",
    *,
    name: str,
    description: str,
    effects: bool = False,
    time_limit_s: float = TIME_LIMIT_S,
    at_once: int = AT_ONCE,
    turns: int = TURNS,
) -> Function:
    """A tool that puts one question to what `factory` makes; the answer is its last words as `{"answer": ...}`, or its
    structured output. Give the result a name in the file. Raises `BadTool` for a name that will not do."""

    async def ask(question: Annotated[str, ASKED], call: Context) -> Any:
        stop = threading.Event()
        try:
            return await in_a_thread(lambda: _answer(factory(), question, turns, stop), name, call)
        except asyncio.CancelledError:
            stop.set()
            raise

    ask.__name__ = name
    ask.__doc__ = description
    ask.__module__ = factory.__module__  # it belongs to the file that makes it
    ask.offhook_tool = read_tool(ask, Traits(time_limit_s, effects, at_once))  # type: ignore[attr-defined]
    return ask


def _answer(agent: "Agent", question: str, turns: int, stop: threading.Event) -> Any:
    """Blocks. Raises `ToolFailed` unless the agent came to an end by itself."""
    agent.callback_handler = _silent  # by default it prints every word
    result = agent(question, limits={"turns": turns}, cancel_signal=stop)
    if result.structured_output is not None:
        return result.structured_output
    if result.stop_reason != "end_turn":
        raise ToolFailed(f"the agent stopped: {result.stop_reason}")
    return {"answer": str(result).strip()}


def _silent(**told: Any) -> None:
    pass
