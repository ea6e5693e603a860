"""Legs that hear one another: what each says is mixed for all the others, frame by frame, in mu-law at 20 ms.

Handsets have clocks of their own that tick in turn, so what one has said waits in a short queue for each who listens.
A leg that comes late finds its queue fuller afterwards and then never runs dry again, as in a jitter buffer.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

import audioop

LONGEST_QUEUE = 50  # frames, 1 s; what is older is thrown away


class Leg(Protocol):
    """Somebody with an ear and a mouth; told apart by identity."""

    @property
    def junction(self) -> "Junction | None": ...

    @junction.setter
    def junction(self, junction: "Junction | None") -> None: ...


@dataclass(slots=True)
class Seat:
    """A leg's place in a junction."""

    leg: Leg
    muted: bool = False  # hears the others, is not heard
    held: bool = False  # neither hears nor is heard
    coaches: Leg | None = None  # is heard by this one alone
    waiting: dict[int, deque[bytes]] = field(default_factory=dict)  # by who said it


class Junction:
    def __init__(self) -> None:
        self._seats: dict[int, Seat] = {}

    def join(self, leg: Leg) -> Seat:
        """From now on the leg hears the others and they it."""
        seat = self._seats[id(leg)] = Seat(leg)
        leg.junction = self
        return seat

    def leave(self, leg: Leg) -> None:
        """Without effect on a leg that is not here."""
        if self._seats.pop(id(leg), None) is not None:
            leg.junction = None
            for seat in self._seats.values():
                seat.waiting.pop(id(leg), None)

    def said(self, speaker: Leg, frame: bytes) -> None:
        """20 ms of the speaker's words, for all who may hear them."""
        own = self._seats[id(speaker)]
        if own.muted or own.held:
            return
        for key, seat in self._seats.items():
            if key != id(speaker) and (own.coaches is None or own.coaches is seat.leg):
                waiting = seat.waiting.setdefault(id(speaker), deque(maxlen=LONGEST_QUEUE))
                waiting.append(frame)

    def heard(self, listener: Leg, played: bytes) -> bytes:
        """20 ms of what the listener hears: what is played to it and all the others together."""
        seat = self._seats[id(listener)]
        frames = [waiting.popleft() for waiting in seat.waiting.values() if waiting]
        return mixed([played, *frames]) if frames and not seat.held else played


def mixed(frames: list[bytes]) -> bytes:
    """Frames of mu-law as one, cut off at full scale."""
    sound = audioop.ulaw2lin(frames[0], 2)
    for frame in frames[1:]:
        sound = audioop.add(sound, audioop.ulaw2lin(frame, 2), 2)
    return audioop.lin2ulaw(sound, 2)
