"""TwiML as Twilio reads it."""

import pytest
from twilio.twiml.voice_response import Connect, Dial, VoiceResponse

from app.simulator.twilio.twiml import TwimlError, Verb, read, stream_order

DOCUMENT = "https://bot.example/twilio/voice"


def xml(inside: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'.encode()


def stream(attributes: str, inside: str = "") -> Verb:
    (connect,) = read(xml(f"<Connect><Stream {attributes}>{inside}</Stream></Connect>")).verbs
    return connect.children[0]


def test_verbs_come_in_order_with_attributes_text_and_nouns() -> None:
    program = read(xml('<Say voice="a">Hi <break/> you</Say><Dial timeout="5"><Number>+1503</Number></Dial><!-- c -->'))
    assert program.warnings == ()
    say, dial = program.verbs
    assert say == Verb("Say", {"voice": "a"}, "Hi  you")
    assert dial.get("timeout") == "5" and dial.children == (Verb("Number", {}, "+1503"),)


def test_what_twilios_own_library_writes_is_read_without_a_warning() -> None:
    response = VoiceResponse()
    response.start().stream(url="wss://a.b/c", track="both_tracks", name="n")
    connect = Connect(action="/next")
    connect.stream(url="wss://a.b/c", status_callback="https://a.b/s").parameter(name="x", value="y")
    response.append(connect)
    dial = Dial(action="/dialled", caller_id="+15035550199", timeout=20, answer_on_bridge=True)
    dial.number("+15035550100", url="/whisper", status_callback="/s", status_callback_event="answered completed")
    dial.conference("room", wait_url="/music", end_conference_on_exit=True)
    response.append(dial)
    response.enqueue(None, workflow_sid="WW1").task('{"a": 1}', priority=5)
    gather = response.gather(input="dtmf speech", num_digits=1, action="/g")
    gather.say("press one")
    response.record(max_length=30, recording_status_callback="/r")
    response.refer(action="/r").sip("sip:a@b")
    response.redirect("/next")
    program = read(str(response).encode())
    assert program.warnings == ()
    names = [verb.name for verb in program.verbs]
    assert names == ["Start", "Connect", "Dial", "Enqueue", "Gather", "Record", "Refer", "Redirect"]


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ('<Say colour="red">Hi</Say>', "Say> has no attribute colour"),
        ('<Dial statusCallbackEvent="answered">+1503</Dial>', "Dial> has no attribute statusCallbackEvent"),
        ("<Sing/>", "Sing> is not a verb"),
        ("<say>Hi</say>", "say> is not a verb"),
        ("<Connect><Number>1</Number></Connect>", "Number> does not belong into <Connect>"),
    ],
)
def test_what_the_schema_does_not_know_is_left_out_with_a_warning(inside: str, told: str) -> None:
    (warning,) = read(xml(inside)).warnings
    assert told in warning


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"<Response><Say></Response>", "text/xml", 12100),
        (b"\n<Response/>", "text/xml", 12100),
        (b"\xef\xbb\xbf<Response/>", "text/xml", 12100),
        (b"<response/>", "text/xml", 12100),
        (b"", "text/xml", 12100),
        (b"<Response/>", "application/json", 12300),
        (b"<Response/>", "", 12300),
    ],
)
def test_a_document_that_cannot_be_read_says_why(body: bytes, content_type: str, code: int) -> None:
    with pytest.raises(TwimlError) as error:
        read(body, content_type)
    assert error.value.code == code


def test_plain_text_is_twiml_when_it_parses_and_is_spoken_otherwise() -> None:
    assert read(b"<Response><Hangup/></Response>", "text/plain").verbs == (Verb("Hangup"),)
    assert read(b"We are closed.", "text/plain").verbs == (Verb("Say", text="We are closed."),)


@pytest.mark.parametrize(
    ("url", "dialled"),
    [
        ("wss://other.example/m", "wss://other.example/m"),
        ("/media", "wss://bot.example/media"),
        ("media", "wss://bot.example/twilio/media"),
        ("ws://127.0.0.1:8000/m", "ws://127.0.0.1:8000/m"),
        ("ws://localhost:8000/m", "ws://localhost:8000/m"),
    ],
)
def test_where_a_stream_goes(url: str, dialled: str) -> None:
    assert stream_order(stream(f'url="{url}"'), DOCUMENT, bidirectional=True).url == dialled


def test_a_relative_stream_of_a_local_document_is_ws() -> None:
    order = stream_order(stream('url="/media"'), "http://127.0.0.1:8000/twilio/voice", bidirectional=True)
    assert order.url == "ws://127.0.0.1:8000/media"


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ('url="ws://bot.example/m"', 31922),
        ('url="https://bot.example/m"', 31922),
        ('url=""', 31923),
        ('url="wss://bot.example:port/m"', 31923),
        ('url="wss:///m"', 31923),
        ('url="wss://a.b/m" track="outbound_track"', 31941),
        ('url="wss://a.b/m" track="both_tracks"', 31941),
        ('url="wss://a.b/m" track="all"', 31941),
    ],
)
def test_a_stream_that_cannot_be_had_says_why(attributes: str, code: int) -> None:
    with pytest.raises(TwimlError) as error:
        stream_order(stream(attributes), DOCUMENT, bidirectional=True)
    assert error.value.code == code


def test_a_query_is_cut_off_with_a_warning() -> None:
    order = stream_order(stream('url="wss://a.b/m?token=1"'), DOCUMENT, bidirectional=True)
    assert order.url == "wss://a.b/m" and "takes no query" in order.warnings[0]


def test_a_parameter_of_500_characters_is_too_long() -> None:
    def order(length: int) -> dict[str, str]:
        inside = f'<Parameter name="nine chars" value="{"v" * (length - 10)}"/>'
        return stream_order(stream('url="wss://a.b/m"', inside), DOCUMENT, bidirectional=True).parameters

    assert len(order(499)["nine chars"]) == 489 and order(500) == {}


def test_a_one_way_stream_may_have_both_tracks() -> None:
    order = stream_order(stream('url="wss://a.b/m" track="both_tracks"'), DOCUMENT, bidirectional=False)
    assert order.tracks == ("inbound", "outbound")
