"""What became of a call that we placed. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from app.call.disposition import Disposition
from app.call.events import Answerer
from app.legs.placing import Placed


class Result(StrEnum):
    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    FAX = "fax"
    DO_NOT_CALL = "do_not_call"  # they answered, and asked never to be called again
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    NOT_SERVED = "not_served"  # somebody answered, and the server had no room
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


_BY_DISPOSITION: Mapping[str, Result] = {
    Disposition.VOICEMAIL: Result.VOICEMAIL,
    Disposition.VOICEMAIL_LEFT: Result.VOICEMAIL,
    Disposition.FAX: Result.FAX,
    Disposition.NOT_SERVED: Result.NOT_SERVED,
    Disposition.DO_NOT_CALL: Result.DO_NOT_CALL,
}


def result_of(call: Placed, disposition: str = "") -> Result | None:
    """None until it is over. `disposition`: the server's word, where it is known; it has heard who was there, and the
    carrier has only guessed."""
    if not call.over:
        return None
    if call.status in _BY_STATUS:
        return _BY_STATUS[call.status]
    if disposition:
        return _BY_DISPOSITION.get(disposition, Result.ANSWERED)
    return Result.ANSWERED if call.answered_by is None else _BY_ANSWERER.get(call.answered_by, Result.ANSWERED)
