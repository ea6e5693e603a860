"""Where a caller goes when they leave the stream for a while, and what came of it. Pure.

A stream and a `<Dial>` cannot both have the caller. So whoever is given to a person, or asked for a message, leaves the
stream; the machine waits, and the carrier asks /twilio/next what follows. While a call has an `Onward`, that is what
follows; its result comes back as an event, and the call ends there or goes on with its memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

type Way = Literal["dial", "join", "queue", "voicemail"]


class OnwardResult(StrEnum):
    TALKED = "talked"  # a person had the call
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    DECLINED = "declined"
    FAILED = "failed"
    RECORDED = "recorded"  # a message was left
    EMPTY = "empty"  # ... or none


@dataclass(frozen=True, slots=True)
class Onward:
    """`dial` rings a target without asking it first, `join` meets in a conference the person who has accepted, `queue`
    waits for one of several people (a Twilio queue or a TaskRouter workflow), `voicemail` records a message.

    `target` is the name of a configured target, never a number. `attempt` is unique within the call and names the
    conference. `about` is what a person is told: reason, tried, promised, summary.
    """

    way: Way
    attempt: str
    target: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
