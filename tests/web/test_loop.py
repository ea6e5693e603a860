"""The signed loop: it answers who can sign, and tells the desk nothing."""

from structlog.testing import capture_logs

from app.legs.twilio.signature import WRONG_ON_PURPOSE, signature
from tests.web.house import PUBLIC, TOKEN, Desk, open_house


async def test_a_nonce_comes_back_to_whoever_signs() -> None:
    desk = Desk()
    async with open_house(desk) as house:
        answer = await house.post("/twilio/loop", {"Nonce": "abc123"})
        assert answer.status_code == 200 and answer.json()["nonce"] == "abc123"
        assert (await house.post("/twilio/loop", {"Nonce": "abc123"}, token="another")).status_code == 403
        assert house.bad_signatures == 1
        for nonce in ("", "<script>", "x" * 65):
            assert (await house.post("/twilio/loop", {"Nonce": nonce})).status_code == 400
        assert (await house.client.get("/twilio/loop")).status_code == 405
    assert not desk.asked and not desk.reports


async def test_a_signature_that_is_wrong_on_purpose_is_refused_without_an_alarm_and_only_here() -> None:
    desk = Desk()
    async with open_house(desk) as house:

        async def status(path: str, fields: dict[str, str], token: str = TOKEN) -> int:
            wrong = signature(token, PUBLIC + path, [*fields.items(), WRONG_ON_PURPOSE])
            return (await house.post(path, fields, **{"X-Twilio-Signature": wrong})).status_code

        with capture_logs() as logs:
            assert await status("/twilio/loop", {"Nonce": "abc123"}) == 403
        assert (logs, house.bad_signatures) == ([], 0)
        assert await status("/twilio/loop", {"Nonce": "abc123"}, token="another") == 403
        assert await status("/twilio/voice", {"CallSid": "CA1"}) == 403
        assert house.bad_signatures == 2
    assert not desk.asked
