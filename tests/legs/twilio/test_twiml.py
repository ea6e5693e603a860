"""What Twilio is told to do with a call."""

from xml.etree import ElementTree as ET

import pytest

from app.call.continuation import Answer, ConnectStream, DialPerson, HangUpCall, RejectCall, SpeakAndHangUp
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
