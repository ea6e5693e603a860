"""A campaign carried out against the simulated Twilio's REST: what nobody knows is found out, and never guessed."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from app.campaign.campaign import Campaign, Conduct
from app.campaign.plan import Outcome, Over, Plan
from app.legs.placing import CarrierAway, NotPlaced, PerhapsPlaced, Placed, Wanted
from app.legs.twilio.placing import PlacingDesk
from app.records.attempts import Attempt, AttemptBook, Taken
from app.records.do_not_call import DoNotCallBook
from app.simulator.callscript import parse
from app.simulator.twilio.plant import DialOutcome
from tests.campaign.rows import row, rules
from tests.legs.twilio.test_placing import desk
from tests.legs.twilio.test_rest import OURS, Carrier, carrier

__all__ = ["carrier"]
BUSY = DialOutcome(ring_ms=100, status="busy")
CONDUCT = Conduct(OURS, look_s=0.1, unsure_s=1.0)


@dataclass
class Wire:
    """The way to the carrier, which breaks where a test says so: `orders` that go out and whose answers are lost, and
    orders that never leave."""

    desk: PlacingDesk
    answers_lost: int = 0
    never_leave: int = 0
    away: int = 0

    def place(self, wanted: Wanted) -> str:
        if self.never_leave:
            self.never_leave -= 1
            raise NotPlaced("no way out", "carrier")
        sid = self.desk.place(wanted)
        if self.answers_lost:
            self.answers_lost -= 1
            raise PerhapsPlaced("the answer was lost")
        return sid

    def look(self, sid: str) -> Placed:
        self._break()
        return self.desk.look(sid)

    def find(self, to: str, caller_id: str) -> Sequence[Placed]:
        self._break()
        return self.desk.find(to, caller_id)

    def _break(self) -> None:
        if self.away:
            self.away -= 1
            raise CarrierAway("gone for a moment")


@dataclass
class Server:
    """Says these one after the other where it is asked for room; `ended` is how calls end."""

    why: list[str]
    ended: str = ""

    async def room(self) -> str:
        return self.why.pop(0) if self.why else ""

    async def disposition(self, sid: str) -> str:
        return self.ended


@dataclass
class Office:
    carrier: Carrier
    wire: Wire
    book: AttemptBook
    unwanted: DoNotCallBook

    def calls_to(self, place: int) -> int:
        return len(self.carrier.exchange.plant.called(row(place).number))

    async def run(
        self, people: int = 1, room: Sequence[str] = (), ended: str = "", **chosen: object
    ) -> tuple[Plan, Over, list[str]]:
        """A process of its own: it knows what is in the book."""
        said = list[str]()
        kept = await asyncio.to_thread(self.book.all)
        people_to_call = [row(place) for place in range(people)]
        plan = Plan(people_to_call, (), rules(attempts=1, **chosen), kept, now_ms())
        async with asyncio.timeout(20):
            over = await Campaign(
                plan, self.book, self.unwanted, self.wire, CONDUCT, Server([*room], ended), now_ms, said.append
            ).run()
        return plan, over, said


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def office(carrier: Carrier, tmp_path: Path) -> AsyncIterator[Office]:
    carrier.exchange.plant.default_outcome = BUSY
    book = AttemptBook(f"sqlite:///{tmp_path}/campaigns.db", "spring")
    unwanted = DoNotCallBook(f"sqlite:///{tmp_path}/campaigns.db")
    yield Office(carrier, Wire(desk(carrier.url)), book, unwanted)
    unwanted.close()
    book.close()


async def test_an_order_whose_answer_was_lost_is_found_among_the_carrier_s_calls(office: Office) -> None:
    office.wire.answers_lost, office.wire.away = 1, 2
    plan, over, _ = await office.run()
    assert (over, plan.outcome(row(0)), office.calls_to(0)) == (Over(), Outcome.BUSY, 1)
    (kept,) = await asyncio.to_thread(office.book.all)
    assert kept.sid and kept.result == "busy"


async def test_a_process_that_died_with_its_order_on_the_way_is_taken_up_by_the_next(office: Office) -> None:
    lost = Attempt(row(0).number, 1, "desk", now_ms())
    await asyncio.to_thread(office.book.begin, lost)
    await asyncio.to_thread(office.wire.desk.place, Wanted(row(0).number, "desk", OURS))  # its last deed
    plan, _, _ = await office.run()
    assert (plan.outcome(row(0)), office.calls_to(0)) == (Outcome.BUSY, 1), "nobody is called twice"


async def test_a_process_that_died_before_its_order_left_has_called_nobody(office: Office) -> None:
    lost = Attempt(row(0).number, 1, "desk", now_ms())
    await asyncio.to_thread(office.book.begin, lost)
    began = time.monotonic()
    plan, _, _ = await office.run()
    assert time.monotonic() - began >= CONDUCT.unsure_s - 0.2, "a call may show a little late"
    assert (plan.outcome(row(0)), office.calls_to(0)) == (Outcome.BUSY, 1)
    assert [kept.result for kept in await asyncio.to_thread(office.book.all)] == ["never_placed", "busy"]


async def test_an_earlier_call_of_ours_is_not_taken_for_the_lost_one(office: Office) -> None:
    sid = await asyncio.to_thread(office.wire.desk.place, Wanted(row(0).number, "desk", OURS))
    first = Attempt(row(0).number, 1, "desk", now_ms(), sid=sid, result="busy", ended_ms=1)
    await asyncio.to_thread(office.book.begin, first)
    await asyncio.to_thread(office.book.begin, replace(first, ordinal=2, begun_ms=now_ms(), sid="", result=""))
    await office.run()
    kept = await asyncio.to_thread(office.book.all)
    assert [one.result for one in kept] == ["busy", "never_placed"], "the first is all there was, and enough"


async def test_what_the_carrier_does_not_take_now_is_placed_later(office: Office) -> None:
    office.wire.never_leave = 1
    plan, _, _ = await office.run()
    assert (plan.outcome(row(0)), office.calls_to(0)) == (Outcome.BUSY, 1)


async def test_a_refusal_that_would_meet_every_call_stops_it(office: Office) -> None:
    office.wire.desk = desk(office.carrier.url, "wrong")
    plan, over, _ = await office.run(people=3)
    assert "TWILIO_ACCOUNT_SID" in over.stopped and plan.outcomes()[Outcome.WAITING] == 3


async def test_a_number_the_carrier_refuses_is_no_one_else_s_matter(office: Office) -> None:
    kept = office.wire.desk.place

    def place(wanted: Wanted) -> str:
        if wanted.to == row(0).number:
            raise NotPlaced("does not look valid", "callee")
        return kept(wanted)

    office.wire.place = place  # type: ignore[method-assign]
    plan, over, _ = await office.run(people=2)
    assert over == Over()
    assert [plan.outcome(row(0)), plan.outcome(row(1))] == [Outcome.REFUSED, Outcome.BUSY]


async def test_nobody_is_called_while_the_server_has_no_room(office: Office) -> None:
    plan, _, said = await office.run(room=["waiting: full"])
    assert said[0] == "waiting: full" and plan.outcome(row(0)) is Outcome.BUSY
    assert office.calls_to(0) == 1


@pytest.mark.parametrize("broken", ["begin", "note"])
async def test_nobody_is_called_whom_the_book_would_not_know(
    office: Office, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(attempt: Attempt) -> None:
        raise OperationalError("INSERT", {}, OSError("the disk is full"))

    monkeypatch.setattr(office.book, broken, gone)
    with pytest.raises(OperationalError):
        await office.run(people=9)
    assert len(office.carrier.exchange.plant.calls) <= (5 if broken == "note" else 0)


async def test_who_asks_not_to_be_called_again_is_called_by_no_campaign_of_the_database(
    office: Office, tmp_path: Path
) -> None:
    office.carrier.exchange.plant.default_outcome = DialOutcome(ring_ms=50, script=parse("wait 200ms\nhang up"))
    plan, over, _ = await office.run(ended="do_not_call")
    assert (plan.outcome(row(0)), over) == (Outcome.DO_NOT_CALL, Over())
    (attempt,) = await asyncio.to_thread(office.book.all)
    assert attempt.result == "do_not_call"
    assert await asyncio.to_thread(office.unwanted.all) == {row(0).number}
    summer = AttemptBook(f"sqlite:///{tmp_path}/campaigns.db", "summer")
    # It began before they asked: its own list does not hold them.
    plan, over, _ = await replace(office, book=summer).run(people=2, ended="completed")
    assert [plan.outcome(row(0)), plan.outcome(row(1))] == [Outcome.DO_NOT_CALL, Outcome.ANSWERED]
    assert [office.calls_to(0), office.calls_to(1), over] == [1, 1, Over()]
    assert [attempt.number for attempt in await asyncio.to_thread(summer.all)] == [row(1).number]
    summer.close()


async def test_an_attempt_is_begun_by_one_process_only(office: Office) -> None:
    attempt = Attempt(row(0).number, 1, "desk", now_ms(), {"name": "Zoë"})
    await asyncio.to_thread(office.book.begin, attempt)
    with pytest.raises(Taken):
        await asyncio.to_thread(office.book.begin, attempt)
    assert await asyncio.to_thread(office.book.all) == [attempt]
