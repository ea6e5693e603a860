"""The host: whatever a tool does, a call gets one JSON document in time."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from structlog.testing import capture_logs

from app.call.breaker import BreakerLimits
from app.call.disposition import END_REASONS
from app.call.events import Outcome, ToolAnswered
from app.call.setup import CallFacts, CallSetup
from app.tools.contract import Context, Declined
from app.tools.host import HostLimits, ToolHost
from app.tools.house import Offer, house_tools
from app.tools.tool import Traits, read_tool

FACTS = CallFacts("CA1", "+15551234567", "+15550100", "desk", "edition", "en-US", 0)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds a blocking tool until it is set; set at the end, so that no thread stays."""
    gate = threading.Event()
    yield gate
    gate.set()


def host(*functions: Callable[..., Any], limit_s: float = 5.0, **limits: Any) -> ToolHost:
    tools = {function.__name__: read_tool(function, Traits(limit_s)) for function in functions}
    return ToolHost(tools, HostLimits(**limits))


async def run(house: ToolHost, name: str, arguments: str = "{}") -> tuple[dict[str, Any], Outcome]:
    done = await house.run(name, arguments, FACTS)
    return json.loads(done.result), done.outcome


def add(one: int, other: int = 1) -> dict[str, int]:
    """Add."""
    return {"sum": one + other}


async def add_slowly(one: int, other: int = 1) -> dict[str, int]:
    """Add."""
    await asyncio.sleep(0)
    return {"sum": one + other}


def spell(word: str) -> str:
    """Spell."""
    return " ".join(word)


@pytest.mark.parametrize("function", [add, add_slowly])
async def test_a_tool_answers_with_json(function: Callable[..., Any]) -> None:
    assert await run(host(function), function.__name__, '{"one": 4}') == ({"sum": 5}, Outcome.OK)


async def test_numbers_as_text_text_as_numbers_and_what_was_added_are_taken() -> None:
    assert await run(host(add), "add", '{"one": "4", "other": 2.0, "mood": "good"}') == ({"sum": 6}, Outcome.OK)
    assert await run(host(spell), "spell", '{"word": 47}') == ({"result": "4 7"}, Outcome.OK)


async def test_no_arguments_may_come_as_nothing_at_all() -> None:
    def hello() -> str:
        """Greet."""
        return "hello"

    assert await run(host(hello), "hello", "") == ({"result": "hello"}, Outcome.OK)


@pytest.mark.parametrize("sent", ["{", "[1]", "4", '"text"', "{}", '{"one": "many"}', '{"one": null}'])
async def test_wrong_arguments_are_refused_in_words_the_model_can_act_on(sent: str) -> None:
    answer, outcome = await run(host(add), "add", sent)
    assert outcome is Outcome.REFUSED
    assert answer["error"] == "refused"
    assert "again" in answer["advice"]


async def test_a_tool_nobody_has_is_refused() -> None:
    answer, outcome = await run(host(add), "fly", "{}")
    assert (outcome, answer["advice"]) == (Outcome.REFUSED, "There is no tool 'fly'.")


async def test_a_tool_that_asks_gets_the_call_s_facts() -> None:
    def who(call: CallFacts) -> str:
        """Say who calls."""
        return call.caller

    assert await run(host(who), "who", '{"call": "somebody else"}') == ({"result": FACTS.caller}, Outcome.OK)


async def test_what_a_tool_raises_reaches_neither_model_nor_log() -> None:
    def fails(said: str) -> str:
        """Fail."""
        raise ValueError(f"secret {said}")

    with capture_logs() as lines:
        answer, outcome = await run(host(fails), "fails", '{"said": "swordfish"}')
    assert outcome is Outcome.FAILED
    assert "swordfish" not in json.dumps([answer, lines])
    assert (lines[0]["error"], lines[0]["tool"]) == ("ValueError", "fails")


async def test_a_tool_that_takes_too_long_is_answered_for(gate: threading.Event) -> None:
    def waits() -> str:
        """Wait."""
        gate.wait(30)
        return "late"

    answer, outcome = await run(host(waits, limit_s=0.05), "waits")
    assert outcome is Outcome.TIMED_OUT
    assert "Apologise" in answer["advice"]


async def test_an_asynchronous_tool_that_takes_too_long_is_stopped() -> None:
    stopped = asyncio.Event()

    async def waits() -> None:
        """Wait."""
        try:
            await asyncio.sleep(30)
        finally:
            stopped.set()

    assert (await run(host(waits, limit_s=0.01), "waits"))[1] is Outcome.TIMED_OUT
    assert stopped.is_set()


async def test_a_blocking_tool_does_not_hold_up_the_loop(gate: threading.Event) -> None:
    def waits() -> str:
        """Wait."""
        gate.wait(30)
        return "done"

    working = asyncio.create_task(run(host(waits), "waits"))
    for _ in range(20):
        await asyncio.sleep(0)  # the loop turns while the tool blocks
    assert not working.done()
    gate.set()
    assert await working == ({"result": "done"}, Outcome.OK)


async def test_threads_that_hang_keep_their_place_and_the_next_caller_is_told_at_once(gate: threading.Event) -> None:
    def waits() -> str:
        """Wait."""
        gate.wait(30)
        return "done"

    house = host(waits, limit_s=0.02, at_once=2)
    assert [outcome for _, outcome in await asyncio.gather(run(house, "waits"), run(house, "waits"))] == [
        Outcome.TIMED_OUT,
        Outcome.TIMED_OUT,
    ]
    answer, outcome = await run(house, "waits")
    assert outcome is Outcome.UNAVAILABLE
    assert "Too many" in answer["advice"]


async def test_a_thread_that_comes_back_makes_room() -> None:
    house = host(add, at_once=1)
    for _ in range(5):
        assert (await run(house, "add", '{"one": 1}'))[1] is Outcome.OK


@pytest.mark.parametrize("result", ["x" * 9_000, ["word"] * 2_000])
async def test_an_answer_that_is_too_long_is_not_handed_on(result: object) -> None:
    def long() -> object:
        """Say much."""
        return result

    answer, outcome = await run(host(long), "long")
    assert (outcome, answer["error"]) == (Outcome.FAILED, "failed")


async def test_an_answer_that_is_no_json_is_not_handed_on() -> None:
    def odd() -> object:
        """Give a thing."""
        return threading.Lock()

    assert (await run(host(odd), "odd"))[1] is Outcome.FAILED


async def test_nothing_becomes_a_json_object_too() -> None:
    def silent() -> None:
        """Do it."""

    assert await run(host(silent), "silent") == ({"result": None}, Outcome.OK)


async def test_hanging_up_gives_a_tool_up(gate: threading.Event) -> None:
    def waits() -> str:
        """Wait."""
        gate.wait(30)
        return "done"

    working = asyncio.create_task(host(waits).run("waits", "{}", FACTS))
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert not gate.is_set()  # it did not wait for the thread


async def test_a_call_is_answered_by_an_event_of_its_own() -> None:
    answered = await host(add).answer("run-1", "add", '{"one": 1}', CallSetup(FACTS, {}))
    assert answered == ToolAnswered("run-1", "add", '{"sum": 2}', Outcome.OK, answered.ms)
    assert answered.ms >= 0


def test_an_agent_is_declared_its_own_tools_and_the_house_s() -> None:
    def find(number: Annotated[str, "four digits"]) -> str:
        """Find it."""
        return number

    declared = host(find, add).declared(["find"], Offer())
    assert [one.name for one in declared] == ["find", "end_call"]
    (caller_s, callee_s) = (
        house_tools(Offer(places_calls=placing))[0].schema["properties"]["reason"] for placing in (False, True)
    )
    assert declared[1].schema["properties"]["reason"] == caller_s
    assert caller_s["enum"] == [reason for reason in END_REASONS if reason != "do_not_call"]
    assert callee_s["enum"] == list(END_REASONS) and "asks never to be called again" in callee_s["description"]
    with pytest.raises(KeyError):
        host(add).declared(["find"], Offer())


async def test_ending_the_call_is_not_the_host_s_to_do() -> None:
    assert (await run(host(add), "end_call", '{"reason": "done"}'))[1] is Outcome.REFUSED


async def test_a_tool_that_keeps_failing_is_left_alone_and_tried_again_later() -> None:
    well, now = False, 0

    def shaky() -> str:
        """Work, or not."""
        if not well:
            raise ValueError
        return "done"

    limits = HostLimits(breaker=BreakerLimits(failures=2, open_ms=1_000))
    house = ToolHost({"shaky": read_tool(shaky)}, limits, clock=lambda: now)
    assert [(await run(house, "shaky"))[1] for _ in range(3)] == [Outcome.FAILED, Outcome.FAILED, Outcome.UNAVAILABLE]
    answer, _ = await run(house, "shaky")
    assert answer["error"] == "unavailable" and "out of order" in answer["advice"]
    well, now = True, 1_000
    assert [(await run(house, "shaky"))[1] for _ in range(2)] == [Outcome.OK, Outcome.OK]


async def test_one_tool_does_not_take_every_place(gate: threading.Event) -> None:
    def waits() -> str:
        """Wait."""
        gate.wait(30)
        return "done"

    tools = {"waits": read_tool(waits, Traits(0.02, at_once=1)), "add": read_tool(add)}
    house = ToolHost(tools, HostLimits(at_once=2))
    assert (await run(house, "waits"))[1] is Outcome.TIMED_OUT
    assert (await run(house, "waits"))[1] is Outcome.UNAVAILABLE
    assert (await run(house, "add", '{"one": 1}'))[1] is Outcome.OK


async def test_threads_left_behind_are_counted_until_they_come_back(gate: threading.Event) -> None:
    def waits() -> str:
        """Wait."""
        gate.wait(30)
        return "done"

    house = host(waits, limit_s=0.02)
    await run(house, "waits")
    assert house.left_behind == 1
    gate.set()
    async with asyncio.timeout(5):
        while house.left_behind:  # noqa: ASYNC110 (a thread comes back when it comes back)
            await asyncio.sleep(0.005)


async def test_a_deed_is_done_once_and_its_thread_that_comes_back_late_is_not_forgotten(gate: threading.Event) -> None:
    keys: list[str] = []

    def book(slot: str, call: Context) -> str:
        """Book."""
        keys.append(call.key)
        gate.wait(30)
        return f"booked {slot}"

    house = ToolHost({"book": read_tool(book, Traits(0.02, effects=True))})
    nine = '{"slot": "nine"}'
    assert (await run(house, "book", nine))[1] is Outcome.TIMED_OUT
    answer, outcome = await run(house, "book", nine)
    assert (outcome, "still being done" in answer["advice"]) == (Outcome.REFUSED, True)
    gate.set()
    async with asyncio.timeout(5):
        while house.left_behind:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert await run(house, "book", nine) == ({"result": "booked nine"}, Outcome.OK)
    assert len(keys) == 1


async def test_a_deed_that_failed_is_tried_again_with_its_key() -> None:
    keys: list[str] = []

    async def book(call: Context) -> str:
        """Book."""
        keys.append(call.key)
        if len(keys) == 1:
            raise ValueError
        return "booked"

    house = ToolHost({"book": read_tool(book, Traits(effects=True))})
    assert [(await run(house, "book"))[1] for _ in range(3)] == [Outcome.FAILED, Outcome.OK, Outcome.OK]
    assert len(keys) == 2 and len(set(keys)) == 1


async def test_a_no_is_told_in_the_tool_s_own_words_and_is_no_failure() -> None:
    def book() -> None:
        """Book."""
        raise Declined("That time is taken.")

    house = host(book)
    assert [await run(house, "book") for _ in range(9)][-1] == (
        {"error": "refused", "advice": "That time is taken."},
        Outcome.REFUSED,
    )


async def test_a_megabyte_is_refused_and_holds_nobody_up() -> None:
    async def long() -> list[str]:
        """Say much."""
        return ["x" * 100] * 10_000

    answer, outcome = await run(host(long), "long")
    assert (outcome, "too long" in answer["advice"]) == (Outcome.FAILED, True)


async def test_a_name_the_model_made_up_is_recorded_as_unknown() -> None:
    assert (await host(add).run("fly", "{}", FACTS)).name == "unknown"
