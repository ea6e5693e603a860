"""Where a caller goes when they leave the stream for a while, and what came of it. Pure.

A stream and a `<Dial>` cannot both have the caller. So whoever is given to a person, or asked for a message, leaves the
stream; the machine waits, and the carrier asks /twilio/next what follows. While a call has an `Onward`, that is what
follows; its result comes back as an event, and the call ends there or goes on with its memory.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, get_args

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

    `target` is the name of a configured target, never a number. `attempt` is unique among all calls, names the call it
    belongs to (`call_of`) and the conference. `about` is what a person is told: reason, tried, promised, summary.
    """

    way: Way
    attempt: str
    target: str = ""
    about: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Onward":
        """Raises KeyError, TypeError or ValueError for what is none."""
        about = dict(document["about"])
        way, texts = document["way"], [document["attempt"], document["target"], *about, *about.values()]
        if way not in get_args(Way.__value__) or not all(isinstance(text, str) for text in texts):
            raise ValueError("not a way out of a stream")
        return cls(way, document["attempt"], document["target"], about)


@dataclass(frozen=True, slots=True)
class Destination:
    """A configured target as the carrier needs it. `to` is an E.164 number, a SIP address, a queue's name or a
    workflow's SID, by `kind`. `warm`: told about the caller first, and asked whether they take the call."""

    kind: Literal["number", "sip", "queue", "workflow"]
    to: str
    caller_id: str = ""  # a number you own; empty: the one that was called
    ring_s: int = 25
    warm: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)  # of a TaskRouter task


def attempt_name(call_sid: str, number: int) -> str:
    return f"{call_sid}-{number}"


def call_of(attempt: str) -> str:
    """The CallSid of the caller an attempt was made for."""
    return attempt.rpartition("-")[0]


# --- the carrier's word -----------------------------------------------------------------------------------------------

_DIAL_ENDS: Mapping[str, OnwardResult] = {
    "completed": OnwardResult.TALKED,
    "answered": OnwardResult.TALKED,  # a conference was joined
    "busy": OnwardResult.BUSY,
    "no-answer": OnwardResult.NO_ANSWER,
    "canceled": OnwardResult.NO_ANSWER,
}
_QUEUE_ENDS: Mapping[str, OnwardResult] = {
    "bridged": OnwardResult.TALKED,
    "bridging-in-process": OnwardResult.TALKED,
    "redirected": OnwardResult.TALKED,  # taken out of the queue to a person's conference
    "redirected-from-bridged": OnwardResult.TALKED,
    "leave": OnwardResult.NO_ANSWER,
    "hangup": OnwardResult.NO_ANSWER,
    "queue-full": OnwardResult.BUSY,
}


def result_of(way: Way, fields: Mapping[str, str]) -> OnwardResult:
    """What the fields of a verb's `action` say came of it."""
    if way == "voicemail":
        return OnwardResult.RECORDED if was_recorded(fields) else OnwardResult.EMPTY
    if way == "queue":
        return _QUEUE_ENDS.get(fields.get("QueueResult", ""), OnwardResult.FAILED)
    result = _DIAL_ENDS.get(fields.get("DialCallStatus", ""), OnwardResult.FAILED)
    # Who declines after a whisper has answered all the same: only this field tells.
    if result is OnwardResult.TALKED and fields.get("DialBridged") == "false":
        return OnwardResult.DECLINED
    return result


def was_recorded(fields: Mapping[str, str]) -> bool:
    return bool(fields.get("RecordingUrl")) and fields.get("RecordingDuration", "") != "0"


_RING_ENDS: Mapping[str, OnwardResult] = {
    "busy": OnwardResult.BUSY,
    "no-answer": OnwardResult.NO_ANSWER,
    "canceled": OnwardResult.NO_ANSWER,
    "failed": OnwardResult.FAILED,
    "completed": OnwardResult.DECLINED,  # answered, and never accepted: declined, or a machine
}


def refusal_of(call_status: str) -> OnwardResult | None:
    """What the end of a call to a person who has not accepted means; None while it has not ended."""
    return _RING_ENDS.get(call_status)
