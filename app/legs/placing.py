"""Calls that we place to people, for the sake of the call: what a carrier is asked, and what it answers.

That a call is placed twice is worse than that it is not placed: so a carrier says for sure that it did not take an
order (`NotPlaced`), or that nobody knows (`PerhapsPlaced`), and who does not know asks for the calls there were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from app.call.events import Answerer

type Status = Literal["queued", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"]
type Fault = Literal["callee", "account", "carrier"]  # that number; all our calls; neither: it may be tried again

OVER = {"completed", "busy", "no-answer", "failed", "canceled"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to be called (E.164) by which agent, what it is to know, and from which number of ours."""

    to: str
    agent: str
    caller_id: str
    given: Mapping[str, str] = field(default_factory=dict)
    ring_s: int = 30


@dataclass(frozen=True, slots=True)
class Placed:
    """A call as the carrier has it; who has answered, where it can tell (yet)."""

    sid: str
    status: str
    answered_by: Answerer | None
    seconds: int
    created_ms: int  # Unix, by the carrier's clock, to the second

    @property
    def over(self) -> bool:
        return self.status in OVER


class NotPlaced(Exception):
    """The carrier has surely not taken it. The text is one sentence with the fix, without a number."""

    def __init__(self, why: str, fault: Fault) -> None:
        super().__init__(why)
        self.fault = fault


class PerhapsPlaced(Exception):
    """The order went out, and no answer came."""


class Carrier(Protocol):
    """Blocks. `look` and `find` raise `CarrierAway` where they cannot be told now."""

    def place(self, wanted: Wanted) -> str:
        """The call's SID. Raises `NotPlaced` and `PerhapsPlaced`."""
        ...

    def look(self, sid: str) -> Placed: ...

    def find(self, to: str, caller_id: str) -> Sequence[Placed]:
        """The latest calls from us to that number."""
        ...


class CarrierAway(Exception):
    """It does not answer, or refuses to. The text is safe for a log."""
