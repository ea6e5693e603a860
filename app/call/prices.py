"""What a call costs, by a dated table of prices. Exact decimals, and never a guess: what has no price costs an unknown
amount (None), which is not nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Self

type TokenKind = Literal["speech_in", "speech_out", "text_in", "text_out"]
type Direction = Literal["inbound", "outbound"]

TOKEN_KINDS: tuple[TokenKind, ...] = ("speech_in", "speech_out", "text_in", "text_out")
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the model's own reports count them."""

    speech_in: int = 0
    speech_out: int = 0
    text_in: int = 0
    text_out: int = 0

    def __add__(self, other: Self) -> "Usage":
        return Usage(*(self.of(kind) + other.of(kind) for kind in TOKEN_KINDS))

    def of(self, kind: TokenKind) -> int:
        count: int = getattr(self, kind)
        return count

    @property
    def total(self) -> int:
        return sum(map(self.of, TOKEN_KINDS))


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """One model's, for 1,000 tokens of each kind; None where nobody knows."""

    speech_in: Decimal | None = None
    speech_out: Decimal | None = None
    text_in: Decimal | None = None
    text_out: Decimal | None = None

    def of(self, usage: Usage) -> Decimal | None:
        """None where tokens of a kind without a price were used."""
        parts = [_times(usage.of(kind), getattr(self, kind)) for kind in TOKEN_KINDS]
        return _sum(parts) / 1000 if None not in parts else None


@dataclass(frozen=True, slots=True)
class CarrierPrices:
    """For each minute of a call and of its media stream. `step_s` seconds are begun and then paid for whole."""

    inbound: Decimal | None = None
    outbound: Decimal | None = None
    stream: Decimal | None = None
    step_s: int = 60

    def of(self, call_ms: int, stream_ms: int, direction: Direction = "inbound") -> Decimal | None:
        """A person's leg, where the caller was given to one, is not in it."""
        minute = self.inbound if direction == "inbound" else self.outbound
        parts = [_times(self._paid_s(call_ms), minute), _times(self._paid_s(stream_ms), self.stream)]
        return _sum(parts) / 60 if None not in parts else None

    def _paid_s(self, ms: int) -> int:
        return -(-ms // (self.step_s * 1000)) * self.step_s


@dataclass(frozen=True, slots=True)
class Prices:
    """The whole table, in one currency. Models by `region:model`, or by the model's id alone where its price is the
    same everywhere. An empty table knows nothing."""

    dated: str = ""
    currency: str = "USD"
    models: Mapping[str, TokenPrices] = field(default_factory=dict)
    carrier: CarrierPrices = field(default_factory=CarrierPrices)

    def of(self, where: str, usage: Usage) -> Decimal | None:
        """What the tokens cost that were used `where` (`region:model`)."""
        prices = self.models.get(where) or self.models.get(where.partition(":")[2]) or TokenPrices()
        return prices.of(usage)


@dataclass(frozen=True, slots=True)
class Bill:
    """What one call has cost until now, each part None where it is not known."""

    model: Decimal | None
    carrier: Decimal | None

    @property
    def total(self) -> Decimal | None:
        return None if self.model is None or self.carrier is None else self.model + self.carrier

    @property
    def parts(self) -> dict[str, Decimal | None]:
        return {"model": self.model, "carrier": self.carrier, "total": self.total}


class Spent:
    """What a call has used until now, by the place that served it (`region:model`)."""

    def __init__(self) -> None:
        self.tokens: dict[str, Usage] = {}

    def add(self, where: str, usage: Usage) -> None:
        self.tokens[where] = self.tokens.get(where, Usage()) + usage

    @property
    def total(self) -> Usage:
        return sum(self.tokens.values(), Usage())

    def bill(self, prices: Prices, call_ms: int, stream_ms: int, direction: Direction = "inbound") -> Bill:
        parts = [prices.of(where, usage) for where, usage in self.tokens.items()]
        model = _sum(parts) if None not in parts else None
        return Bill(model, prices.carrier.of(call_ms, stream_ms, direction))


def _times(count: int, price: Decimal | None) -> Decimal | None:
    """Nothing used costs nothing, whatever its price may be."""
    if count == 0:
        return NOTHING
    return None if price is None else count * price


def _sum(parts: list[Decimal | None]) -> Decimal:
    return sum((part for part in parts if part is not None), NOTHING)
