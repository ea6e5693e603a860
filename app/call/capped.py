"""Which cap a call has reached, and how long it may go on then."""

from dataclasses import dataclass


@dataclass(slots=True)
class Capped:
    by: str = ""  # minutes, tokens or money; "" while none is
    until: int | None = None  # None: it is not wrapping up yet
