"""What became of a call that we placed. Pure."""

from enum import StrEnum

from app.call.events import Answerer
from app.legs.placing import Placed


class Result(StrEnum):
    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    FAX = "fax"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELED = "canceled"  # by somebody else, while it rang
    FAILED = "failed"  # the carrier could not connect it
    REFUSED = "refused"  # the carrier does not take the number
    NEVER_PLACED = "never_placed"  # recorded, and the order never reached the carrier


_BY_STATUS = {
    "busy": Result.BUSY,
    "no-answer": Result.NO_ANSWER,
    "canceled": Result.CANCELED,
    "failed": Result.FAILED,
}
_BY_ANSWERER = {
    Answerer.MACHINE: Result.VOICEMAIL,
    Answerer.BEEP: Result.VOICEMAIL,
    Answerer.FAX: Result.FAX,
}


def result_of(call: Placed) -> Result | None:
    """None until it is over."""
    if not call.over:
        return None
    if call.status in _BY_STATUS:
        return _BY_STATUS[call.status]
    return Result.ANSWERED if call.answered_by is None else _BY_ANSWERER.get(call.answered_by, Result.ANSWERED)
