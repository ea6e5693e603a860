"""Twilio's machine detection, beside the call: how it is asked for, and what its words mean. Pure. (Async AMD)"""

from app.call.events import Answerer

# `DetectMessageEnd` waits for the end of a machine's greeting; who answered is told to the callback while the call
# goes on.
MODE = "DetectMessageEnd"
LIMIT_S = 30  # then it says `unknown`

# A silence or an unlike sound at the end of a greeting is no proof of a machine; the machine's side weighs it.
ANSWERERS = {
    "human": Answerer.PERSON,
    "machine_start": Answerer.MACHINE,
    "machine_end_beep": Answerer.BEEP,
    "machine_end_silence": Answerer.MACHINE,
    "machine_end_other": Answerer.MACHINE,
    "fax": Answerer.FAX,
}


def answerer(answered_by: str) -> Answerer:
    """What is not known is treated as a person."""
    return ANSWERERS.get(answered_by, Answerer.UNKNOWN)
