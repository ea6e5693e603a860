"""What an error of the service, of the stream or of the connection means for the call. Pure.

Messages of the service often begin with a request id and may quote what we sent; none of that may reach a log. So a
verdict's detail is made of the error's type and of the meaning that we recognised in it, never of the message itself.
The SDK's own `is_throttling_error` and `is_retry_safe` say nothing even for a throttled call: the type decides.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from app.call.events import Failure


@dataclass(frozen=True, slots=True)
class Verdict:
    """`detail` is safe for a log."""

    failure: Failure
    detail: str


# Substrings of a ValidationException, in the order in which they are looked for (all in lower case).
VALIDATION: tuple[tuple[str, Failure, str], ...] = (
    ("internalerrorcode=531", Failure.EXPIRED, "stream cut by the service (531)"),
    ("rst_stream closed stream", Failure.EXPIRED, "stream cut by the service"),
    ("internalerrorcode=532", Failure.EXPIRED, "idle limit (532)"),
    ("timed out waiting for audio bytes", Failure.EXPIRED, "idle limit"),
    ("system instability", Failure.UNSTABLE, "system instability"),
    ("over max limit", Failure.HISTORY_TOO_LONG, "history over the limit"),
    ("content filters", Failure.FILTERED, "content filters"),
    ("received invalid id", Failure.MISCONFIGURED, "unknown voice id"),
    ("model identifier is invalid", Failure.MISCONFIGURED, "unknown model id"),
    ("tool response parsing error", Failure.BAD_INPUT, "tool result not taken"),
    ("duplicate system content", Failure.BAD_INPUT, "second system block"),
    ("chat history should be sent completely", Failure.BAD_INPUT, "audio before the end of the history"),
    ("at least one audio content", Failure.BAD_INPUT, "prompt without audio"),
    ("no content data was received", Failure.BAD_INPUT, "content without data"),
    ("must be closed before ending", Failure.BAD_INPUT, "content left open"),
    ("no prompts were received", Failure.BAD_INPUT, "session without prompt"),
    ("invalid input request", Failure.BAD_INPUT, "invalid input"),
)

# Error types in lower case, without the ending "Exception" or "Error": as HTTP errors and as frames they are spelt
# with different capitals.
TYPES: Mapping[str, Failure] = {
    "throttling": Failure.THROTTLED,
    "toomanyrequests": Failure.THROTTLED,
    "servicequotaexceeded": Failure.THROTTLED,
    "modeltimeout": Failure.EXPIRED,
    "expiredtoken": Failure.EXPIRED,  # our credentials ran out: a new session takes new ones
    "internalserver": Failure.UNSTABLE,
    "serviceunavailable": Failure.UNSTABLE,
    "modelstream": Failure.UNSTABLE,
    "model": Failure.UNSTABLE,
    "modelnotready": Failure.UNSTABLE,
    "accessdenied": Failure.MISCONFIGURED,
    "resourcenotfound": Failure.MISCONFIGURED,
    "unrecognizedclient": Failure.MISCONFIGURED,
    "invalidsignature": Failure.MISCONFIGURED,
    "incompletesignature": Failure.MISCONFIGURED,
    "missingauthenticationtoken": Failure.MISCONFIGURED,
    "unknownoperation": Failure.MISCONFIGURED,
}

HTTP_TYPES: Mapping[int, str] = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}

LOST_FRAME = Verdict(Failure.LOST, "stream ended inside a frame")
LOST_STREAM = Verdict(Failure.LOST, "stream ended unasked")


def type_of(name: str) -> str:
    """`com.amazonaws#ThrottlingException:http://...` and `throttlingException` are both `throttling`."""
    bare = name.partition(":")[0].rpartition("#")[2].lower()
    return bare.removesuffix("exception").removesuffix("error") or bare


def of_error(name: str, message: str) -> Verdict:
    """An error by its type's name, however spelt, and its message."""
    bare = type_of(name)
    if bare == "validation":
        return of_validation(message)
    failure = TYPES.get(bare, Failure.UNSTABLE)
    return Verdict(failure, bare if bare in TYPES else "error of an unknown type")


def of_validation(message: str) -> Verdict:
    lowered = message.lower()
    for words, failure, meaning in VALIDATION:
        if words in lowered:
            return Verdict(failure, f"validation: {meaning}")
    return Verdict(Failure.BAD_INPUT, "validation: unknown reason")


def of_http(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """An HTTP error in place of the stream. `headers` with their names in lower case."""
    document = _document(body)
    named = headers.get("x-amzn-errortype") or document.get("__type") or document.get("code") or ""
    fallback = HTTP_TYPES.get(status, "InternalServerException" if status >= 500 else "ValidationException")
    message = document.get("message") or document.get("Message") or ""
    verdict = of_error(str(named) or fallback, str(message))
    if verdict.detail == "error of an unknown type":
        verdict = of_error(fallback, str(message))
    if status == 429:
        verdict = Verdict(Failure.THROTTLED, verdict.detail)
    return Verdict(verdict.failure, f"HTTP {status}, {verdict.detail}")


def of_frame(kind: str, type: str, payload: bytes, note: str = "") -> Verdict:
    """An exception frame (modelled) or an error frame (not modelled) inside the stream."""
    document = _document(payload)
    message = str(document.get("message") or document.get("Message") or note)
    return of_error(type, message)


def of_connection(name: str) -> Verdict:
    """An error of the transport, by the name the CRT gives it (`AWS_IO_SOCKET_CLOSED`)."""
    safe = "".join(c for c in name if c.isalnum() or c == "_")[:80] or "unknown"
    if name in {"AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE", "AWS_IO_TLS_ERROR_DEFAULT_TRUST_STORE_NOT_FOUND"}:
        return Verdict(Failure.MISCONFIGURED, f"TLS refused: is the certificate trusted? ({safe})")
    if name in {"AWS_ERROR_INVALID_ARGUMENT", "AWS_ERROR_HTTP_UNSUPPORTED_PROTOCOL"}:
        return Verdict(Failure.MISCONFIGURED, f"the endpoint does not speak HTTP/2 over TLS ({safe})")
    what = "stream reset" if "RST_STREAM" in name else "connection lost"
    return Verdict(Failure.LOST, f"{what} ({safe})")


def _document(body: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
