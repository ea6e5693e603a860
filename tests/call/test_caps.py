"""A call that has used up its money; what is not priced is not capped. (Other caps: tests/calls/cap_*.call.)"""

from decimal import Decimal

from app.call import commands as c
from app.call import events as e
from app.call.machine import Call
from app.call.prices import CarrierPrices, Prices, TokenPrices
from app.call.setup import Caps
from tests.call.stage import Stage, setup

CARRIER = CarrierPrices(inbound=Decimal("0.01"), stream=Decimal(0))
PRICED = Prices(models={"nova": TokenPrices(*[Decimal("0.01")] * 4)}, carrier=CARRIER)
CAPS = Caps(money=Decimal("0.03"), then="end")


def noted(prices: Prices) -> list[tuple[int, str]]:
    stage = Stage(Call(setup(prices=prices, caps=CAPS)))
    stage.attach_leg()
    stage.run(3_000)
    stage.tell(e.UsageReported(1, 1_900, 0, 0, 0, "nova"))  # 0.019, and the carrier's first minute 0.01
    stage.run(4_000)
    stage.tell(e.UsageReported(1, 100, 0, 0, 0, "nova"))
    stage.run(9_000)
    notes = [(done.at, done.command.detail) for done in stage.done if isinstance(done.command, c.Note)]
    return [note for note in notes if note[1] in {"money", "tokens", "minutes"}]


def test_the_call_ends_when_model_and_carrier_together_have_cost_its_money() -> None:
    assert noted(PRICED) == [(4_000, "money")]


def test_what_nobody_knows_the_price_of_is_not_capped() -> None:
    assert noted(Prices(carrier=CARRIER)) == []


def test_the_cap_is_found_again_by_the_process_that_takes_the_call_up() -> None:
    stage = Stage(Call(setup(prices=PRICED, caps=CAPS)))
    stage.attach_leg()
    stage.run(3_000)
    stage.tell(e.UsageReported(1, 2_000, 0, 0, 0, "nova"))
    snapshot = stage.call.snapshot()
    taken = Stage(Call.resume(setup(prices=PRICED, caps=CAPS), snapshot, 0, "another process"))
    taken.attach_leg()
    taken.run(3_000)
    ended = [done.command for done in taken.done if isinstance(done.command, c.EndCall)]
    assert ended == [c.EndCall("cap_reached")]
