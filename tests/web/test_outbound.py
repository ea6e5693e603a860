"""The routes of calls that we place: signed, and opened only with what we sealed ourselves."""

import time

from structlog.testing import capture_logs

from app.call.events import Answerer
from app.cli.call_campaign import AskedServer
from app.legs.twilio.orders import Order, seal, seal_name
from tests.web.house import CALL, Desk, open_house
from tests.web.test_twilio import verbs

US, THEM = "+18005551212", "+14158675310"
FIELDS = {"CallSid": CALL, "From": US, "To": THEM, "CallStatus": "in-progress", "Direction": "outbound-api"}
SECRET = "sealed with this"


def address(to: str = THEM, secret: str = SECRET) -> str:
    return "/twilio/outbound/" + seal(secret, Order(to, "desk", {"name": "Anna"}), int(time.time()))


async def test_the_agent_and_its_facts_come_out_of_the_address_and_the_callee_is_the_caller() -> None:
    desk = Desk()
    async with open_house(desk, order_secret=SECRET) as house:
        with capture_logs() as logs:
            answer = await house.post(address(), FIELDS)
    assert verbs(answer) == ["Connect", "Redirect"]
    ((kind, asked),) = desk.asked
    assert (kind, asked.agent, asked.given) == ("placed", "desk", {"name": "Anna"})
    assert (asked.caller, asked.called) == (THEM, US)
    assert logs[0]["route"] == "/twilio/outbound", "no log holds what is sealed"


async def test_an_order_for_somebody_else_or_sealed_by_somebody_else_is_hung_up() -> None:
    desk = Desk()
    async with open_house(desk, order_secret=SECRET) as house:
        for path in (address(to="+14155550199"), address(secret="another"), "/twilio/outbound/nonsense"):
            assert verbs(await house.post(path, FIELDS)) == ["Hangup"]
        forged = await house.post(address(), FIELDS, token="somebody else's")
    assert desk.asked == [] and forged.status_code == 403


async def test_a_house_without_a_secret_has_no_such_route() -> None:
    async with open_house(Desk()) as house:
        assert (await house.post(address(), FIELDS)).status_code == 404


async def test_the_carrier_s_verdict_reaches_the_desk_in_our_words() -> None:
    desk = Desk()
    async with open_house(desk, order_secret=SECRET) as house:
        for said in ("human", "machine_end_beep", "machine_end_silence", "fax", "unknown", "something new"):
            told = await house.post("/twilio/amd", FIELDS | {"AnsweredBy": said})
            assert (told.status_code, told.content) == (204, b"")
        forged = await house.post("/twilio/amd", FIELDS | {"AnsweredBy": "fax"}, token="somebody else's")
    told_by = [Answerer.PERSON, Answerer.BEEP, Answerer.MACHINE, Answerer.FAX, Answerer.UNKNOWN, Answerer.UNKNOWN]
    assert [report[1:] for report in desk.reports] == [(by,) for by in told_by]
    assert forged.status_code == 403


async def test_how_a_call_ended_is_told_to_whoever_shares_the_secret() -> None:
    async with open_house(Desk(), order_secret=SECRET) as house:
        sealed = seal_name(SECRET, CALL, int(time.time()))
        told = await house.client.get(f"/outbound/ended/{sealed}")
        old = await house.client.get(f"/outbound/ended/{seal_name(SECRET, CALL, int(time.time()) - 90)}")
        forged = await house.client.get(f"/outbound/ended/{seal_name('another', CALL, int(time.time()))}")
        order = await house.client.get(f"/outbound/ended/{address().rpartition('/')[2]}")
    assert told.json() == {"call": CALL, "disposition": "completed"}
    assert [old.status_code, forged.status_code, order.status_code] == [403, 403, 403]


async def test_whoever_places_calls_finds_out_whether_the_server_can_open_them() -> None:
    async with open_house(Desk(), order_secret=SECRET) as house, open_house(Desk()) as without:
        asked = [(house.port, SECRET, False), (house.port, "another", True), (without.port, SECRET, True)]
        for port, secret, is_stranger in asked:
            async with AskedServer(f"http://127.0.0.1:{port}", secret) as server:
                assert await server.is_stranger() is is_stranger
        async with AskedServer(f"http://127.0.0.1:{house.port}", SECRET) as server:
            assert await server.room() == ""
            assert await server.disposition(CALL) == "completed"
    async with AskedServer(f"http://127.0.0.1:{house.port}", SECRET) as server:
        assert not await server.is_stranger()
        assert "does not answer" in await server.room()
