"""What a call's end means: by the carrier's status, and by the server's word where there is one."""

import pytest

from app.call.events import Answerer
from app.campaign.results import Result, result_of
from app.legs.placing import Placed, Status


def placed(status: Status, by: Answerer | None = None) -> Placed:
    return Placed("CA1", status, by, 9, 0)


@pytest.mark.parametrize(
    ("status", "by", "disposition", "result"),
    [
        ("ringing", None, "", None),
        ("in-progress", Answerer.BEEP, "", None),
        ("busy", None, "", Result.BUSY),
        ("no-answer", None, "", Result.NO_ANSWER),
        ("failed", None, "", Result.FAILED),
        ("canceled", None, "", Result.CANCELED),
        ("completed", None, "", Result.ANSWERED),
        ("completed", Answerer.PERSON, "", Result.ANSWERED),
        ("completed", Answerer.UNKNOWN, "", Result.ANSWERED),
        ("completed", Answerer.BEEP, "", Result.VOICEMAIL),
        ("completed", Answerer.MACHINE, "", Result.VOICEMAIL),
        ("completed", Answerer.FAX, "", Result.FAX),
        ("completed", Answerer.BEEP, "caller_hung_up", Result.ANSWERED),  # a person who was taken for a machine
        ("completed", None, "voicemail_left", Result.VOICEMAIL),
        ("completed", Answerer.PERSON, "not_served", Result.NOT_SERVED),
        ("completed", Answerer.PERSON, "do_not_call", Result.DO_NOT_CALL),
    ],
)
def test_a_status_and_a_word_make_a_result(
    status: Status, by: Answerer | None, disposition: str, result: Result | None
) -> None:
    assert result_of(placed(status, by), disposition) is result
