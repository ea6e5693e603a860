"""The shop's own tools: orders over HTTP, appointments in a file."""

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest

from app.call.setup import CallFacts
from app.simulator.shop import Shop
from app.tools.addresses import read_hosts
from app.tools.host import ToolHost
from app.tools.library import load_tools
from app.tools.web import Web

REPOSITORY = Path(__file__).parents[2]

type Desk = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    with Shop(REPOSITORY / "tools" / "data" / "orders.json") as shop:
        async with aclosing(Web(read_hosts(shop.tool_hosts))) as web:
            host = ToolHost(load_tools(REPOSITORY).tools, web=web, data_dir=tmp_path)

            async def run(tool: str, /, call: str = "CA1", **given: Any) -> dict[str, Any]:
                facts = CallFacts(call, "", "", "", "", "", 0)
                answer: dict[str, Any] = json.loads((await host.run(tool, json.dumps(given), facts)).result)
                return answer

            yield run


@pytest.mark.parametrize("said", ["4712", "four seven one two", "Order 47 12", "4-7-1-2", " 4712. "])
async def test_an_order_is_found_however_its_number_is_said(desk: Desk, said: str) -> None:
    found = await desk("find_order", number=said)
    assert found["found"] is True
    assert found["summary"] == "Order 4 7 1 2 is a blue city bike. It is in the workshop and will be ready on Thursday."


async def test_an_order_that_is_ready_can_be_collected(desk: Desk) -> None:
    assert (await desk("find_order", number=4711))["summary"].endswith("It is ready and can be collected today.")


async def test_an_order_nobody_has_is_told_as_that(desk: Desk) -> None:
    found = await desk("find_order", number="nine nine nine nine")
    assert found == {"found": False, "summary": "There is no order with the number 9 9 9 9."}


async def test_a_time_is_booked_once_however_often_it_is_asked_for(desk: Desk, tmp_path: Path) -> None:
    slot = (await desk("find_repair_times", day="Thursday"))["free"][0]
    booked = await desk("book_repair", slot=slot, name="Ann")
    assert await desk("book_repair", slot=slot, name="Ann") == booked
    assert booked["number"] == 301
    assert slot not in (await desk("find_repair_times", day=slot[:10]))["free"]
    with closing(sqlite3.connect(tmp_path / "appointments.sqlite")) as book:
        assert book.execute("SELECT COUNT(*) FROM appointments").fetchone() == (1,)


async def test_a_time_is_nobody_else_s_until_it_is_given_up_by_who_has_it(desk: Desk) -> None:
    slot = (await desk("find_repair_times"))["free"][0]
    number = (await desk("book_repair", slot=slot, name="Ann"))["number"]
    assert (await desk("book_repair", call="CA2", slot=slot, name="Bob"))["error"] == "refused"
    assert (await desk("cancel_repair", call="CA2", number=number, name="Bob"))["cancelled"] is False
    assert (await desk("cancel_repair", number=str(number), name="ann"))["cancelled"] is True
    assert (await desk("book_repair", call="CA2", slot=slot, name="Bob"))["number"] == number + 1


async def test_the_shop_is_closed_on_sundays_and_at_night(desk: Desk) -> None:
    assert (await desk("find_repair_times", day="Sunday"))["free"] == []
    assert (await desk("book_repair", slot="2026-05-17 23:00", name="Ann"))["error"] == "refused"
