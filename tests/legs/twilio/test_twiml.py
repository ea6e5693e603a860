"""What Twilio is told to do with a call."""

from xml.etree import ElementTree as ET

import pytest

from app.call.continuation import (
    Answer,
    ConnectStream,
    DialPerson,
    DialTarget,
    HangUpCall,
    JoinConference,
    KeepWaiting,
    LeaveQueue,
    LetThrough,
    RecordMessage,
    RejectCall,
    SpeakAndHangUp,
    WaitInQueue,
    WhisperToPerson,
    whisper_text,
)
from app.call.onward import Destination
from app.legs.twilio.twiml import render, socket_base

PUBLIC = "https://bot.example.com"


def verbs(answer: Answer, public_url: str = PUBLIC, token: str = "") -> list[ET.Element]:
    document = render(answer, public_url, token)
    assert document.startswith("<?xml"), "Twilio wants the declaration at the first byte"
    response = ET.fromstring(document)
    assert response.tag == "Response"
    return list(response)


def test_a_stream_is_connected_and_followed_by_what_comes_after_it() -> None:
    connect, redirect = verbs(ConnectStream(), token="t.0.k-n")
    stream = connect[0]
    assert (connect.tag, stream.tag) == ("Connect", "Stream")
    assert stream.attrib == {
        "url": "wss://bot.example.com/twilio/media",
        "statusCallback": "https://bot.example.com/twilio/stream-status",
    }
    assert [(p.tag, p.attrib) for p in stream] == [("Parameter", {"name": "token", "value": "t.0.k-n"})]
    assert (redirect.tag, redirect.attrib, redirect.text) == ("Redirect", {"method": "POST"}, f"{PUBLIC}/twilio/next")


def test_a_recording_begins_before_the_stream_and_hears_both_sides_apart() -> None:
    start, connect, redirect = verbs(ConnectStream(record=True), token="t.0.k-n")
    assert [verb.tag for verb in (start, connect, redirect)] == ["Start", "Connect", "Redirect"]
    assert [(noun.tag, noun.attrib) for noun in start] == [("Recording", {"channels": "dual", "track": "both"})]


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [
        ("https://bot.example.com", "wss://bot.example.com"),
        ("https://bot.example.com:443", "wss://bot.example.com"),
        ("https://bot.example.com:8443", "wss://bot.example.com:8443"),
        ("https://user:pass@bot.example.com", "wss://bot.example.com"),
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000"),
        ("http://localhost:80", "ws://localhost"),
        ("https://[::1]:8443", "wss://[::1]:8443"),
    ],
)
def test_the_socket_is_published_without_a_usual_port(public_url: str, expected: str) -> None:
    assert socket_base(public_url) == expected


def test_a_line_is_spoken_in_its_language_and_the_call_ends() -> None:
    say, hang_up = verbs(SpeakAndHangUp("Bitte <später> & nochmal", "de-DE"))
    assert (say.tag, say.text, say.attrib) == ("Say", "Bitte <später> & nochmal", {"language": "de-DE"})
    assert hang_up.tag == "Hangup"


def test_a_line_too_long_for_twilio_is_cut() -> None:
    assert len(verbs(SpeakAndHangUp("x" * 10_000))[0].text or "") == 4_000


def test_a_refused_call_hears_the_busy_tone() -> None:
    (reject,) = verbs(RejectCall("busy"))
    assert (reject.tag, reject.attrib) == ("Reject", {"reason": "busy"})


def test_nothing_more_to_say_is_a_hangup() -> None:
    assert [verb.tag for verb in verbs(HangUpCall())] == ["Hangup"]


def test_a_person_is_announced_and_rung() -> None:
    say, dial = verbs(DialPerson("+18005551212", "One moment."))
    assert (say.text, dial.tag, dial.text) == ("One moment.", "Dial", "+18005551212")
    assert [verb.tag for verb in verbs(DialPerson("+18005551212"))] == ["Dial"]


# --- out of the stream ------------------------------------------------------------------------------------------------

HEAD = '<?xml version="1.0" encoding="UTF-8"?><Response>'


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            DialTarget("CA1-1", Destination("number", "+15550142", ring_s=20), "+15550100", whisper=False),
            f'<Dial action="{PUBLIC}/twilio/next/CA1-1" callerId="+15550100" timeout="20">'
            f'<Number statusCallback="{PUBLIC}/twilio/person-status/CA1-1" statusCallbackEvent="answered">+15550142'
            "</Number></Dial>",
        ),
        (
            DialTarget("CA1-1", Destination("sip", "sip:shop@example.com"), "", whisper=True),
            f'<Dial action="{PUBLIC}/twilio/next/CA1-1" timeout="25">'
            f'<Sip statusCallback="{PUBLIC}/twilio/person-status/CA1-1" statusCallbackEvent="answered"'
            f' url="{PUBLIC}/twilio/whisper/CA1-1">sip:shop@example.com</Sip></Dial>',
        ),
        (
            JoinConference("CA1-1", "caller"),
            f'<Dial action="{PUBLIC}/twilio/next/CA1-1"><Conference beep="false" endConferenceOnExit="true"'
            ' startConferenceOnEnter="false">CA1-1</Conference></Dial>',
        ),
        (
            JoinConference("CA1-1", "person"),
            '<Dial><Conference beep="false" endConferenceOnExit="true" startConferenceOnEnter="true">CA1-1'
            "</Conference></Dial>",
        ),
        (
            WaitInQueue("CA1-1", Destination("queue", "sales"), {}),
            f'<Enqueue action="{PUBLIC}/twilio/next/CA1-1" waitUrl="{PUBLIC}/twilio/wait/CA1-1">sales</Enqueue>',
        ),
        (
            WaitInQueue("CA1-1", Destination("workflow", "WW1"), {"summary": 'the "blue" <one>'}),
            f'<Enqueue action="{PUBLIC}/twilio/next/CA1-1" waitUrl="{PUBLIC}/twilio/wait/CA1-1" workflowSid="WW1">'
            '<Task>{"summary": "the \\"blue\\" &lt;one&gt;"}</Task></Enqueue>',
        ),
        (
            RecordMessage("CA1-1"),
            f'<Record action="{PUBLIC}/twilio/next/CA1-1" finishOnKey="#" maxLength="180" playBeep="true"'
            f' recordingStatusCallback="{PUBLIC}/twilio/recording/CA1-1" timeout="5" trim="trim-silence" />'
            f'<Redirect method="POST">{PUBLIC}/twilio/next/CA1-1</Redirect>',
        ),
        (
            WhisperToPerson("CA1-1", "Take it?"),
            f'<Gather action="{PUBLIC}/twilio/accept/CA1-1" numDigits="1" timeout="10">'
            '<Say language="en-US">Take it?</Say></Gather><Hangup />',
        ),
        (KeepWaiting("Hold on."), '<Say language="en-US">Hold on.</Say><Pause length="10" />'),
        (LeaveQueue(), "<Leave />"),
    ],
)
def test_people_are_reached_by_exactly_this(answer: Answer, expected: str) -> None:
    assert render(answer, PUBLIC) == f"{HEAD}{expected}</Response>"


def test_letting_a_caller_through_says_nothing() -> None:
    assert verbs(LetThrough()) == []


def test_a_whisper_tells_who_why_what_was_tried_and_promised() -> None:
    about = {"summary": "Ms Lee has a flat tyre.", "tried": "the order look-up", "promised": "a call today"}
    assert whisper_text(about, "+14155550123") == (
        "A call from 1 4 1 5 5 5 5 0 1 2 3. Ms Lee has a flat tyre. Tried: the order look-up. Promised: a call today. "
        "Press 1 to take it, or hang up."
    )
    assert "does not show a number" in whisper_text({}, "anonymous")


def test_a_summary_cannot_bring_verbs_of_its_own() -> None:
    text = whisper_text({"summary": "</Say></Gather><Dial>+19005550100</Dial><Say>"}, "+14155550123")
    gather, hang_up = verbs(WhisperToPerson("CA1-1", text))
    assert [gather.tag, hang_up.tag] == ["Gather", "Hangup"]
    assert [child.tag for child in gather] == ["Say"] and "<Dial>+19005550100</Dial>" in (gather[0].text or "")
