"""How a call ended, by name."""

from collections.abc import Mapping
from enum import StrEnum

from app.call.built_in import given


class Disposition(StrEnum):
    COMPLETED = "completed"  # the model ended it, all was said
    CALLER_REFUSED = "caller_refused"  # the model ended it: the caller wanted no more
    DO_NOT_CALL = "do_not_call"  # ... and whom we had called never wants to be called again
    WRONG_NUMBER = "wrong_number"
    ABUSE = "abuse"
    CALLER_HUNG_UP = "caller_hung_up"
    CALLER_SILENT = "caller_silent"  # nobody answered our "are you still there?"
    CALLER_LOST = "caller_lost"  # the line broke and did not come back in time
    TOO_LONG = "too_long"
    CAP_REACHED = "cap_reached"  # it had used up its minutes, tokens or money
    ORDERED = "ordered"  # an operator, a drain, a cap
    ENGINE_FAILED = "engine_failed"
    TRANSFERRED = "transferred"  # a person had the call
    MESSAGE_LEFT = "message_left"  # ... or its message, and the caller hung up
    VOICEMAIL = "voicemail"  # a machine answered our call: nothing was left
    VOICEMAIL_LEFT = "voicemail_left"  # ... our message was
    FAX = "fax"  # ... that only speaks to its like
    NOT_SERVED = "not_served"  # we placed it, and had no room for it when somebody answered
    NEVER_CONNECTED = "never_connected"  # the telephone call ended before a leg opened


# What the model may give as `reason` to `end_call`.
END_REASONS: Mapping[str, Disposition] = {
    "finished": Disposition.COMPLETED,
    "caller_refused": Disposition.CALLER_REFUSED,
    "do_not_call": Disposition.DO_NOT_CALL,
    "wrong_number": Disposition.WRONG_NUMBER,
    "abuse": Disposition.ABUSE,
}


def disposition_of(arguments: str, placed_by_us: bool) -> Disposition:
    """From the arguments of `end_call`, which are the model's and may be anything (even JSON text within JSON). Who
    has called us can only refuse: nobody has called them."""
    found = END_REASONS.get(end_reason(arguments), Disposition.COMPLETED)
    return Disposition.CALLER_REFUSED if found is Disposition.DO_NOT_CALL and not placed_by_us else found


def end_reason(arguments: str) -> str:
    """The reason where it is one we know, else "": nothing of the model's own wording passes."""
    reason = given(arguments).get("reason")
    return reason if isinstance(reason, str) and reason in END_REASONS else ""
