"""The price table as a page: what is shipped, and what is said of one with faults."""

from decimal import Decimal
from pathlib import Path

import pytest

from app.call.prices import Usage
from app.content.faults import ContentError
from app.prices import load_prices, read_prices
from app.settings import Settings

SHIPPED = Path(__file__).parent.parent / "deploy" / "prices.yaml"


def faults(text: str) -> list[str]:
    with pytest.raises(ContentError) as wrong:
        read_prices(text, "prices.yaml")
    return [str(fault) for fault in wrong.value.faults]


def test_the_shipped_table_is_the_default_and_knows_the_default_model() -> None:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert settings.prices == SHIPPED
    prices = load_prices(SHIPPED)
    where = f"{settings.aws_region}:{settings.nova_sonic_model_id}"
    assert prices.of(where, Usage(1_000_000, 1_000_000, 1_000_000, 1_000_000)) == Decimal("18.08")
    assert prices.carrier.of(60_000, 60_000) == Decimal("0.0125")
    assert (prices.dated, prices.currency) == ("2026-11-21", "USD")


def test_what_the_shipped_table_does_not_know_is_unknown() -> None:
    prices = load_prices(SHIPPED)
    assert prices.of("us-east-1:amazon.nova-2-5-sonic", Usage(speech_out=1)) is None
    assert prices.of("eu-north-1:amazon.nova-2-sonic-v1:0", Usage(speech_in=1)) is None


def test_a_fault_names_line_field_and_fix() -> None:
    text = (
        "dated: soon\nmodels:\n  m:\n    source: my bill\n    speech_in: -1\n    speach_out: 2\n  n:\n    text_in: 1\n"
    )
    date, negative, unknown, missing = faults(text)
    assert date.startswith("prices.yaml:1: dated: 'soon' does not fit")
    assert negative.startswith("prices.yaml:5: models.m.speech_in: -1 does not fit")
    assert unknown.startswith("prices.yaml:6: models.m.speach_out: is not known here")
    assert missing == "prices.yaml:7: models.n.source: is missing. Add a line `source: ...`"


def test_a_table_that_is_not_there_says_which_setting_names_it(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"none\.yaml: cannot be read .* Set PRICES to a price table"):
        load_prices(tmp_path / "none.yaml")
