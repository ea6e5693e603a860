"""What a call costs: exact, running while it lasts, kept for whoever takes it up, and unknown where nobody knows."""

import json
from decimal import Decimal

from app.call import commands as c
from app.call import events as e
from app.call.machine import Call
from app.call.prices import Bill, CarrierPrices, Prices, Spent, TokenPrices, Usage
from app.call.setup import CallSetup
from tests.call.stage import Stage, setup

NOVA = "us-east-1:amazon.nova-2-sonic-v1:0"
TABLE = Prices(
    dated="2026-09-12",
    models={
        NOVA: TokenPrices(Decimal("0.003"), Decimal("0.012"), Decimal("0.00033"), Decimal("0.00275")),
        "half-known": TokenPrices(speech_in=Decimal("0.003")),
    },
    carrier=CarrierPrices(inbound=Decimal("0.0085"), outbound=Decimal("0.014"), stream=Decimal("0.004")),
)
HOUSE: CallSetup = setup(prices=TABLE)


def used(session: int, speech_in: int, where: str = NOVA) -> e.UsageReported:
    return e.UsageReported(session, speech_in, 0, 0, 0, where)


def test_tokens_are_paid_by_kind_to_the_last_digit() -> None:
    # One measured turn: 279 speech in, 900 text in, 118 speech out, 70 text out.
    assert TABLE.of(NOVA, Usage(279, 118, 900, 70)) == Decimal("0.0027425")


def test_a_model_named_without_a_region_has_one_price_everywhere() -> None:
    assert TABLE.of("eu-north-1:half-known", Usage(speech_in=2_000)) == Decimal("0.006")
    assert TABLE.of("half-known", Usage(speech_in=2_000)) == Decimal("0.006")


def test_what_has_no_price_costs_an_unknown_amount_and_never_nothing() -> None:
    assert TABLE.of("eu-north-1:half-known", Usage(speech_in=1, text_out=1)) is None
    assert TABLE.of("eu-north-1:amazon.nova-2-sonic-v1:0", Usage(speech_in=1)) is None
    assert Prices().carrier.of(1, 1) is None
    assert Prices().of(NOVA, Usage()) == 0
    assert Bill(Decimal(1), None).total is None


def test_the_carrier_is_paid_by_the_minute_begun() -> None:
    assert TABLE.carrier.of(0, 0) == 0
    assert TABLE.carrier.of(1, 1) == Decimal("0.0125")
    assert TABLE.carrier.of(60_000, 60_000) == Decimal("0.0125")
    assert TABLE.carrier.of(60_001, 1, "outbound") == 2 * Decimal("0.014") + Decimal("0.004")
    by_the_second = CarrierPrices(inbound=Decimal("0.06"), stream=Decimal(0), step_s=1)
    assert by_the_second.of(1_500, 1_500) == Decimal("0.002")


def test_one_place_without_a_price_leaves_the_bill_open() -> None:
    spent = Spent()
    spent.add(NOVA, Usage(speech_in=1_000))
    spent.add(NOVA, Usage(speech_in=1_000))
    assert spent.bill(TABLE, 1, 1) == Bill(Decimal("0.006"), Decimal("0.0125"))
    spent.add("us-west-2:new", Usage(text_in=1))
    assert spent.bill(TABLE, 1, 1).model is None
    assert spent.total == Usage(speech_in=2_000, text_in=1)


def test_a_call_tells_at_its_end_what_it_cost_each_of_its_sessions_counted() -> None:
    stage = Stage(Call(HOUSE))
    stage.attach_leg()
    stage.run(6_100)
    for session in (1, 7):  # the second is no longer, or not yet, the call's: it is paid for all the same
        stage.tell(used(session, 500))
    stage.tell(e.LegEnded(1, e.LegEnd.STOPPED))
    *_, spent, end = stage.commands()
    assert end == c.EndCall("caller_hung_up")
    assert spent == c.CallSpent(6_100, {NOVA: Usage(speech_in=1_000)}, Bill(Decimal("0.003"), Decimal("0.0125")))


def test_a_call_taken_up_goes_on_with_what_it_had_spent() -> None:
    stage = Stage(Call(HOUSE))
    stage.attach_leg()
    stage.tell(used(1, 500))
    stage.run(8_000)
    kept = json.loads(json.dumps(stage.call.snapshot()))
    taken_up = Stage(Call.resume(HOUSE, kept, 0, "moved"))
    taken_up.attach_leg()
    taken_up.tell(used(2, 500))
    taken_up.run(9_000)
    taken_up.tell(e.LegEnded(1, e.LegEnd.STOPPED))
    assert taken_up.commands(c.CallSpent) == [
        c.CallSpent(17_000, {NOVA: Usage(speech_in=1_000)}, Bill(Decimal("0.003"), Decimal("0.0125")))
    ]


def test_the_stream_is_not_paid_for_while_the_carrier_has_the_caller() -> None:
    call = Call(HOUSE)
    scene = call._scene
    scene.began, scene.now = 0, 200_000
    scene.departure.outside_ms = 100_000
    assert scene.bill.carrier == 4 * Decimal("0.0085") + 2 * Decimal("0.004")
