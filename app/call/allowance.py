"""What all calls to one agent may use in a day, and whether any of it is left. Pure."""

from dataclasses import dataclass
from decimal import Decimal

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class DayCaps:
    """None: as much as they like. `target` is who gets the callers for whom nothing is left; "": they are refused."""

    calls: int | None = None
    calls_per_caller: int | None = None
    ms: int | None = None
    tokens: int | None = None
    money: Decimal | None = None  # in the price table's currency
    at_once: int | None = None
    target: str = ""

    @property
    def any(self) -> bool:
        limits = (self.calls, self.calls_per_caller, self.ms, self.tokens, self.money, self.at_once)
        return any(limit is not None for limit in limits)


@dataclass(frozen=True, slots=True)
class Day:
    """One agent's, by its date in the business's time zone."""

    agent: str
    date: str
    caps: DayCaps

    @property
    def name(self) -> str:
        return f"{self.agent}:{self.date}"


@dataclass(frozen=True, slots=True)
class DayUse:
    """Until now. Tokens and the model's money as they are reported, minutes and the carrier's money of ended calls.
    What has no price counts nothing here."""

    calls: int = 0
    ms: int = 0
    tokens: int = 0
    micros: int = 0  # money, in millionths

    def __add__(self, other: "DayUse") -> "DayUse":
        return DayUse(
            self.calls + other.calls, self.ms + other.ms, self.tokens + other.tokens, self.micros + other.micros
        )


def used_up(caps: DayCaps, use: DayUse) -> str:
    """Which cap leaves no room for one more call; "" where there is room."""
    limits = {
        "calls": (use.calls, caps.calls),
        "minutes": (use.ms, caps.ms),
        "tokens": (use.tokens, caps.tokens),
        "money": (use.micros, None if caps.money is None else caps.money * MICROS),
    }
    return next((name for name, (used, limit) in limits.items() if limit is not None and used >= limit), "")
