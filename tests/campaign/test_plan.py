"""Whom a campaign calls next, what a result means, and when it stops: decided without a clock."""

import random

import pytest

from app.campaign.hours import CallingHours
from app.campaign.plan import Outcome, Over, Place, Plan, Wait
from app.campaign.results import Result
from app.records.attempts import Attempt
from tests.campaign.rows import MINUTE, NOON, call, ended, place, row, rules


def test_rows_are_called_in_the_file_s_order_as_many_at_once_as_there_are_slots() -> None:
    plan = Plan([row(0), row(1), row(2)], (), rules(slots=2), [], NOON)
    first, second = place(plan, NOON), place(plan, NOON + 1)
    assert [first.number, second.number] == [row(0).number, row(1).number]
    assert plan.next(NOON + 2) == Wait(None), "only the end of a call makes room"
    plan.noted(ended(first, Result.ANSWERED, NOON + 3))
    assert place(plan, NOON + 4).number == row(2).number


def test_calls_are_placed_no_faster_than_allowed() -> None:
    plan = Plan([row(n) for n in range(20)], (), rules(slots=20, calls_per_second=2), [], NOON)
    now, placed = NOON, []
    while now < NOON + 5_000:
        step = plan.next(now)
        if isinstance(step, Place):
            placed.append(now)
        else:
            assert isinstance(step, Wait) and step.until_ms is not None and step.until_ms > now
            now = step.until_ms
    assert all(len([at for at in placed if begin <= at < begin + 1_000]) <= 3 for begin in placed)
    assert len(placed) == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    ("result", "pause"), [(Result.BUSY, 5), (Result.NO_ANSWER, 60), (Result.FAILED, 60), (Result.VOICEMAIL, 60)]
)
def test_who_was_not_reached_is_called_again_after_a_while_and_not_for_ever(result: Result, pause: int) -> None:
    plan = Plan([row(0)], (), rules(attempts=2, pause_window=9), [], NOON)
    call(plan, result, NOON)
    assert plan.next(NOON + 1) == Wait(NOON + pause * MINUTE)
    assert plan.outcome(row(0)) is Outcome.WAITING
    call(plan, result, NOON + pause * MINUTE)
    assert plan.next(NOON + 500 * MINUTE) == Over()
    assert plan.outcome(row(0)) is Outcome(result)


@pytest.mark.parametrize("result", [Result.ANSWERED, Result.FAX, Result.REFUSED, Result.CANCELED, Result.DO_NOT_CALL])
def test_what_is_settled_is_not_called_again(result: Result) -> None:
    plan = Plan([row(0)], (), rules(), [], NOON)
    call(plan, result, NOON)
    assert plan.next(NOON + 500 * MINUTE) == Over()


def test_a_message_left_settles_it() -> None:
    plan = Plan([row(0)], (), rules(message_left={"desk"}), [], NOON)
    call(plan, Result.VOICEMAIL, NOON)
    assert plan.next(NOON + 500 * MINUTE) == Over()


def test_nobody_is_called_who_does_not_want_to_or_has_not_agreed() -> None:
    plan = Plan([row(0), row(1, consent=False)], {row(0).number}, rules(), [], NOON)
    assert plan.next(NOON) == Over()
    assert [plan.outcome(row(0)), plan.outcome(row(1, consent=False))] == [Outcome.DO_NOT_CALL, Outcome.NO_CONSENT]


def test_who_no_longer_wants_to_be_called_is_not_tried_again() -> None:
    plan = Plan([row(0)], (), rules(), [], NOON)
    busy = call(plan, Result.BUSY, NOON)
    plan = Plan([row(0)], {row(0).number}, rules(), [busy], NOON + 9 * MINUTE)
    assert plan.next(NOON + 9 * MINUTE) == Over()
    assert plan.outcome(row(0)) is Outcome.DO_NOT_CALL


def test_who_asks_while_we_are_about_to_call_is_not_called() -> None:
    plan = Plan([row(0), row(1)], (), rules(slots=1), [], NOON)
    plan.unwanted(place(plan, NOON))
    assert plan.outcome(row(0)) is Outcome.DO_NOT_CALL and not plan.attempts(row(0).number)
    assert place(plan, NOON).number == row(1).number, "the place is free again"


def test_people_are_called_by_their_own_clock() -> None:
    office = CallingHours(9 * 60, 17 * 60)
    here, there = row(0, zone="Europe/Berlin"), row(1, zone="America/Los_Angeles")  # 14:00 and 05:00
    plan = Plan([there, here], (), rules(hours=office), [], NOON)
    assert place(plan, NOON).number == here.number
    assert plan.next(NOON) == Wait(NOON + 4 * 60 * MINUTE)


def test_who_waits_past_the_end_of_the_day_is_called_the_next_day() -> None:
    office = CallingHours(9 * 60, 13 * 60)
    plan = Plan([row(0), row(1)], (), rules(hours=office, slots=1), [], NOON)
    first = place(plan, NOON)
    plan.noted(ended(first, Result.ANSWERED, NOON + 90 * MINUTE))
    assert plan.next(NOON + 90 * MINUTE) == Wait(NOON + 21 * 60 * MINUTE)


def test_an_attempt_nobody_knows_the_end_of_keeps_its_number_from_being_called() -> None:
    lost = Attempt(row(0).number, 1, "desk", NOON - MINUTE)
    plan = Plan([row(0)], (), rules(), [lost], NOON)
    assert plan.unfinished() == [lost]
    assert plan.next(NOON) == Wait(None)
    assert plan.outcome(row(0)) is Outcome.UNDER_WAY
    plan.noted(ended(lost, Result.NEVER_PLACED, NOON))
    assert place(plan, NOON + 1).ordinal == 2


def test_an_order_that_never_reached_the_carrier_is_no_attempt() -> None:
    plan = Plan([row(0)], (), rules(attempts=1), [], NOON)
    call(plan, Result.NEVER_PLACED, NOON)
    call(plan, Result.BUSY, NOON + 1)
    assert plan.next(NOON + 99 * MINUTE) == Over()
    assert plan.outcome(row(0)) is Outcome.BUSY


def test_it_stops_when_too_many_calls_fail_and_waits_for_those_under_way() -> None:
    plan = Plan([row(n) for n in range(9)], (), rules(attempts=1), [], NOON)
    last = place(plan, NOON)
    for later, result in enumerate((Result.ANSWERED, Result.FAILED, Result.BUSY, Result.REFUSED), 1):
        call(plan, result, NOON + later)
    assert plan.next(NOON + 9) == Wait(None)
    plan.noted(ended(last, Result.ANSWERED, NOON + 9))
    over = plan.next(NOON + 9)
    assert isinstance(over, Over) and "2 of the last 4 calls failed" in over.stopped
    assert plan.outcomes()[Outcome.WAITING] == 4


def test_it_holds_where_the_carrier_or_the_server_takes_nothing() -> None:
    plan = Plan([row(0)], (), rules(), [], NOON)
    plan.hold(NOON + 5_000)
    assert plan.next(NOON) == Wait(NOON + 5_000)
    assert place(plan, NOON + 5_000)


def test_a_campaign_of_another_process_is_left_to_it() -> None:
    plan = Plan([row(0), row(1)], (), rules(), [], NOON)
    plan.taken(place(plan, NOON))
    over = plan.next(NOON)
    assert isinstance(over, Over) and "another process" in over.stopped


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_and_whenever_it_is_killed_outcomes_add_up_and_nobody_settled_is_called_again(
    seed: int,
) -> None:
    rng = random.Random(seed)
    rows = [row(n, consent=rng.random() < 0.9) for n in range(12)]
    unwanted = {one.number for one in rows if rng.random() < 0.1}
    chosen = rules(attempts=2, slots=3, pause_window=50)
    book: dict[tuple[str, int], Attempt] = {}
    now, plan, live = NOON, Plan(rows, unwanted, chosen, [], NOON), list[Attempt]()
    settled: set[str] = set()
    for _ in range(400):
        now += rng.choice([1, 1_000, 10 * MINUTE])
        if rng.random() < 0.05:  # killed: what was written is all there is
            plan = Plan(rows, unwanted, chosen, book.values(), now)
            live = plan.unfinished()
        step = plan.next(now)
        if isinstance(step, Place):
            assert step.row.consent and step.row.number not in unwanted | settled
            assert (step.attempt.number, step.attempt.ordinal) not in book
            book[step.attempt.number, step.attempt.ordinal] = step.attempt
            live.append(step.attempt)
        if live and rng.random() < 0.6:
            over = ended(live.pop(rng.randrange(len(live))), rng.choice(list(Result)), now)
            book[over.number, over.ordinal] = over
            plan.noted(over)
            if over.result in {Result.ANSWERED, Result.FAX, Result.REFUSED, Result.CANCELED}:
                settled.add(over.number)
        assert sum(plan.outcomes().values()) == len(rows) and len(live) <= 3
    tries = [a for a in book.values() if a.result != Result.NEVER_PLACED]
    assert all(sum(a.number == one.number for a in tries) <= 2 for one in rows)
