"""The signed loop: it answers who can sign, and tells the desk nothing."""

from tests.web.house import Desk, open_house


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
