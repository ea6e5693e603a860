"""Twilio's webhooks, posted to the real server and signed by Twilio's own library."""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import httpx
import pytest
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from app.bridge.incoming import Incoming
from app.call.continuation import Answer, HangUpCall, SpeakAndHangUp
from app.web.twilio import masked
from tests.web.house import CALL, FIELDS, PUBLIC, TOKEN, Desk, House, open_house

FORM = "application/x-www-form-urlencoded"


def verbs(response: httpx.Response) -> list[str]:
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/xml")
    return [verb.tag for verb in ET.fromstring(response.text)]


async def test_a_call_is_answered_with_a_stream_and_what_follows_it() -> None:
    desk = Desk()
    async with open_house(desk) as house:
        response = await house.post("/twilio/voice", FIELDS)
    assert verbs(response) == ["Connect", "Redirect"]
    assert "wss://bot.example.com/twilio/media" in response.text
    assert '<Parameter name="token" value="good" />' in response.text
    assert desk.asked == [("voice", Incoming(CALL, "+14158675310", "+18005551212", "ringing", "", FIELDS))]


async def test_each_route_asks_the_desk_its_own_question() -> None:
    desk = Desk(answer=HangUpCall())
    async with open_house(desk) as house:
        assert verbs(await house.post("/twilio/next", FIELDS)) == ["Hangup"]
        assert verbs(await house.post("/twilio/fallback", FIELDS | {"ErrorCode": "11200"})) == ["Say", "Hangup"]
    assert [route for route, _ in desk.asked] == ["next", "fallback"]


async def test_status_callbacks_are_noted_and_acknowledged_without_a_body() -> None:
    desk = Desk()
    stream = {"CallSid": CALL, "StreamSid": "MZ1", "StreamEvent": "stream-error", "StreamError": "Stream - Close"}
    async with open_house(desk) as house:
        with capture_logs():
            responses = [
                await house.post("/twilio/status", FIELDS | {"CallStatus": "completed", "CallDuration": "7"}),
                await house.post("/twilio/stream-status", stream),
                await house.post("/twilio/stream-status", {"CallSid": CALL, "StreamEvent": "stream-started"}),
            ]
    assert [(r.status_code, r.content) for r in responses] == [(204, b"")] * 3
    assert desk.reports == [
        (CALL, "completed"),
        (CALL, "MZ1", "stream-error", "Stream - Close"),
        (CALL, "", "stream-started", ""),
    ]


async def test_unexpected_fields_blanks_and_other_alphabets_are_fine() -> None:
    desk = Desk()
    fields = FIELDS | {"Novel": "1", "FromCity": "", "CallerName": "Zoë & Söhne +1", "CallToken": '{"a":"b%20"}'}
    async with open_house(desk) as house:
        assert verbs(await house.post("/twilio/voice", fields, **{"i-twilio-idempotency-token": "x", "cookie": "a=b"}))
    assert desk.asked[0][1].fields == fields


@pytest.mark.parametrize(
    "path", ["/twilio/voice", "/twilio/next", "/twilio/fallback", "/twilio/status", "/twilio/stream-status"]
)
async def test_a_forged_or_missing_signature_is_refused_and_counted(path: str) -> None:
    desk = Desk()
    async with open_house(desk) as house:
        with capture_logs():
            forged = await house.post(path, FIELDS, token="somebody else's")
            unsigned = await house.client.post(path, data=FIELDS)
        assert [forged.status_code, unsigned.status_code] == [403, 403]
        assert house.bad_signatures == 2
    assert (desk.asked, desk.reports) == ([], [])


async def test_a_signature_replayed_with_a_changed_field_or_route_is_refused() -> None:
    signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}/twilio/voice", FIELDS)
    headers = {"X-Twilio-Signature": signature}
    async with open_house(Desk()) as house:
        with capture_logs():
            for path, fields in (
                ("/twilio/voice", FIELDS | {"From": "+14150000000"}),
                ("/twilio/voice", FIELDS | {"Extra": "1"}),
                ("/twilio/voice?x=1", FIELDS),
                ("/twilio/next", FIELDS),
            ):
                assert (await house.client.post(path, data=fields, headers=headers)).status_code == 403
        assert (await house.client.post("/twilio/voice", data=FIELDS, headers=headers)).status_code == 200


async def test_what_the_headers_say_of_the_address_does_not_matter() -> None:
    forwarded = {"Host": "evil.com", "X-Forwarded-Host": "evil.com", "X-Forwarded-Proto": "http"}
    over_evil = RequestValidator(TOKEN).compute_signature("http://evil.com/twilio/voice", FIELDS)
    async with open_house(Desk()) as house:
        assert verbs(await house.post("/twilio/voice", FIELDS, **forwarded))
        with capture_logs():
            headers = forwarded | {"X-Twilio-Signature": over_evil}
            assert (await house.client.post("/twilio/voice", data=FIELDS, headers=headers)).status_code == 403


async def test_every_token_of_a_rotation_is_good() -> None:
    async with open_house(Desk(), tokens=("new", "old")) as house:
        for token in ("new", "old"):
            assert (await house.post("/twilio/voice", FIELDS, token=token)).status_code == 200


async def test_without_tokens_nothing_is_genuine() -> None:
    async with open_house(Desk(), tokens=()) as house:
        with capture_logs():
            assert (await house.post("/twilio/voice", FIELDS, token="")).status_code == 403


async def test_a_query_is_signed_as_it_was_written_and_its_fields_are_read() -> None:
    desk = Desk()
    async with open_house(desk) as house:
        assert (await house.post("/twilio/voice?line=b%2Fc&blank=", FIELDS)).status_code == 200
    assert desk.asked[0][1].fields == FIELDS | {"line": "b/c", "blank": ""}


async def test_a_webhook_by_get_carries_its_fields_in_the_query() -> None:
    desk = Desk()
    path = f"/twilio/voice?CallSid={CALL}&From=%2B14158675310&ToZip="
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, {})
    async with open_house(desk) as house:
        assert verbs(await house.client.get(path, headers={"X-Twilio-Signature": signature}))
    assert desk.asked[0][1].caller == "+14158675310"


async def test_a_json_body_is_checked_by_its_hash() -> None:
    body = json.dumps({"CallSid": CALL}).encode()
    path = f"/twilio/status?CallSid={CALL}&bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, {})
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/json"}
    async with open_house(Desk()) as house:
        assert (await house.client.post(path, content=body, headers=headers)).status_code == 204
        with capture_logs():
            assert (await house.client.post(path, content=body + b" ", headers=headers)).status_code == 403


@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/next", "/twilio/status", "/twilio/stream-status"])
async def test_a_missing_callsid_is_named(path: str) -> None:
    async with open_house(Desk()) as house:
        with capture_logs():
            for fields in ({"From": "+14158675310"}, {"CallSid": ""}):
                response = await house.post(path, fields)
                assert (response.status_code, response.text) == (400, "CallSid is missing\n")


async def test_a_body_beyond_any_webhook_is_refused() -> None:
    async with open_house(Desk()) as house:
        with capture_logs():
            assert (await house.post("/twilio/voice", FIELDS | {"x": "y" * 70_000})).status_code == 413
            many = FIELDS | {str(n): "" for n in range(600)}
            assert (await house.post("/twilio/voice", many)).status_code == 400


@dataclass
class FailingDesk(Desk):
    """A desk in trouble: it raises, or thinks for ever; `deaf` says whether its fallback does so too."""

    slow: bool = False
    deaf: bool = False

    async def answer_call(self, incoming: Incoming) -> Answer:
        return await self._fail()

    async def fall_back(self, incoming: Incoming) -> Answer:
        return await self._fail() if self.deaf else await super().fall_back(incoming)

    def call_reported(self, call_sid: str, status: str) -> None:
        raise RuntimeError("a bug")

    async def _fail(self) -> Answer:
        if self.slow:
            await asyncio.Event().wait()
        raise RuntimeError("a bug")


async def said(house: House) -> str:
    with capture_logs() as logs:
        response = await house.post("/twilio/voice", FIELDS)
    assert verbs(response) == ["Say", "Hangup"]
    assert [entry["call"] for entry in logs if entry["log_level"] == "error"]
    assert "+14158675310" not in str(logs)
    return ET.fromstring(response.text)[0].text or ""


@pytest.mark.parametrize("slow", [False, True], ids=["raises", "hangs"])
async def test_whatever_fails_behind_the_door_the_caller_hears_a_sentence(slow: bool) -> None:
    async with open_house(FailingDesk(slow=slow), answer_within_s=0.05) as house:
        assert await said(house) == "One moment, please."
    async with open_house(FailingDesk(slow=slow, deaf=True), answer_within_s=0.05) as house:
        assert "sorry" in await said(house)


async def test_a_status_callback_that_fails_is_acknowledged_all_the_same() -> None:
    async with open_house(FailingDesk()) as house:
        with capture_logs() as logs:
            assert (await house.post("/twilio/status", FIELDS)).status_code == 204
    assert [entry["log_level"] for entry in logs] == ["error"]


async def test_a_repeated_webhook_gets_the_same_answer() -> None:
    async with open_house(Desk(answer=SpeakAndHangUp("Busy."))) as house:
        first, again = [await house.post("/twilio/voice", FIELDS) for _ in range(2)]
    assert first.content == again.content
    assert "set-cookie" not in first.headers


async def test_no_log_line_holds_a_whole_number() -> None:
    async with open_house(Desk()) as house:
        with capture_logs() as logs:
            await house.post("/twilio/voice", FIELDS)
            await house.post("/twilio/voice", FIELDS, token="forged")
    assert len(logs) == 2
    assert "4158675310" not in str(logs) and "8005551212" not in str(logs)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+14158675310", "...10"),
        ("anonymous", "(not a number)"),
        ("sip:bob@x", "(not a number)"),
        ("", "(not a number)"),
    ],
)
def test_of_a_number_only_its_end_is_written(number: str, written: str) -> None:
    assert masked(number) == written
