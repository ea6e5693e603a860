"""What Twilio is told to do with a call, as TwiML. Pure.

`<Connect><Stream>` blocks until the socket is closed, then the next verb runs: the `<Redirect>` behind it is what lets
a call outlive its socket. The stream's URL carries no query, because Twilio strips it; what the socket must bring along
goes into a `<Parameter>`.
"""

from urllib.parse import urlsplit

from twilio.twiml.voice_response import VoiceResponse

from app.call.continuation import Answer, ConnectStream, DialPerson, HangUpCall, RejectCall, SpeakAndHangUp

VOICE_PATH = "/twilio/voice"
NEXT_PATH = "/twilio/next"
FALLBACK_PATH = "/twilio/fallback"
STATUS_PATH = "/twilio/status"
STREAM_STATUS_PATH = "/twilio/stream-status"
MEDIA_PATH = "/twilio/media"

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
    return str(response)


def _connect_stream(response: VoiceResponse, public_url: str, token: str) -> None:
    stream = response.connect().stream(
        url=socket_base(public_url) + MEDIA_PATH, status_callback=public_url + STREAM_STATUS_PATH
    )
    stream.parameter(name="token", value=token)
    response.redirect(public_url + NEXT_PATH, method="POST")
