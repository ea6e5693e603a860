"""A Strands agent as a tool: the library's real Agent, with a model that follows a script."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import strands
from pydantic import BaseModel
from strands import Agent
from strands.models import Model

from app.call.events import Outcome
from app.call.setup import CallFacts
from app.tools.host import ToolHost
from app.tools.library import load_tools
from app.tools.strands import agent_tool
from app.tools.tool import BadTool, offered

FACTS = CallFacts("CA1", "+15551234567", "+15550100", "desk", "edition", "en-US", 0)


class Scripted(Model):
    """Says one thing after the other; a mapping is a tool that it calls. The last is said for ever."""

    def __init__(self, *says: str | dict[str, Any] | Exception, wait: threading.Event | None = None) -> None:
        self.says = list(says)
        self.wait = wait
        self.asked: list[Any] = []

    def update_config(self, **model_config: Any) -> None:
        pass

    def get_config(self) -> dict[str, Any]:
        return {}

    async def structured_output(self, *given: Any, **more: Any) -> AsyncGenerator[dict[str, Any]]:
        raise NotImplementedError
        yield {}

    async def stream(self, messages: Any, *given: Any, **more: Any) -> AsyncGenerator[Any]:
        self.asked.append(json.loads(json.dumps(messages)))
        while self.wait is not None and not self.wait.is_set():
            await asyncio.sleep(0.01)
            yield {"messageStart": {"role": "assistant"}}
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(said, Exception):
            raise said
        yield {"messageStart": {"role": "assistant"}}
        if isinstance(said, str):
            yield {"contentBlockStart": {"start": {}}}
            yield {"contentBlockDelta": {"delta": {"text": said}}}
        else:
            use = {"toolUseId": "1", "name": said["name"]}
            yield {"contentBlockStart": {"start": {"toolUse": use}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(said["input"])}}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn" if isinstance(said, str) else "tool_use"}}


@strands.tool
def length_of(word: str) -> int:
    """How long a word is.

    Args:
        word: the word
    """
    return len(word)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def host(factory: Callable[[], Agent], **traits: Any) -> ToolHost:
    made = offered(agent_tool(factory, name="ask_adviser", description="Ask the adviser.", **traits))
    assert made is not None
    return ToolHost({"ask_adviser": made})


async def ask(house: ToolHost, question: str = "which one fits me") -> tuple[dict[str, Any], Outcome]:
    done = await house.run("ask_adviser", json.dumps({"question": question}), FACTS)
    return json.loads(done.result), done.outcome


async def test_an_agent_uses_its_tools_and_its_last_words_are_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    model = Scripted({"name": "length_of", "input": {"word": "saddle"}}, "It has six letters.")
    told = await ask(host(lambda: Agent(model=model, tools=[length_of])))
    assert told == ({"answer": "It has six letters."}, Outcome.OK)
    assert model.asked[0][0]["content"][0]["text"] == "which one fits me"
    assert model.asked[1][-1]["content"][0]["toolResult"]["content"][0]["text"] == "6"
    assert capsys.readouterr().out == ""  # by itself, an agent prints all it says


async def test_every_question_is_given_to_an_agent_of_its_own() -> None:
    model = Scripted("Yes.")
    house = host(lambda: Agent(model=model))
    await asyncio.gather(ask(house, "one"), ask(house, "two"))
    assert [len(messages) for messages in model.asked] == [1, 1]


async def test_an_agent_that_fails_or_never_ends_is_a_tool_that_failed() -> None:
    told, outcome = await ask(host(lambda: Agent(model=Scripted(RuntimeError("secret")), retry_strategy=None)))
    assert (told["error"], outcome) == ("failed", Outcome.FAILED) and "secret" not in str(told)
    round_and_round = Scripted({"name": "length_of", "input": {"word": "saddle"}})
    told, outcome = await ask(host(lambda: Agent(model=round_and_round, tools=[length_of]), turns=3))
    assert (outcome, len(round_and_round.asked)) == (Outcome.FAILED, 3)


async def test_an_agent_that_takes_too_long_is_told_to_stop(gate: threading.Event) -> None:
    house = host(lambda: Agent(model=Scripted("Too late.", wait=gate)), time_limit_s=0.2)
    _, outcome = await ask(house)
    assert outcome is Outcome.TIMED_OUT
    async with asyncio.timeout(5):
        while house.left_behind:  # noqa: ASYNC110 (the thread ends when the agent notices, with the gate still shut)
            await asyncio.sleep(0.01)


async def test_a_structured_output_is_the_answer_itself() -> None:
    class Advice(BaseModel):
        bicycle: str

    model = Scripted({"name": "Advice", "input": {"bicycle": "Kestrel"}}, "Done.")
    told = await ask(host(lambda: Agent(model=model, structured_output_model=Advice)))
    assert told == ({"bicycle": "Kestrel"}, Outcome.OK)


def test_a_name_that_will_not_do_is_refused() -> None:
    with pytest.raises(BadTool):
        agent_tool(Agent, name="ask me", description="Ask.")


def test_a_python_file_offers_its_agents(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "adviser.py").write_text(
        "from app.tools.strands import agent_tool\n\n\n"
        "def adviser():\n    from strands import Agent\n    return Agent()\n\n\n"
        'ask_adviser = agent_tool(adviser, name="ask_adviser", description="Ask how to choose.", effects=True)\n'
    )
    tool = load_tools(tmp_path).tools["ask_adviser"]
    assert (tool.source, tool.effects, tool.time_limit_s) == ("tools/adviser.py", True, 15.0)
    assert list(tool.declaration.schema["properties"]) == ["question"]
