"""The price table: a dated page of YAML (setting PRICES) in which every figure names its source."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.call.prices import TOKEN_KINDS, CarrierPrices, Prices, TokenPrices
from app.content.faults import ContentError, Fault
from app.content.page import read_page, validated

LONGEST_BYTES = 100_000

type Price = Annotated[Decimal, Field(ge=0, le=1000, allow_inf_nan=False)]
type Source = Annotated[str, StringConstraints(min_length=3)]


class ModelEntry(BaseModel):
    """Prices of 1,000 tokens. One that nobody knows is left out."""

    model_config = ConfigDict(extra="forbid")

    source: Source
    speech_in: Price | None = None
    speech_out: Price | None = None
    text_in: Price | None = None
    text_out: Price | None = None


class CarrierEntry(BaseModel):
    """Prices of a minute; `step_s`: seconds that are paid for whole once they are begun."""

    model_config = ConfigDict(extra="forbid")

    source: Source
    inbound: Price | None = None
    outbound: Price | None = None
    stream: Price | None = None
    step_s: int = Field(60, ge=1, le=3600)


class PricesPage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dated: date
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = "USD"
    models: Mapping[str, ModelEntry] = {}
    carrier: CarrierEntry | None = None


def read_prices(text: str, file: str) -> Prices:
    """Raises `ContentError`: file, line and fix of each fault."""
    page = validated(PricesPage, read_page(text, file))
    carrier = page.carrier
    return Prices(
        dated=page.dated.isoformat(),
        currency=page.currency,
        models={
            where: TokenPrices(**{kind: getattr(entry, kind) for kind in TOKEN_KINDS})
            for where, entry in page.models.items()
        },
        carrier=CarrierPrices()
        if carrier is None
        else CarrierPrices(carrier.inbound, carrier.outbound, carrier.stream, carrier.step_s),
    )


def load_prices(path: Path) -> Prices:
    """Blocks on a file. Raises `ContentError`."""
    try:
        with path.open(encoding="utf-8") as file:
            return read_prices(file.read(LONGEST_BYTES), str(path))
    except UnicodeDecodeError:
        raise ContentError([Fault(str(path), 0, "", "is not text in UTF-8", "Save it again as UTF-8")]) from None
    except OSError as error:
        fix = "Set PRICES to a price table, or leave it out for the one that is shipped"
        raise ContentError([Fault(str(path), 0, "", f"cannot be read ({error.strerror})", fix)]) from None
