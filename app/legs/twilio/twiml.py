"""What Twilio is told to do with a call, as TwiML. Pure.

`<Connect><Stream>` blocks until the socket is closed, then the next verb runs: the `<Redirect>` behind it is what lets
a call outlive its socket. The stream's URL carries no query, because Twilio strips it; what the socket must bring along
goes into a `<Parameter>`.
"""

import json
import re
from urllib.parse import urlsplit

from twilio.twiml.voice_response import VoiceResponse

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
)

VOICE_PATH = "/twilio/voice"
NEXT_PATH = "/twilio/next"
FALLBACK_PATH = "/twilio/fallback"
STATUS_PATH = "/twilio/status"
STREAM_STATUS_PATH = "/twilio/stream-status"
MEDIA_PATH = "/twilio/media"
# A call that we place: what is sealed for it follows the first (`app.legs.twilio.orders`).
OUTBOUND_PATH = "/twilio/outbound"
AMD_PATH = "/twilio/amd"
# About one attempt to give a caller to somebody; its name follows.
WHISPER_PATH = "/twilio/whisper"
ACCEPT_PATH = "/twilio/accept"
PERSON_STATUS_PATH = "/twilio/person-status"
RECORDING_PATH = "/twilio/recording"
WAIT_PATH = "/twilio/wait"
LOOP_PATH = "/twilio/loop"  # no webhook of Twilio's: `offhook doctor` signs as Twilio would, and nothing happens

_WHISPER_KEY_S = 10  # to press the key
_HOLD_PAUSE_S = 10
# What XML cannot say, and halves of characters, which the library writes as numbers: Twilio would refuse the whole.
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#5[567][0-9]{3};")
_LONGEST_SAY = 4_000  # Twilio takes about 4,096 characters
_NO_PORT = {("https", 443), ("http", 80)}


def socket_base(public_url: str) -> str:
    """`wss://host` for the published `https://host` (`ws` for a local `http`), with a port only where it is unusual."""
    parts = urlsplit(public_url)
    host = parts.netloc.rpartition("@")[2]
    if (parts.scheme, parts.port) in _NO_PORT:
        host = host.removesuffix(f":{parts.port}")
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{host}"


def render(answer: Answer, public_url: str, token: str = "") -> str:
    """The document for `answer`. `token` is needed by `ConnectStream` only."""
    response = VoiceResponse()
    match answer:
        case ConnectStream(record):
            if record:
                response.start().recording(channels="dual", track="both")
            _connect_stream(response, public_url, token)
        case SpeakAndHangUp(text, language):
            response.say(text[:_LONGEST_SAY], language=language)
            response.hangup()
        case RejectCall(reason):
            response.reject(reason=reason)
        case HangUpCall():
            response.hangup()
        case DialPerson(number, text, language):
            if text:
                response.say(text[:_LONGEST_SAY], language=language)
            response.dial(number)
        case DialTarget():
            _dial_target(response, answer, public_url)
        case JoinConference():
            _join_conference(response, answer, public_url)
        case WaitInQueue():
            _wait_in_queue(response, answer, public_url)
        case RecordMessage():
            _record_message(response, answer, public_url)
        case WhisperToPerson(attempt, text, language):
            asked = response.gather(
                num_digits=1, timeout=_WHISPER_KEY_S, action=about(public_url, ACCEPT_PATH, attempt)
            )
            asked.say(text[:_LONGEST_SAY], language=language)
            response.hangup()  # no key: a machine, or a no
        case LetThrough():
            pass
        case KeepWaiting(text, language):
            response.say(text[:_LONGEST_SAY], language=language)
            response.pause(length=_HOLD_PAUSE_S)
        case LeaveQueue():
            response.leave()
    return _NOT_XML.sub("", str(response))


def about(public_url: str, path: str, attempt: str) -> str:
    """The address of a route about one attempt. The name stands in the path, for a query may be signed in another
    order than it is sent."""
    return f"{public_url}{path}/{attempt}"


def _connect_stream(response: VoiceResponse, public_url: str, token: str) -> None:
    stream = response.connect().stream(
        url=socket_base(public_url) + MEDIA_PATH, status_callback=public_url + STREAM_STATUS_PATH
    )
    stream.parameter(name="token", value=token)
    response.redirect(public_url + NEXT_PATH, method="POST")


def _dial_target(response: VoiceResponse, answer: DialTarget, public_url: str) -> None:
    target = answer.destination
    caller_id = {"caller_id": answer.caller_id} if answer.caller_id else {}
    dial = response.dial(timeout=target.ring_s, action=about(public_url, NEXT_PATH, answer.attempt), **caller_id)
    noun = dial.sip if target.kind == "sip" else dial.number
    status = {"status_callback": about(public_url, PERSON_STATUS_PATH, answer.attempt)}
    whisper = {"url": about(public_url, WHISPER_PATH, answer.attempt)} if answer.whisper else {}
    noun(target.to, status_callback_event="answered", **status, **whisper)


def _join_conference(response: VoiceResponse, answer: JoinConference, public_url: str) -> None:
    is_caller = answer.who == "caller"
    dial = response.dial(action=about(public_url, NEXT_PATH, answer.attempt)) if is_caller else response.dial()
    dial.conference(answer.attempt, beep="false", start_conference_on_enter=not is_caller, end_conference_on_exit=True)


def _wait_in_queue(response: VoiceResponse, answer: WaitInQueue, public_url: str) -> None:
    target = answer.destination
    ways = {
        "action": about(public_url, NEXT_PATH, answer.attempt),
        "wait_url": about(public_url, WAIT_PATH, answer.attempt),
    }
    if target.kind == "queue":
        response.enqueue(target.to, **ways)
    else:
        response.enqueue(workflow_sid=target.to, **ways).task(json.dumps(dict(answer.attributes), ensure_ascii=False))


def _record_message(response: VoiceResponse, answer: RecordMessage, public_url: str) -> None:
    if answer.text:
        response.say(answer.text[:_LONGEST_SAY], language=answer.language)
    response.record(
        action=about(public_url, NEXT_PATH, answer.attempt),
        recording_status_callback=about(public_url, RECORDING_PATH, answer.attempt),
        max_length=answer.longest_s,
        timeout=5,
        finish_on_key="#",
        play_beep=True,
        trim="trim-silence",
    )
    response.redirect(about(public_url, NEXT_PATH, answer.attempt), method="POST")  # nothing was said: no action
