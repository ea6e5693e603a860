"""The service's own words for everything it refuses, and the exception each refusal comes as.

A refusal before the response headers is an HTTP answer; afterwards it is an exception frame, and the stream ends.
"""

from dataclasses import dataclass
from uuid import uuid4

STATUS = {
    "validationException": 400,
    "accessDeniedException": 403,
    "invalidSignatureException": 403,
    "unrecognizedClientException": 403,
    "missingAuthenticationTokenException": 403,
    "resourceNotFoundException": 404,
    "unknownOperationException": 404,
    "modelTimeoutException": 408,
    "modelStreamErrorException": 424,
    "throttlingException": 429,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
}

# The members of the operation's output stream; anything else can only be an HTTP answer (or an unmodelled error frame).
STREAMED = {
    "internalServerException",
    "modelStreamErrorException",
    "validationException",
    "throttlingException",
    "modelTimeoutException",
    "serviceUnavailableException",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """`member` is the exception's name as a stream member: validationException."""

    member: str
    message: str

    @property
    def status(self) -> int:
        return STATUS[self.member]

    @property
    def error_type(self) -> str:
        """The name as HTTP answers carry it in x-amzn-errortype: ValidationException."""
        return self.member[0].upper() + self.member[1:]

    def worded(self) -> str:
        """The message as sent: a validation message has the request's id before it, so clients must search."""
        return f"RequestId={uuid4()} : {self.message}" if self.member == "validationException" else self.message


class Refused(Exception):
    """Raised where the client's request or event is not acceptable. The client's fault."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def _invalid(message: str) -> Refusal:
    return Refusal("validationException", message)


INVALID_INPUT = _invalid("Invalid input request, please fix your input and try again.")
DUPLICATE_SYSTEM = _invalid("Duplicate SYSTEM content. SYSTEM content can only be provided once per prompt")
HISTORY_NOT_COMPLETE = _invalid("Chat history should be sent completely before streaming audio.")
HISTORY_TOO_LONG = _invalid("Chat history is over max limit. Trim chat history and try again.")
CONTENTS_OPEN = _invalid("All contents must be closed before ending prompt")
NO_PROMPTS = _invalid("No prompts were received in the sequence")
TOOL_RESPONSE = _invalid("Tool Response parsing error")
INSTABILITY = _invalid("System instability detected. Please retry your request.")
STREAM_CUT = _invalid("InternalErrorCode=531::RST_STREAM closed stream. HTTP/2 error code: NO_ERROR")
CONTENT_FILTER = _invalid("This request has been blocked by our content filters.")
TIMED_OUT = Refusal("modelTimeoutException", "Model has timed out in processing the request. Try your request again.")
THROTTLED = Refusal("throttlingException", "Too many requests, please wait before trying again.")
UNEXPECTED = "The system encountered an unexpected error during processing. Try your request again."
STREAM_ERROR = Refusal("modelStreamErrorException", UNEXPECTED)
INTERNAL = Refusal("internalServerException", UNEXPECTED)
UNAVAILABLE = Refusal("serviceUnavailableException", UNEXPECTED)
ACCESS_DENIED = Refusal("accessDeniedException", "You don't have access to the model with the specified model ID.")
NOT_FOUND = Refusal("resourceNotFoundException", "Could not resolve the foundation model from the model identifier.")
UNKNOWN_OPERATION = Refusal("unknownOperationException", "The requested operation is not recognized by the service.")
NO_AUTHENTICATION = Refusal("missingAuthenticationTokenException", "Missing Authentication Token")
UNKNOWN_KEY = Refusal("unrecognizedClientException", "The security token included in the request is invalid.")
BAD_SIGNATURE = Refusal(
    "invalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)


def malformed_signature(what: str) -> Refusal:
    return Refusal("invalidSignatureException", f"The request signature is not acceptable: {what}.")


def no_audio_content(prompt: str) -> Refusal:
    return _invalid(f"Prompt [{prompt}] must have at least one audio content")


def empty_content(content: str) -> Refusal:
    return _invalid(f"Cannot end content [{content}] as no content data was received")


def unknown_voice(voice: str) -> Refusal:
    return _invalid(f"Received invalid id: '{voice}'")


def idle(seconds: float) -> Refusal:
    return _invalid(
        "InternalErrorCode=532::Timed out waiting for audio bytes or interactive content. Please ensure gaps between "
        f"audio bytes and interactive content are less than {seconds:g} seconds."
    )
