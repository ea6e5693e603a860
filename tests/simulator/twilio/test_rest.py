"""The REST subset, judged by Twilio's own client, which knows nothing of us."""

import asyncio

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from tests.simulator.twilio.bot import Socket, stream_twiml
from tests.simulator.twilio.office import ACCOUNT, OURS, ROOT, THEIRS, Office

# Calls.


async def test_a_call_is_queued_then_reports_its_progress_and_ends(office: Office) -> None:
    bot = office.bot
    bot.page("/voice", "<Say>hello</Say>")
    events = ["initiated", "ringing", "answered", "completed"]
    call = await office.call(url=bot.url("/voice"), status_callback=bot.url("/status"), status_callback_event=events)
    assert (call.status, call.direction, call.from_formatted) == ("queued", "outbound-api", "(503) 555-0199")
    await office.over(call.sid)
    told = [(asked.fields["SequenceNumber"], asked.fields["CallStatus"]) for asked in bot.of("/status")]
    assert told == [("0", "initiated"), ("1", "ringing"), ("2", "in-progress"), ("3", "completed")]
    assert bot.of("/voice")[0].fields["CallStatus"] == "in-progress"
    last = bot.of("/status")[-1]
    assert last.fields["SipResponseCode"] == "200" and int(last.fields["CallDuration"]) >= 1
    judge = RequestValidator(ACCOUNT.token)
    assert all(judge.validate(bot.url(a.path), a.fields, a.headers["x-twilio-signature"]) for a in bot.asked)
    fetched = await office.ask(lambda c: c.calls(call.sid).fetch())
    assert fetched.status == "completed" and int(fetched.duration) >= 1 and fetched.end_time is not None


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed"])
async def test_a_call_nobody_takes_reports_why(office: Office, status: str) -> None:
    async with httpx.AsyncClient() as http:
        await http.post(f"{office.url}/simulator/people", json={"number": THEIRS, "status": status, "ring_ms": 300})
    call = await office.call(url=office.bot.url("/voice"), status_callback=office.bot.url("/status"))
    await office.over(call.sid)
    assert [asked.fields["CallStatus"] for asked in office.bot.of("/status")] == [status]
    assert not office.bot.of("/voice")


async def test_inline_twiml_needs_no_url(office: Office) -> None:
    call = await office.call(twiml="<Response><Say>hello</Say></Response>")
    await office.over(call.sid)
    assert office.exchange.placed[call.sid].call.verbs == ["Say"]


async def test_new_twiml_stops_the_stream_of_a_live_call(office: Office) -> None:
    bot = office.bot
    bot.media = Socket.take_all
    bot.pages["/voice"] = lambda asked: stream_twiml(bot, after="<Say>never</Say>")
    bot.page("/next", "<Say>elsewhere</Say>")
    call = await office.call(url=bot.url("/voice"))
    await office.until(call.sid, "stream_started")
    updated = await office.ask(lambda c: c.calls(call.sid).update(url=bot.url("/next")))
    assert updated.status == "in-progress"
    await office.over(call.sid)
    assert bot.sockets[0].of("stop") and office.exchange.placed[call.sid].call.verbs == ["Connect", "Say"]


async def test_a_live_call_takes_inline_twiml_and_hangs_up_on_order(office: Office) -> None:
    call = await office.call(url=office.bot.url("/voice"))
    await office.until(call.sid, "verb")
    await office.ask(lambda c: c.calls(call.sid).update(twiml="<Response><Pause length='30'/></Response>"))
    await asyncio.sleep(0)
    ended = await office.ask(lambda c: c.calls(call.sid).update(status="completed"))
    await office.over(call.sid)
    assert ended.sid == call.sid
    assert (await office.ask(lambda c: c.calls(call.sid).fetch())).status == "completed"


async def test_a_ringing_call_can_be_canceled_and_a_live_one_cannot(office: Office) -> None:
    async with httpx.AsyncClient() as http:
        await http.post(f"{office.url}/simulator/people", json={"number": THEIRS, "ring_ms": 20_000})
    ringing = await office.call(url=office.bot.url("/voice"))
    assert await office.refused(lambda c: c.calls(ringing.sid).update(url="http://a.b/c")) == (400, 21220)
    await office.ask(lambda c: c.calls(ringing.sid).update(status="canceled"))
    await office.over(ringing.sid)
    assert (await office.ask(lambda c: c.calls(ringing.sid).fetch())).status == "canceled"
    live = await office.ask(lambda c: c.calls.create(to="+14155550100", from_=OURS, url=office.bot.url("/voice")))
    await office.until(live.sid, "answered")
    assert await office.refused(lambda c: c.calls(live.sid).update(status="canceled")) == (400, 21220)


async def test_an_ended_call_is_not_found_by_a_late_hang_up_and_takes_no_twiml(office: Office) -> None:
    office.bot.page("/voice", "<Hangup/>")
    call = await office.call(url=office.bot.url("/voice"))
    await office.over(call.sid)
    assert await office.refused(lambda c: c.calls(call.sid).update(status="completed")) == (404, 20404)
    assert await office.refused(lambda c: c.calls(call.sid).update(twiml="<Response/>")) == (400, 21220)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"from_": OURS, "to": "12", "url": "http://a.b/c"}, (400, 21211)),
        ({"from_": OURS, "to": "+15005550001", "url": "http://a.b/c"}, (400, 21217)),
        ({"from_": OURS, "to": "+15005550003", "url": "http://a.b/c"}, (403, 21215)),
        ({"from_": "5", "to": THEIRS, "url": "http://a.b/c"}, (400, 21212)),
        ({"from_": "+15035550000", "to": THEIRS, "url": "http://a.b/c"}, (400, 21210)),
        ({"from_": OURS, "to": THEIRS, "url": "nonsense"}, (400, 21205)),
        ({"from_": OURS, "to": THEIRS, "url": "http://under_score.b/c"}, (400, 21205)),
        ({"from_": OURS, "to": THEIRS}, (400, 21205)),
        ({"from_": OURS, "to": THEIRS, "twiml": "<Response>"}, (400, 20001)),
        ({"from_": OURS, "to": "", "url": "http://a.b/c"}, (400, 21201)),
    ],
)
async def test_a_wrong_order_is_refused_with_its_code(
    office: Office, order: dict[str, str], expected: tuple[int, int]
) -> None:
    assert await office.refused(lambda c: c.calls.create(**order)) == expected
    assert not office.exchange.placed


async def test_calls_beyond_the_pace_wait_their_turn(office: Office) -> None:
    office.exchange._gap_ms = 20_000
    calls = [await office.call(url=office.bot.url("/voice")) for _ in range(3)]
    assert int(calls[0].queue_time) == 0 < int(calls[1].queue_time) < int(calls[2].queue_time) <= 40_000
    assert [call.status for call in calls] == ["queued"] * 3


async def test_calls_are_listed_in_pages(office: Office) -> None:
    made = [(await office.call(url=office.bot.url("/voice"))).sid for _ in range(5)]
    listed = await office.ask(lambda c: c.calls.list(page_size=2))
    assert [call.sid for call in listed] == made[::-1]
    assert await office.ask(lambda c: c.calls.list(to="+19999999999")) == []


# Recordings.


async def test_a_recording_is_paused_resumed_and_heard(office: Office) -> None:
    call = await office.call(url=office.bot.url("/voice"))
    await office.until(call.sid, "answered")
    options = {"recording_channels": "dual", "recording_status_callback": office.bot.url("/status")}
    recording = await office.ask(lambda c: c.calls(call.sid).recordings.create(**options))
    assert (recording.status, recording.source) == ("in-progress", "StartCallRecordingAPI")
    current = office.client().calls(call.sid).recordings("Twilio.CURRENT")
    for status in ("paused", "in-progress", "stopped"):
        assert (await asyncio.to_thread(current.update, status=status)).sid == recording.sid
    assert [r.status for r in office.exchange.placed[call.sid].call.recordings.all] == ["completed"]
    async with httpx.AsyncClient(auth=(ACCOUNT.sid, ACCOUNT.token)) as http:
        wav = await http.get(f"{office.url}{ROOT}/Recordings/{recording.sid}.wav")
    assert wav.content.startswith(b"RIFF")
    await office.ask(lambda c: c.calls(call.sid).update(status="completed"))
    await office.over(call.sid)
    assert office.bot.of("/status")[0].fields["RecordingStatus"] == "completed"


async def test_a_call_that_is_not_live_cannot_be_recorded(office: Office) -> None:
    office.bot.page("/voice", "<Hangup/>")
    call = await office.call(url=office.bot.url("/voice"))
    await office.over(call.sid)
    assert await office.refused(lambda c: c.calls(call.sid).recordings.create()) == (400, 21220)


# Numbers.


async def test_a_number_is_found_and_configured(office: Office) -> None:
    (number,) = await office.ask(lambda c: c.incoming_phone_numbers.list(phone_number=OURS))
    settings = {"voice_url": "https://bot.example/voice", "status_callback": "https://bot.example/status"}
    updated = await office.ask(lambda c: c.incoming_phone_numbers(number.sid).update(**settings))
    assert (updated.voice_url, updated.voice_method) == ("https://bot.example/voice", "POST")
    assert updated.phone_number == OURS and updated.capabilities["voice"] is True
    assert await office.refused(lambda c: c.incoming_phone_numbers(number.sid).update(voice_url="x")) == (400, 21205)


async def test_an_application_and_a_trunk_clear_each_other(office: Office) -> None:
    (number,) = await office.ask(lambda c: c.incoming_phone_numbers.list())
    ours = office.client().incoming_phone_numbers(number.sid)
    await asyncio.to_thread(ours.update, voice_application_sid="AP" + "1" * 32)
    trunked = await asyncio.to_thread(ours.update, trunk_sid="TK" + "1" * 32)
    assert trunked.trunk_sid and not trunked.voice_application_sid


async def test_a_number_is_searched_bought_and_given_back(office: Office) -> None:
    found = await office.ask(lambda c: c.available_phone_numbers("US").local.list(area_code=415, limit=3))
    bought = await office.ask(lambda c: c.incoming_phone_numbers.create(phone_number=found[0].phone_number))
    assert bought.phone_number.startswith("+1415")
    again = await office.refused(lambda c: c.incoming_phone_numbers.create(phone_number=bought.phone_number))
    assert again == (400, 21422)
    assert await office.ask(lambda c: c.incoming_phone_numbers(bought.sid).delete())
    assert len(await office.ask(lambda c: c.incoming_phone_numbers.list())) == 1


# Who may, and how often.


async def test_the_token_and_an_api_key_open_and_nothing_else_does(office: Office) -> None:
    key = {"user": "SK" + "b" * 32, "password": "secret"}
    assert await office.ask(lambda c: c.calls.list(), **key) == []
    assert await office.refused(lambda c: c.calls("CA1").fetch(), password="wrong") == (401, 20003)
    assert await office.refused(lambda c: c.calls("CA1").fetch(), user="SKx", password="secret") == (401, 20003)


async def test_what_does_not_exist_is_not_found_in_an_envelope(office: Office) -> None:
    async with httpx.AsyncClient(auth=(ACCOUNT.sid, ACCOUNT.token)) as http:
        answer = await http.get(f"{office.url}{ROOT}/Calls/CAnone.json")
    assert answer.json() == {
        "code": 20404,
        "message": f"The requested resource {ROOT}/Calls/CAnone.json was not found",
        "more_info": "https://www.twilio.com/docs/errors/20404",
        "status": 404,
    }


async def test_too_many_requests_are_refused_and_may_be_tried_again(office: Office) -> None:
    async with httpx.AsyncClient() as http:
        await http.post(f"{office.url}/simulator/refuse", json={"requests": 1})
    assert await office.refused(lambda c: c.calls("CA1").fetch()) == (429, 20429)
    assert await office.ask(lambda c: c.calls.list()) == []


# What only a simulator has.


async def test_somebody_calls_an_owned_number(office: Office) -> None:
    (number,) = office.exchange.numbers.values()
    number.update({"voice_url": office.bot.url("/voice"), "status_callback": office.bot.url("/status")})
    office.bot.page("/voice", "<Say>hello there</Say>")
    async with httpx.AsyncClient() as http:
        placed = await http.post(f"{office.url}/simulator/calls", json={"to": OURS, "script": "wait for hang up"})
        sid = placed.json()["call_sid"]
        await office.over(sid)
        told = (await http.get(f"{office.url}/simulator/calls/{sid}")).json()
        wav = await http.get(f"{office.url}/simulator/calls/{sid}.wav")
        wrong = await http.post(f"{office.url}/simulator/calls", json={"to": OURS, "script": "sing"})
    assert told["passed"] and told["verbs"] == ["Say"] and wav.content.startswith(b"RIFF")
    assert office.bot.of("/voice")[0].fields["Direction"] == "inbound" and len(office.bot.of("/status")) == 1
    assert wrong.status_code == 400 and "line 1" in wrong.json()["error"]


async def test_a_number_takes_only_settings_that_numbers_have(office: Office) -> None:
    (number,) = office.exchange.numbers.values()
    ours = office.client().incoming_phone_numbers(number.sid)
    for settings, code in (
        ({"voice_method": "PUT"}, 20001),
        ({"voice_application_sid": "AP1"}, 21218),
        ({"trunk_sid": "TK1"}, 20001),
        ({"emergency_status": "Active"}, 20001),
        ({"friendly_name": "x" * 65}, 20001),
        ({"trunk_sid": "TK" + "1" * 32, "voice_application_sid": "AP" + "1" * 32}, 20001),
    ):
        with pytest.raises(TwilioRestException) as refused:
            await asyncio.to_thread(ours.update, **settings)
        assert refused.value.code == code
