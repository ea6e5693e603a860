"""Whether the caller is on the way out of the stream: to whom, how far, and what they are told when they come back."""

from enum import StrEnum

from app.call.commands import Command, StopRinging
from app.call.onward import Onward, attempt_name

LAST_WORD_MS = 5_000  # after the end of the telephone call: what became of it may be told later than that it is over


class Stage(StrEnum):
    HERE = "here"  # in the stream, with the model
    FAREWELL = "farewell"  # a last line is heard, then the leg is hung up
    HOLDING = "holding"  # a person is rung, the caller hears a hold line
    OUT = "out"  # the carrier has the caller


class Departure:
    def __init__(self, call_sid: str) -> None:
        self._call_sid = call_sid
        self.attempts = 0
        self.stage = Stage.HERE
        self.onward: Onward | None = None  # where to, while the stage is not HERE
        self.since = 0
        self.met = False  # a person has answered
        self.over_at: int | None = None  # the telephone call is over, what became of the caller is not told yet
        self.outside_ms = 0  # how long the carrier has had the caller until now
        self.hold_at: int | None = None  # when the hold line comes again
        self.welcome = ""  # the phrase that receives a caller who comes back

    @property
    def under_way(self) -> bool:
        return self.stage is not Stage.HERE

    @property
    def outside(self) -> Onward | None:
        """Where the caller is, or goes as soon as the carrier asks."""
        return self.onward if self.stage is Stage.OUT else None

    @property
    def lost_if_resumed(self) -> Onward | None:
        """What another process could not go on with."""
        return self.onward if self.stage is Stage.HOLDING else None

    def next_attempt(self) -> str:
        self.attempts += 1
        return attempt_name(self._call_sid, self.attempts)

    def begin(self, stage: Stage, onward: Onward, now: int) -> None:
        self.stage, self.onward, self.since = stage, onward, now
        self.met, self.over_at, self.hold_at = False, None, None

    def go(self, now: int) -> None:
        self.stage, self.since = Stage.OUT, now

    def come_back(self, now: int) -> Onward | None:
        """The caller is ours again; where they were."""
        onward, self.onward = self.onward, None
        if self.stage is Stage.OUT:
            self.outside_ms += now - self.since
        self.stage, self.hold_at = Stage.HERE, None
        return onward

    def outside_until(self, now: int) -> int:
        """ms that the carrier has had the caller."""
        return self.outside_ms + (now - self.since if self.stage is Stage.OUT else 0)

    def give_up(self) -> list[Command]:
        """The call ends. Whoever is rung, or waits in a conference, must not wait for nobody."""
        stage, onward = self.stage, self.onward
        self.stage, self.onward = Stage.HERE, None
        rung = onward is not None and onward.way == "join" and stage in (Stage.HOLDING, Stage.OUT)
        return [StopRinging(onward.attempt)] if rung and onward is not None else []

    def meets(self, attempt: str) -> bool:
        """Is this word about the present attempt?"""
        return self.onward is not None and self.onward.attempt == attempt

    def take_welcome(self) -> str:
        welcome, self.welcome = self.welcome, ""
        return welcome
