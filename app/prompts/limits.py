"""`limits:` of an agent: how long a call may last, and what one call and one day may use."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.call.allowance import DayCaps
from app.call.setup import Caps

type Place = tuple[str, ...]

MINUTE_MS = 60_000


class Ways(BaseModel):
    """What becomes of a call for which there is nothing left. `transfer` names the target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transfer: str = ""

    @model_validator(mode="after")
    def _somebody_to_transfer_to(self) -> Self:
        if (getattr(self, "then", "") == "transfer") != bool(self.transfer):
            raise ValueError("`then: transfer` needs a target, and a target needs it; Write both `then` and `transfer`")
        return self


class CallLimits(Ways):
    minutes: float | None = Field(default=None, gt=0, le=240)
    tokens: int | None = Field(default=None, ge=1)
    money: Decimal | None = Field(default=None, gt=0)  # in the currency of the price table
    then: Literal["wrap_up", "transfer", "end"] = "wrap_up"
    wrap_up_seconds: int = Field(default=45, ge=5, le=600)


class DayLimits(Ways):
    """Of all calls to this agent together, from midnight to midnight in the business's time zone."""

    calls: int | None = Field(default=None, ge=1)
    calls_per_caller: int | None = Field(default=None, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, ge=1)
    money: Decimal | None = Field(default=None, gt=0)
    then: Literal["refuse", "transfer"] = "refuse"


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    max_call_minutes: int = Field(default=60, ge=1, le=240)
    silence_seconds: float | None = Field(default=None, ge=3, le=120)  # then "are you still there?"
    silence_prompts: int | None = Field(default=None, ge=0, le=5)  # unanswered; then goodbye
    at_once: int | None = Field(default=None, ge=1)  # calls to this agent
    call: CallLimits = CallLimits()
    day: DayLimits = DayLimits()

    def caps(self) -> Caps:
        call = self.call
        return Caps(
            ms=None if call.minutes is None else round(call.minutes * MINUTE_MS),
            tokens=call.tokens,
            money=call.money,
            then=call.then,
            target=call.transfer,
            grace=call.wrap_up_seconds * 1000,
        )

    def day_caps(self) -> DayCaps:
        day = self.day
        return DayCaps(
            calls=day.calls,
            calls_per_caller=day.calls_per_caller,
            ms=None if day.minutes is None else round(day.minutes * MINUTE_MS),
            tokens=day.tokens,
            money=day.money,
            at_once=self.at_once,
            target=day.transfer,
        )

    def silence(self) -> dict[str, int]:
        """The waits of the machine that it changes."""
        seconds, prompts = self.silence_seconds, self.silence_prompts
        waits = {"silence_prompt": None if seconds is None else round(seconds * 1000), "silence_prompts": prompts}
        return {name: value for name, value in waits.items() if value is not None}

    @property
    def in_money(self) -> bool:
        """Whether anything is limited that only a price table can tell."""
        return self.call.money is not None or self.day.money is not None

    def unknown_targets(self, transfers: list[str]) -> Iterator[tuple[Place, str, str]]:
        """Where each stands, what is wrong, and the fix."""
        for part, target in (("call", self.call.transfer), ("day", self.day.transfer)):
            if target and target not in transfers:
                fix = f"Add `- {target}` under `transfers:`"
                yield ("limits", part, "transfer"), f"{target!r} is not among this agent's transfers", fix
