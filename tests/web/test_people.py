"""The routes about people outside the stream: signed like all others, and about the attempt in their path."""

import pytest
from structlog.testing import capture_logs

from app.bridge.people import Attempt
from app.call.continuation import HangUpCall
from tests.web.house import CALL, FIELDS, Desk, open_house
from tests.web.test_twilio import verbs

ATTEMPT = f"{CALL}-1"
ROUTES = ("whisper", "accept", "wait", "recording", "person-status", "next")


@pytest.mark.parametrize("route", ROUTES)
async def test_a_forged_or_missing_signature_is_refused(route: str) -> None:
    desk = Desk()
    async with open_house(desk) as house:
        path = f"/twilio/{route}/{ATTEMPT}"
        with capture_logs():
            forged = await house.post(path, FIELDS, token="somebody else's")
            unsigned = await house.client.post(path, data=FIELDS)
        assert [forged.status_code, unsigned.status_code] == [403, 403]
        assert house.bad_signatures == 2
    assert desk.asked == []


async def test_what_follows_an_attempt_is_asked_with_its_name() -> None:
    desk = Desk(answer=HangUpCall())
    async with open_house(desk) as house:
        assert verbs(await house.post(f"/twilio/next/{ATTEMPT}", FIELDS | {"DialCallStatus": "busy"})) == ["Hangup"]
    ((_, asked),) = desk.asked
    assert (asked.attempt, asked.fields["DialCallStatus"]) == (ATTEMPT, "busy")


async def test_a_person_is_asked_and_who_presses_no_1_is_let_go() -> None:
    desk = Desk()
    async with open_house(desk) as house:
        gone = verbs(await house.post(f"/twilio/whisper/{ATTEMPT}", FIELDS))
        desk.people._attempts[ATTEMPT] = Attempt("dial", "+14155550123", "en-US", {"summary": "a flat tyre"})
        asked = await house.post(f"/twilio/whisper/{ATTEMPT}", FIELDS)
        declined = verbs(await house.post(f"/twilio/accept/{ATTEMPT}", FIELDS | {"Digits": "3"}))
        accepted = verbs(await house.post(f"/twilio/accept/{ATTEMPT}", FIELDS | {"Digits": "1"}))
    assert gone == ["Say", "Hangup"], "nobody knows of that attempt"
    assert verbs(asked) == ["Gather", "Hangup"] and "a flat tyre" in asked.text
    assert (declined, accepted) == (["Hangup"], [])


async def test_a_caller_in_a_queue_is_kept_company_and_leaves_when_it_takes_too_long() -> None:
    async with open_house(Desk()) as house:
        assert verbs(await house.post(f"/twilio/wait/{ATTEMPT}", FIELDS | {"QueueTime": "20"})) == ["Say", "Pause"]
        assert verbs(await house.post(f"/twilio/wait/{ATTEMPT}", FIELDS | {"QueueTime": "301"})) == ["Leave"]


@pytest.mark.parametrize("route", ["recording", "person-status"])
async def test_callbacks_are_acknowledged_without_a_body(route: str) -> None:
    async with open_house(Desk()) as house:
        response = await house.post(f"/twilio/{route}/{ATTEMPT}", FIELDS | {"CallStatus": "completed"})
    assert (response.status_code, response.content) == (204, b"")
