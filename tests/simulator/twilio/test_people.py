"""People who are dialled: who hears whom, how a Dial ends, what REST and machine detection make of them."""

from typing import Any

import httpx
import pytest

from app.simulator.twilio.plant import DialOutcome
from tests.simulator.twilio.bot import Bot, serving
from tests.simulator.twilio.calls import PATIENT, call, codes, fast_plant
from tests.simulator.twilio.ears import heard_ms, windows
from tests.simulator.twilio.office import OURS, THEIRS, Office

ANNA, BERT = "+15035550101", "+15035550102"


def legs(office: Office) -> list[str]:
    return [sid for sid, c in office.exchange.plant.calls.items() if c.party.direction == "outbound-dial"]


async def test_joined_legs_hear_one_another_and_not_before() -> None:
    async with serving(Bot()) as bot:
        bot.page("/voice", f'<Dial action="/done"><Number url="/whisper">{ANNA}</Number></Dial>')
        bot.page("/whisper", "<Pause length='2'/>")
        bot.page("/done", "<Hangup/>")
        plant = fast_plant(outcomes={ANNA: DialOutcome(ring_ms=300, talk_ms=2000, hum_hz=1000)})
        result = await call(bot, plant=plant, hum_hz=700)
        (leg,) = plant.called(ANNA)
    assert 1500 <= heard_ms(result.heard_mulaw, 1000) <= 2100
    assert 1500 <= heard_ms(bytes(leg.handset.heard), 700) <= 2100
    assert min(windows(bytes(leg.handset.heard), 700)) >= 19  # the whisper came first
    assert not heard_ms(result.heard_mulaw, 700)  # nobody hears themselves
    assert bot.of("/done")[0].fields["DialBridged"] == "true"


async def test_ringing_is_heard_until_somebody_answers() -> None:
    async with serving(Bot()) as bot:
        bot.page("/voice", f"<Dial>{ANNA}</Dial>")
        result = await call(bot, plant=fast_plant(outcomes={ANNA: DialOutcome(ring_ms=1500, talk_ms=1000)}))
    rings = windows(result.heard_mulaw, 440)
    assert len(rings) >= 10 and max(rings) <= 17


async def test_all_ring_at_once_and_the_first_who_accepts_has_the_call() -> None:
    async with serving(Bot()) as bot:
        bot.page("/voice", f'<Dial action="/done"><Number>{ANNA}</Number><Number>{BERT}</Number></Dial>')
        bot.page("/done", "<Hangup/>")
        outcomes = {ANNA: DialOutcome(ring_ms=9000, hum_hz=600), BERT: DialOutcome(ring_ms=500, hum_hz=900)}
        plant = fast_plant(outcomes=outcomes)
        result = await call(bot, plant=plant)
    statuses = {c.party.called: c.status for c in plant.calls.values() if c.party.direction == "outbound-dial"}
    assert statuses == {ANNA: "canceled", BERT: "completed"}
    assert heard_ms(result.heard_mulaw, 900) > 1000 and not heard_ms(result.heard_mulaw, 600)
    assert bot.of("/done")[0].fields["DialCallStatus"] == "completed"


async def test_one_after_the_other_rings_the_second_only_when_the_first_is_not_there() -> None:
    async with serving(Bot()) as bot:
        inside = f"<Number>{ANNA}</Number><Number>{BERT}</Number>"
        bot.page("/voice", f'<Dial sequential="true" action="/done">{inside}</Dial>')
        bot.page("/done", "<Hangup/>")
        for status, dialled in (("busy", [ANNA, BERT]), ("completed", [ANNA])):
            plant = fast_plant(outcomes={ANNA: DialOutcome(status, ring_ms=100, talk_ms=500)})
            await call(bot, plant=plant)
            assert [c.party.called for c in plant.calls.values() if c.party.direction == "outbound-dial"] == dialled
    assert [asked.fields["DialCallStatus"] for asked in bot.of("/done")] == ["completed", "completed"]


async def test_a_machine_that_is_dialled_is_told_to_its_callback() -> None:
    async with serving(Bot()) as bot:
        amd = 'machineDetection="Enable" amdStatusCallback="/amd"'
        bot.page("/voice", f'<Dial><Number url="/whisper" {amd}>{ANNA}</Number></Dial>')
        bot.page("/whisper", "<Pause length='3'/><Hangup/>")
        bot.page("/amd", "")
        await call(bot, plant=fast_plant(outcomes={ANNA: DialOutcome(answered_by="machine", ring_ms=100)}))
    assert bot.of("/amd")[0].fields["AnsweredBy"] == "machine_start"


async def test_the_caller_keeps_ringing_until_the_bridge_when_asked_so() -> None:
    async with serving(Bot()) as bot:
        bot.page("/voice", f'<Dial answerOnBridge="true">{ANNA}</Dial>')
        result = await call(bot, plant=fast_plant(outcomes={ANNA: DialOutcome(ring_ms=2000, talk_ms=1000)}))
    (answered,), (bridged,) = result.named("answered"), result.named("bridged")
    assert abs(answered.call_ms - bridged.call_ms) < 500 and result.duration_ms < 1800


async def test_a_caller_who_hangs_up_ends_the_leg_that_rings() -> None:
    async with serving(Bot()) as bot:
        bot.page("/voice", f'<Dial><Number statusCallback="/leg">{ANNA}</Number></Dial>')
        bot.page("/leg", "")
        await call(bot, "wait 1s\nhang up", plant=fast_plant(outcomes={ANNA: DialOutcome(ring_ms=20_000)}))
        assert [asked.fields["CallStatus"] for asked in bot.of("/leg")] == ["canceled"]


async def test_star_leaves_and_the_time_limit_ends_a_conversation() -> None:
    async with serving(Bot()) as bot:
        bot.page("/voice", f'<Dial action="/done" hangupOnStar="true" timeLimit="3">{ANNA}</Dial>')
        bot.page("/done", "<Hangup/>")
        for script in (f"wait 2s\npress *\n{PATIENT}", PATIENT):
            await call(bot, script, plant=fast_plant(outcomes={ANNA: DialOutcome(ring_ms=100, talk_ms=None)}))
    assert [asked.fields["DialCallDuration"] for asked in bot.of("/done")] in (["2", "3"], ["2", "4"])


async def test_a_dialled_conversation_can_be_recorded_on_two_channels() -> None:
    async with serving(Bot()) as bot:
        bot.page("/voice", f'<Dial action="/done" record="record-from-answer-dual">{ANNA}</Dial>')
        bot.page("/done", "<Hangup/>")
        result = await call(bot, plant=fast_plant(outcomes={ANNA: DialOutcome(talk_ms=2000, hum_hz=1000)}))
    fields = bot.of("/done")[0].fields
    assert fields["RecordingUrl"].endswith(fields["RecordingSid"]) and result.recordings[0].source == "DialVerb"
    assert result.recordings[0].channels == 2 and int(fields["RecordingDuration"]) in (2, 3)


async def test_what_is_no_address_is_not_dialled() -> None:
    async with serving(Bot()) as bot:
        bot.page("/done", "<Hangup/>")
        for inside in ("<Number>help</Number>", "<Sip>anna</Sip>", ""):
            bot.page("/voice", f'<Dial action="/done">{inside}</Dial>')
            assert codes(await call(bot)) == [13224]
    assert {asked.fields["DialCallStatus"] for asked in bot.of("/done")} == {"failed"}


async def test_a_whisper_that_dials_is_not_followed() -> None:
    async with serving(Bot()) as bot:
        bot.page("/voice", f'<Dial><Number url="/whisper">{ANNA}</Number></Dial>')
        bot.page("/whisper", f"<Dial>{BERT}</Dial>")
        plant = fast_plant()
        await call(bot, plant=plant)
    (leg,) = plant.called(ANNA)
    assert [notice.code for notice in leg.journal.notices] == [12200]
    assert not plant.called(BERT)


# By REST.


async def test_a_called_person_runs_the_document_and_presses_a_key(office: Office) -> None:
    bot = office.bot
    office.reach(THEIRS, presses="1", ring_ms=200)
    bot.page("/brief", '<Gather numDigits="1" action="/accept" timeout="5"><Say>press one to accept</Say></Gather>')
    bot.page("/accept", "<Say>thank you</Say>")
    call = await office.call(url=bot.url("/brief"))
    await office.over(call.sid)
    assert bot.of("/accept")[0].fields["Digits"] == "1" and bot.of("/brief")[0].fields["Direction"] == "outbound-api"


async def test_ringing_beyond_the_timeout_is_no_answer(office: Office) -> None:
    office.reach(THEIRS, ring_ms=30_000)
    call = await office.call(url=office.bot.url("/voice"), timeout=5)
    await office.over(call.sid)
    fetched = await office.ask(lambda c: c.calls(call.sid).fetch())
    assert fetched.status == "no-answer" and not office.bot.of("/voice")


async def test_a_dialled_leg_is_listed_under_its_parent_and_can_be_hung_up(office: Office) -> None:
    office.reach(ANNA, ring_ms=100, talk_ms=None)
    office.bot.page("/done", "<Hangup/>")
    parent = await office.caller(f'<Dial action="/done">{ANNA}</Dial>')
    await office.until(parent.party.call_sid, "bridged")
    (leg,) = await office.ask(lambda c: c.calls.list(parent_call_sid=parent.party.call_sid))
    assert (leg.status, leg.to, leg.direction) == ("in-progress", ANNA, "outbound-dial")
    await office.ask(lambda c: c.calls(leg.sid).update(status="completed"))
    await office.over(parent.party.call_sid)
    assert office.bot.of("/done")[0].fields["DialBridged"] == "true"


async def test_a_leg_sent_elsewhere_by_rest_lives_on_without_its_parent(office: Office) -> None:
    bot = office.bot
    office.reach(ANNA, ring_ms=100, talk_ms=None)
    bot.page("/done", "<Hangup/>")
    bot.page("/elsewhere", "<Pause length='3'/>")
    parent = await office.caller(f'<Dial action="/done">{ANNA}</Dial>')
    await office.until(parent.party.call_sid, "bridged")
    (leg,) = legs(office)
    await office.ask(lambda c: c.calls(leg).update(url=bot.url("/elsewhere")))
    await office.over(leg)
    assert "DialCallDuration" not in bot.of("/done")[0].fields and bot.of("/elsewhere")


@pytest.mark.parametrize(
    ("answered_by", "mode", "verdict"),
    [
        ("human", "Enable", "human"),
        ("machine", "Enable", "machine_start"),
        ("machine", "DetectMessageEnd", "machine_end_beep"),
        ("fax", "Enable", "fax"),
    ],
)
async def test_machine_detection_comes_before_the_document(
    office: Office, answered_by: str, mode: str, verdict: str
) -> None:
    bot = office.bot
    office.reach(THEIRS, answered_by=answered_by, ring_ms=100)
    bot.page("/voice", "<Hangup/>")
    call = await office.call(url=bot.url("/voice"), machine_detection=mode, status_callback=bot.url("/status"))
    await office.over(call.sid)
    assert bot.of("/voice")[0].fields["AnsweredBy"] == bot.of("/status")[0].fields["AnsweredBy"] == verdict
    assert (await office.ask(lambda c: c.calls(call.sid).fetch())).answered_by == verdict


async def test_asynchronous_detection_tells_its_callback_and_the_document_does_not_wait(office: Office) -> None:
    bot = office.bot
    office.reach(THEIRS, answered_by="machine", greeting_ms=2000, ring_ms=100)
    bot.page("/voice", "<Pause length='6'/>")
    bot.page("/amd", "")
    call = await office.call(
        url=bot.url("/voice"),
        machine_detection="DetectMessageEnd",
        async_amd="true",
        async_amd_status_callback=bot.url("/amd"),
    )
    await office.over(call.sid)
    assert "AnsweredBy" not in bot.of("/voice")[0].fields
    fields = bot.of("/amd")[0].fields
    assert (fields["AnsweredBy"], fields["CallSid"]) == ("machine_end_beep", call.sid)
    assert int(fields["MachineDetectionDuration"]) >= 2000
    assert windows(bytes(office.exchange.plant.calls[call.sid].handset.said), 1000)  # its beep


async def test_a_machine_without_a_beep_is_known_by_its_silence(office: Office) -> None:
    bot = office.bot
    office.reach(THEIRS, answered_by="machine", greeting_ms=1000, ring_ms=100, beeps=False)
    bot.page("/voice", "<Pause length='6'/>")
    bot.page("/amd", "")
    amd: dict[str, Any] = {"machine_detection": "DetectMessageEnd", "async_amd": "true"}
    amd |= {"async_amd_status_callback": bot.url("/amd"), "machine_detection_speech_end_threshold": 700}
    call = await office.call(url=bot.url("/voice"), **amd)
    await office.over(call.sid)
    fields = bot.of("/amd")[0].fields
    assert (fields["AnsweredBy"], fields["MachineDetectionDuration"]) == ("machine_end_silence", "1700")
    assert not windows(bytes(office.exchange.plant.calls[call.sid].handset.said), 1000), "no beep"


async def test_asynchronous_detection_that_tells_nobody_is_worth_a_warning(office: Office) -> None:
    office.reach(THEIRS, ring_ms=100)
    office.bot.page("/voice", "<Pause length='2'/>")
    call = await office.call(url=office.bot.url("/voice"), machine_detection="Enable", async_amd="true")
    await office.over(call.sid)
    notices = office.exchange.plant.calls[call.sid].journal.notices
    assert [(notice.code, notice.level) for notice in notices] == [(21262, "warning")]


@pytest.mark.parametrize(
    "wish",
    [
        {"machine_detection": "Maybe"},
        {"machine_detection": "Enable", "machine_detection_timeout": 90},
        {"machine_detection": "Enable", "machine_detection_speech_threshold": 999},
        {"machine_detection": "Enable", "machine_detection_speech_end_threshold": 5001},
        {"machine_detection": "Enable", "machine_detection_silence_timeout": 0},
        {"timeout": 601},
        {"send_digits": "x"},
        {"record": True, "recording_channels": "three"},
    ],
)
async def test_a_wrong_wish_is_refused(office: Office, wish: dict[str, Any]) -> None:
    url = office.bot.url("/voice")
    refused = await office.refused(lambda c: c.calls.create(to=THEIRS, from_=OURS, url=url, **wish))
    assert refused == (400, 20001)


async def test_a_person_may_follow_a_script(office: Office) -> None:
    person = {"number": ANNA, "ring_ms": 100, "script": "wait 2s\nhang up"}
    async with httpx.AsyncClient() as http:
        assert (await http.post(f"{office.url}/simulator/people", json=person)).status_code == 204
    office.bot.page("/done", "<Hangup/>")
    parent = await office.caller(f'<Dial action="/done">{ANNA}</Dial>')
    await office.over(parent.party.call_sid)
    assert office.bot.of("/done")[0].fields["DialCallDuration"] in ("2", "3")
