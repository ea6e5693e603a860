"""TwiML read into verbs, as strictly as Twilio reads it. (twilio.md 3)

Pure. What breaks the schema (an unknown verb, noun or attribute) is left out with a warning 12200, as Twilio does; a
document that cannot be read at all raises.
"""

import ipaddress
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit, urlunsplit

XML_TYPES = frozenset({"text/xml", "application/xml", "text/html"})
PARAMETER_LIMIT = 500  # characters of a stream parameter's name and value together: fewer than this


class TwimlError(Exception):
    """The document cannot be executed; `code` is the Debugger's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb or noun with its known attributes, its text, and the nouns inside it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple["Verb", ...] = ()

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def named(self, *names: str) -> list["Verb"]:
        return [child for child in self.children if child.name in names]


@dataclass(frozen=True, slots=True)
class Program:
    verbs: tuple[Verb, ...]
    warnings: tuple[str, ...]  # each a 12200


RECORDING = "recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent"
CALLBACK = "statusCallback statusCallbackMethod statusCallbackEvent"
MACHINE = (
    "machineDetection machineDetectionTimeout machineDetectionSpeechThreshold machineDetectionSpeechEndThreshold"
    " machineDetectionSilenceTimeout amdStatusCallback amdStatusCallbackMethod"
)
SCREENED = f"url method {CALLBACK} {MACHINE}"
STREAM = "name url track statusCallback statusCallbackMethod connectorName audioFormat sampleRate"
CONFERENCE = (
    f"muted beep startConferenceOnEnter endConferenceOnExit waitUrl waitMethod maxParticipants record region coach trim"
    f" {CALLBACK} {RECORDING} eventCallbackUrl jitterBufferSize participantLabel"
)
GATHER = (
    "input action method timeout speechTimeout maxSpeechTime profanityFilter finishOnKey numDigits"
    " partialResultCallback partialResultCallbackMethod language hints bargeIn debug actionOnEmptyResult speechModel"
    " enhanced"
)
DIAL = (
    f"action method timeout hangupOnStar timeLimit callerId record trim {RECORDING} recordingTrack answerOnBridge"
    " ringTone sequential referUrl referMethod events passports callReason"
)
# verb -> attributes it may have
VERBS: dict[str, str] = {
    "Say": "voice language loop",
    "Play": "loop digits",
    "Pause": "length",
    "Gather": GATHER,
    "Redirect": "method",
    "Reject": "reason",
    "Hangup": "",
    "Dial": DIAL,
    "Enqueue": "action method waitUrl waitUrlMethod maxQueueSize workflowSid",
    "Record": f"action method timeout finishOnKey maxLength playBeep trim {RECORDING} transcribe transcribeCallback",
    "Start": "action method",
    "Stop": "",
    "Connect": "action method",
    "Refer": "action method",
    "Leave": "",
}
# (verb, noun inside it) -> attributes the noun may have; None takes any noun (speech markup).
NOUNS: dict[tuple[str, str], str] = {
    ("Gather", "Say"): VERBS["Say"],
    ("Gather", "Play"): VERBS["Play"],
    ("Gather", "Pause"): VERBS["Pause"],
    ("Dial", "Number"): f"sendDigits byoc {SCREENED}",
    ("Dial", "Sip"): f"username password {SCREENED}",
    ("Dial", "Client"): f"url method {CALLBACK}",
    ("Dial", "Queue"): "url method reservationSid postWorkActivitySid",
    ("Dial", "Conference"): CONFERENCE,
    ("Client", "Identity"): "",
    ("Client", "Parameter"): "name value",
    ("Enqueue", "Task"): "priority timeout",
    ("Connect", "Stream"): STREAM,
    ("Start", "Stream"): STREAM,
    ("Stop", "Stream"): "name",
    ("Stream", "Parameter"): "name value",
    ("Start", "Recording"): f"{RECORDING} trim track channels recordingConfigurationId",
    ("Stop", "Recording"): "sid",
    ("Refer", "Sip"): "",
}


def read(body: bytes, content_type: str = "text/xml") -> Program:
    """The program a document holds. Raises `TwimlError` (12100 not well-formed TwiML, 12300 not a type of TwiML).

    text/plain is TwiML when it parses, else it is spoken.
    """
    if content_type == "text/plain":
        try:
            return _read_xml(body)
        except TwimlError:
            return Program((Verb("Say", text=body.decode(errors="replace")),), ())
    if content_type.startswith("audio/"):
        raise TwimlError(12300, "audio is played, not read")
    if content_type not in XML_TYPES:
        raise TwimlError(12300, f"content type {content_type or 'missing'}; answer with text/xml")
    return _read_xml(body)


def _read_xml(body: bytes) -> Program:
    if not body.startswith(b"<"):
        raise TwimlError(12100, "the XML must start at the first byte: no blank line, no byte order mark")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise TwimlError(12100, f"not well-formed XML: {error}") from None
    if root.tag != "Response":
        raise TwimlError(12100, f"the root is <{root.tag}>; it must be <Response>")
    warnings: list[str] = []
    return Program(tuple(_verbs(root, warnings)), tuple(warnings))


def _verbs(root: ElementTree.Element, warnings: list[str]) -> Iterator[Verb]:
    for element in root:
        attributes = VERBS.get(element.tag)
        if attributes is None:
            warnings.append(f"<{element.tag}> is not a verb known here; left out")
        else:
            yield _verb(element, attributes, warnings)


def _verb(element: ElementTree.Element, allowed: str, warnings: list[str]) -> Verb:
    known = set(allowed.split())
    for stranger in sorted(element.attrib.keys() - known):
        warnings.append(f"<{element.tag}> has no attribute {stranger}; left out")
    attributes = {name: value for name, value in element.attrib.items() if name in known}
    if element.tag == "Say":  # its children are speech markup
        return Verb("Say", attributes, "".join(element.itertext()).strip())
    return Verb(element.tag, attributes, (element.text or "").strip(), tuple(_nouns(element, warnings)))


def _nouns(element: ElementTree.Element, warnings: list[str]) -> Iterator[Verb]:
    for child in element:
        allowed = NOUNS.get((element.tag, child.tag))
        if allowed is None:
            warnings.append(f"<{child.tag}> does not belong into <{element.tag}>; left out")
        else:
            yield _verb(child, allowed, warnings)


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """A stream as the TwiML asks for it, judged. `warnings` are each a 12200."""

    url: str
    name: str
    tracks: tuple[str, ...]
    parameters: dict[str, str]
    status_callback: str
    status_callback_method: str
    warnings: tuple[str, ...] = ()


TRACKS = {
    "inbound_track": ("inbound",),
    "outbound_track": ("outbound",),
    "both_tracks": ("inbound", "outbound"),
}


def stream_order(stream: Verb, document_url: str, bidirectional: bool) -> StreamOrder:
    """What a `<Stream>` asks for. Raises `TwimlError` with 31922, 31923 or 31941."""
    warnings: list[str] = []
    track = stream.get("track", "inbound_track")
    if track not in TRACKS or (bidirectional and track != "inbound_track"):
        raise TwimlError(31941, f"track {track} cannot be had {'in <Connect>' if bidirectional else ''}".strip())
    return StreamOrder(
        url=_stream_url(stream.get("url"), document_url, warnings),
        name=stream.get("name"),
        tracks=TRACKS[track],
        parameters=_parameters(stream, warnings),
        status_callback=_absolute(stream.get("statusCallback"), warnings),
        status_callback_method=stream.get("statusCallbackMethod", "POST"),
        warnings=tuple(warnings),
    )


def _stream_url(written: str, document_url: str, warnings: list[str]) -> str:
    if not written.strip():
        raise TwimlError(31923, "<Stream> has no url")
    url = written.strip()
    if "://" not in url:
        base = urlsplit(document_url)
        scheme = "wss" if base.scheme == "https" else "ws"
        url = urljoin(urlunsplit(("http", *base[1:])), url).replace("http", scheme, 1)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise TwimlError(31923, f"the stream's url is malformed: {error}") from None
    if not host or any(letter.isspace() for letter in url):
        raise TwimlError(31923, "the stream's url is malformed")
    # The one exception to wss: a server on this very machine, which has no certificate.
    if parts.scheme != "wss" and not (parts.scheme == "ws" and is_loopback(host)):
        raise TwimlError(31922, f"the stream's url is {parts.scheme}://; only wss:// is spoken")
    if parts.query:
        warnings.append("a <Stream> url takes no query; it was cut off, use <Parameter>")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parameters(stream: Verb, warnings: list[str]) -> dict[str, str]:
    parameters = {}
    for parameter in stream.named("Parameter"):
        name, value = parameter.get("name"), parameter.get("value")
        if not name:
            warnings.append("a <Parameter> without name was left out")
        elif len(name) + len(value) >= PARAMETER_LIMIT:
            warnings.append(f"<Parameter> {name:.40} has {PARAMETER_LIMIT} characters or more; left out")
        else:
            parameters[name] = value
    return parameters


def _absolute(url: str, warnings: list[str]) -> str:
    if url and urlsplit(url).scheme not in ("http", "https"):
        warnings.append("a <Stream> statusCallback must be absolute; left out")
        return ""
    return url
