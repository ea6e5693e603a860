"""What TwiML does to a call, seen from the application it belongs to."""

import io
import wave
from collections.abc import AsyncIterator

import pytest

from app.simulator.twilio.identity import Oddities
from app.simulator.twilio.plant import DialOutcome
from tests.simulator.twilio.bot import Asked, Bot, serving
from tests.simulator.twilio.calls import PATIENT, call, codes, fast_plant


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with serving(Bot()) as running:
        yield running


async def test_verbs_run_in_order_and_an_empty_rest_hangs_up(bot: Bot) -> None:
    bot.page("/voice", "<Say>one two three</Say><Pause length='1'/><Redirect>/next?a=1</Redirect><Say>never</Say>")
    bot.page("/next", "<Say>bye</Say>")
    result = await call(bot)
    assert result.verbs == ["Say", "Pause", "Redirect", "Say"] and result.passed
    assert result.why_ended == "the TwiML came to its end"
    assert [asked.fields["CallStatus"] for asked in (*bot.of("/voice"), *bot.of("/next"))] == ["ringing", "in-progress"]


async def test_the_end_is_reported_once_with_its_length(bot: Bot) -> None:
    bot.page("/voice", "<Pause length='2'/>")
    await call(bot)
    (asked,) = bot.of("/status")
    assert asked.fields["CallStatus"] == "completed" and asked.fields["CallDuration"] in ("2", "3")
    assert asked.fields["CallbackSource"] == "call-progress-events" and asked.fields["SequenceNumber"] == "0"
    assert asked.fields["Timestamp"].endswith("+0000") and asked.fields["Duration"] == "1"


@pytest.mark.parametrize(("reason", "status"), [("busy", "busy"), ("rejected", "no-answer")])
async def test_a_rejected_call_is_never_answered(bot: Bot, reason: str, status: str) -> None:
    bot.page("/voice", f'<Reject reason="{reason}"/>')
    result = await call(bot, "expect hung up within 5s")
    assert (result.status, result.duration_ms, result.named("answered")) == (status, 0, [])
    assert result.passed and bot.of("/status")[0].fields["CallStatus"] == status


async def test_reject_after_another_verb_is_too_late(bot: Bot) -> None:
    bot.page("/voice", "<Say>hi</Say><Reject/>")
    result = await call(bot)
    assert codes(result) == [12200] and result.status == "completed"


async def test_an_unknown_attribute_is_warned_of_and_the_call_goes_on(bot: Bot) -> None:
    bot.page("/voice", '<Say colour="red">hi</Say><Hangup/>')
    result = await call(bot)
    assert codes(result) == [12200] and result.verbs == ["Say", "Hangup"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((500, "text/xml", "", {}), 11200),
        ((200, "text/xml", "<Response>", {}), 12100),
        ((200, "application/json", "{}", {}), 12300),
    ],
)
async def test_the_fallback_is_asked_when_a_document_is_no_good(
    bot: Bot, answer: tuple[int, str, str, dict[str, str]], code: int
) -> None:
    bot.page("/voice", answer)
    bot.page("/fallback", "<Say>sorry</Say>")
    result = await call(bot, fallback_url=bot.url("/fallback"))
    (asked,) = bot.of("/fallback")
    assert (asked.fields["ErrorCode"], asked.fields["ErrorUrl"]) == (str(code), bot.url("/voice"))
    assert codes(result) == [code] and result.verbs == ["Say"] and not result.application_error


async def test_without_a_good_document_there_is_an_application_error(bot: Bot) -> None:
    bot.page("/voice", (403, "", "", {}))
    bot.page("/fallback", "no xml & so on")
    result = await call(bot, fallback_url=bot.url("/fallback"))
    assert result.application_error and not result.passed and codes(result) == [11200, 12100]
    assert bot.of("/status")[0].fields["CallStatus"] == "completed"


async def test_plain_text_is_spoken_and_audio_is_played(bot: Bot) -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(b"\x00\x60\x00\xa0" * 4000)
    bot.page("/sound", (200, "audio/x-wav", buffer.getvalue().decode("latin-1"), {}))
    bot.page("/voice", (200, "text/plain", "closed today", {}))
    assert (await call(bot)).verbs == ["Say"]
    bot.page("/voice", "<Play>/missing</Play><Play digits='1w2'/>")
    result = await call(bot)
    assert codes(result) == [12300] and result.audible_ms > 100


async def test_keys_go_to_the_action_without_the_finishing_key(bot: Bot) -> None:
    bot.page(
        "/voice", '<Gather action="/keys" timeout="3"><Say>type your number please now</Say></Gather><Say>none</Say>'
    )
    bot.page("/keys", "<Hangup/>")
    await call(bot, f"wait 200ms\npress 1 2 3 #\n{PATIENT}")
    (asked,) = bot.of("/keys")
    assert (asked.fields["Digits"], asked.fields["FinishedOnKey"]) == ("123", "#")


async def test_enough_keys_need_no_finishing_key(bot: Bot) -> None:
    bot.page("/voice", '<Gather action="/keys" numDigits="2"/>')
    bot.page("/keys", "<Hangup/>")
    await call(bot, f"press 1 2 3\n{PATIENT}")
    assert bot.of("/keys")[0].fields["Digits"] == "12"


async def test_words_go_to_the_action_as_a_speech_result(bot: Bot) -> None:
    bot.page("/voice", '<Gather input="dtmf speech" action="/words"><Say>what is it</Say></Gather>')
    bot.page("/words", "<Hangup/>")
    await call(bot, f'wait 200ms\nsay "when are you open"\n{PATIENT}')
    assert bot.of("/words")[0].fields["SpeechResult"] == "when are you open"


async def test_a_gather_without_an_answer_falls_through(bot: Bot) -> None:
    bot.page("/voice", '<Gather timeout="1"/><Say>nothing</Say>')
    assert (await call(bot)).verbs == ["Gather", "Say"]


@pytest.mark.parametrize("status", ["completed", "busy", "no-answer", "failed", "canceled"])
async def test_a_dials_outcome_goes_to_its_action(bot: Bot, status: str) -> None:
    bot.page("/voice", '<Dial action="/dialled" timeout="20"><Number>+15035550100</Number></Dial>')
    bot.page("/dialled", "<Hangup/>")
    outcomes = {"+15035550100": DialOutcome(status, ring_ms=500, talk_ms=1500)}
    await call(bot, plant=fast_plant(outcomes=outcomes))
    fields = bot.of("/dialled")[0].fields
    assert (fields["DialCallStatus"], fields["DialCallSid"][:2]) == (status, "CA")
    assert fields["DialBridged"] == ("true" if status == "completed" else "false")
    assert ("DialCallDuration" in fields) == (status == "completed")


async def test_ringing_longer_than_the_timeout_is_no_answer(bot: Bot) -> None:
    bot.page("/voice", '<Dial action="/dialled" timeout="2">+15035550100</Dial>')
    bot.page("/dialled", "<Hangup/>")
    await call(bot, plant=fast_plant(outcomes={"+15035550100": DialOutcome(ring_ms=9000)}))
    assert bot.of("/dialled")[0].fields["DialCallStatus"] == "no-answer"


async def test_the_dialled_leg_reports_its_progress(bot: Bot) -> None:
    events = "initiated ringing answered completed"
    bot.page(
        "/voice", f'<Dial><Number statusCallback="/leg" statusCallbackEvent="{events}">+15035550100</Number></Dial>'
    )
    bot.page("/leg", "")
    result = await call(bot)
    told = [(asked.fields["SequenceNumber"], asked.fields["CallStatus"]) for asked in bot.of("/leg")]
    assert told == [("0", "initiated"), ("1", "ringing"), ("2", "in-progress"), ("3", "completed")]
    assert {asked.fields["ParentCallSid"] for asked in bot.of("/leg")} == {result.call_sid}
    assert {asked.fields["Direction"] for asked in bot.of("/leg")} == {"outbound-dial"}


@pytest.mark.parametrize(("presses", "bridged"), [("1", "true"), ("2", "false"), ("", "false")])
async def test_a_whisper_asks_the_callee_before_the_legs_are_joined(bot: Bot, presses: str, bridged: str) -> None:
    bot.page("/voice", '<Dial action="/dialled"><Number url="/whisper">+15035550100</Number></Dial>')
    bot.page("/whisper", '<Gather numDigits="1" timeout="2" action="/accept"><Say>press one</Say></Gather><Hangup/>')
    bot.pages["/accept"] = lambda asked: "" if asked.fields["Digits"] == "1" else "<Hangup/>"
    bot.page("/dialled", "<Hangup/>")
    outcomes = {"+15035550100": DialOutcome(presses=presses)}
    await call(bot, plant=fast_plant(outcomes=outcomes))
    assert bot.of("/dialled")[0].fields["DialBridged"] == bridged
    assert bot.of("/whisper")[0].fields["Direction"] == "outbound-dial"


async def test_a_stranger_cannot_be_the_caller_id(bot: Bot) -> None:
    bot.page("/voice", '<Dial callerId="+15035550000" action="/dialled">+15035550100</Dial>')
    bot.page("/dialled", "<Hangup/>")
    result = await call(bot)
    assert codes(result) == [13214] and bot.of("/dialled")[0].fields["DialCallStatus"] == "failed"


async def test_a_conference_is_answered_and_has_no_leg(bot: Bot) -> None:
    bot.page("/voice", '<Dial action="/dialled" hangupOnStar="true"><Conference>room</Conference></Dial>')
    bot.page("/dialled", "<Hangup/>")
    await call(bot, f"wait 500ms\npress *\n{PATIENT}")
    fields = bot.of("/dialled")[0].fields
    assert fields["DialCallStatus"] == "answered" and "DialCallSid" not in fields


async def test_a_queue_plays_its_wait_and_tells_how_it_ended(bot: Bot) -> None:
    bot.page(
        "/voice", '<Enqueue action="/done" waitUrl="/wait" workflowSid="WW1"><Task>{"reason": "x"}</Task></Enqueue>'
    )
    bot.page("/wait", "<Say>please hold the line</Say>")
    bot.page("/done", "<Hangup/>")
    result = await call(bot, plant=fast_plant(outcomes={"WW1": DialOutcome(ring_ms=4000)}))
    assert bot.of("/done")[0].fields["QueueResult"] == "bridged" and len(bot.of("/wait")) > 1
    assert bot.of("/wait")[0].fields["QueuePosition"] == "1"
    assert result.named("task")[0].detail == {"attributes": {"reason": "x"}}


async def test_leave_takes_the_caller_out_of_the_queue(bot: Bot) -> None:
    bot.page("/voice", '<Enqueue action="/done" waitUrl="/wait">support</Enqueue>')
    bot.page("/wait", "<Leave/>")
    bot.page("/done", "<Hangup/>")
    await call(bot)
    assert bot.of("/done")[0].fields["QueueResult"] == "leave"


async def test_a_message_is_recorded_until_the_caller_is_silent(bot: Bot) -> None:
    bot.page("/voice", '<Record action="/recorded" timeout="1" maxLength="20" recordingStatusCallback="/rec"/>')
    bot.page("/recorded", "<Hangup/>")
    bot.page("/rec", "")
    result = await call(bot, f'wait 800ms\nsay "please call me back"\n{PATIENT}', audible=True)
    fields = bot.of("/recorded")[0].fields
    assert fields["RecordingSid"].startswith("RE") and fields["Digits"] == "" and fields["RecordingDuration"] == "1"
    assert bot.of("/rec")[0].fields["RecordingSource"] == "RecordVerb"
    assert result.recordings[0].audio.startswith(b"RIFF")


async def test_hanging_up_while_recording_still_tells_the_action(bot: Bot) -> None:
    bot.page("/voice", '<Record action="/recorded" timeout="5"/>')
    bot.page("/recorded", "<Say>never heard</Say>")
    result = await call(bot, 'wait 800ms\nsay "call me back"\nhang up', audible=True)
    assert bot.of("/recorded")[0].fields["Digits"] == "hangup" and result.verbs == ["Record"]


async def test_refer_is_for_sip_callers(bot: Bot) -> None:
    bot.page("/voice", '<Refer action="/referred"><Sip>sip:a@b.example</Sip></Refer>')
    bot.page("/referred", "<Hangup/>")
    await call(bot)
    await call(bot, caller="sip:me@c.example")
    assert [asked.fields["ReferCallStatus"] for asked in bot.of("/referred")] == ["failed", "completed"]


async def test_the_caller_hanging_up_ends_the_program(bot: Bot) -> None:
    bot.page("/voice", "<Pause length='30'/><Say>never</Say>")
    result = await call(bot, "wait 500ms\nhang up")
    assert result.why_ended == "the caller hung up" and result.verbs == ["Pause"] and result.duration_ms < 5000


async def test_a_call_that_redirects_for_ever_is_ended(bot: Bot) -> None:
    bot.page("/voice", "<Redirect>/voice</Redirect>")
    result = await call(bot)
    assert result.application_error


async def test_oddities_are_as_ordered(bot: Bot) -> None:
    bot.page("/voice", "<Hangup/>")
    odd = Oddities(stir_verstat="TN-Validation-Passed-A", extra_fields={"Neu": "süß"}, deliveries=3)
    await call(bot, oddities=odd)
    assert len(bot.of("/voice")) == 3
    assert {(asked.fields["StirVerstat"], asked.fields["Neu"]) for asked in bot.of("/voice")} == {
        ("TN-Validation-Passed-A", "süß")
    }


async def test_a_start_recording_is_reported_when_the_call_ends(bot: Bot) -> None:
    bot.page("/voice", '<Start><Recording recordingStatusCallback="/rec" channels="dual"/></Start><Pause length="2"/>')
    bot.page("/rec", "")
    await call(bot)
    fields = bot.of("/rec")[0].fields
    assert (fields["RecordingStatus"], fields["RecordingChannels"]) == ("completed", "2")


def seen(asked: Asked) -> str:
    return asked.fields["CallSid"]


async def test_every_request_of_a_call_names_the_same_call(bot: Bot) -> None:
    bot.page("/voice", "<Redirect>/next</Redirect>")
    bot.page("/next", "<Hangup/>")
    result = await call(bot)
    assert {seen(asked) for asked in bot.asked} == {result.call_sid}
