"""What each error of the service means, and that no detail says more than it may."""

import json

import pytest

from app.call.events import Failure
from app.engines.nova_sonic.errors import of_connection, of_error, of_frame, of_http, type_of

SECRET = "RequestId=0f1e2d3c-aaaa-bbbb-cccc-1234567890ab : my card is 4111"

MEANINGS = [
    (
        "ModelTimeoutException",
        "Model has timed out in processing the request. Try your request again.",
        Failure.EXPIRED,
    ),
    (
        "ValidationException",
        "InternalErrorCode=531::RST_STREAM closed stream. HTTP/2 error code: NO_ERROR",
        Failure.EXPIRED,
    ),
    ("ValidationException", "System instability detected. Please retry your request.", Failure.UNSTABLE),
    ("ValidationException", "Timed out waiting for audio bytes or interactive content.", Failure.EXPIRED),
    ("ValidationException", "InternalErrorCode=532", Failure.EXPIRED),
    ("ValidationException", "Invalid input request, please fix your input and try again.", Failure.BAD_INPUT),
    ("ValidationException", "Tool Response parsing error", Failure.BAD_INPUT),
    ("ValidationException", "Duplicate SYSTEM content.", Failure.BAD_INPUT),
    (
        "ValidationException",
        "Chat history is over max limit. Trim chat history and try again.",
        Failure.HISTORY_TOO_LONG,
    ),
    ("ValidationException", "Chat history should be sent completely before streaming audio.", Failure.BAD_INPUT),
    ("ValidationException", "Prompt [p] must have at least one audio content", Failure.BAD_INPUT),
    ("ValidationException", "Received invalid id: 'Tiffany'", Failure.MISCONFIGURED),
    ("ValidationException", "This request has been blocked by our content filters.", Failure.FILTERED),
    ("ValidationException", "Something never seen before", Failure.BAD_INPUT),
    ("ThrottlingException", "Too many tokens per day", Failure.THROTTLED),
    ("ServiceQuotaExceededException", "", Failure.THROTTLED),
    ("InternalServerException", "The system encountered an unexpected error", Failure.UNSTABLE),
    ("ServiceUnavailableException", "", Failure.UNSTABLE),
    ("ModelStreamErrorException", "", Failure.UNSTABLE),
    ("ModelErrorException", "", Failure.UNSTABLE),
    ("ModelNotReadyException", "", Failure.UNSTABLE),
    ("AccessDeniedException", "", Failure.MISCONFIGURED),
    ("ResourceNotFoundException", "", Failure.MISCONFIGURED),
    ("UnrecognizedClientException", "The security token included in the request is invalid", Failure.MISCONFIGURED),
    ("ExpiredTokenException", "", Failure.EXPIRED),
    ("NeverHeardOfException", "", Failure.UNSTABLE),
]


@pytest.mark.parametrize(("name", "message", "failure"), MEANINGS)
def test_an_error_is_classified_and_its_words_stay_out(name: str, message: str, failure: Failure) -> None:
    frame_name = name[0].lower() + name[1:]
    verdict = of_frame("exception", frame_name, json.dumps({"message": f"{SECRET} {message}"}).encode())
    assert verdict.failure is failure
    assert verdict == of_error(f"com.amazonaws.bedrockruntime#{name}:http://internal/", f"{SECRET} {message}")
    assert "4111" not in verdict.detail and "0f1e" not in verdict.detail


@pytest.mark.parametrize(
    ("status", "errortype", "failure"),
    [
        (429, "ThrottlingException", Failure.THROTTLED),
        (429, "", Failure.THROTTLED),
        (429, "WhateverException", Failure.THROTTLED),
        (400, "ValidationException:http://x/", Failure.BAD_INPUT),
        (403, "AccessDeniedException", Failure.MISCONFIGURED),
        (403, "", Failure.MISCONFIGURED),
        (404, "", Failure.MISCONFIGURED),
        (424, "ModelErrorException", Failure.UNSTABLE),
        (500, "", Failure.UNSTABLE),
        (502, "", Failure.UNSTABLE),
        (503, "", Failure.UNSTABLE),
        (418, "", Failure.BAD_INPUT),
    ],
)
def test_an_http_error_is_classified_by_type_or_status(status: int, errortype: str, failure: Failure) -> None:
    headers = {"x-amzn-errortype": errortype} if errortype else {}
    verdict = of_http(status, headers, b"<html>gateway</html>")
    assert verdict.failure is failure
    assert verdict.detail.startswith(f"HTTP {status}")


def test_an_http_error_may_name_its_type_in_the_body() -> None:
    body = json.dumps({"__type": "com.amazon.coral#ThrottlingException", "message": "slow down"}).encode()
    assert of_http(400, {}, body).failure is Failure.THROTTLED


def test_a_voice_the_service_does_not_know_is_said_before_the_stream_too() -> None:
    body = json.dumps({"message": "Received invalid id: 'Bob'"}).encode()
    assert of_http(400, {"x-amzn-errortype": "ValidationException"}, body).failure is Failure.MISCONFIGURED


def test_an_error_frame_without_a_model_is_transient() -> None:
    assert of_frame("error", "InternalFailure", b"", "oops").failure is Failure.UNSTABLE


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("AWS_IO_SOCKET_CLOSED", Failure.LOST),
        ("AWS_IO_SOCKET_CONNECTION_REFUSED", Failure.LOST),
        ("AWS_ERROR_HTTP_RST_STREAM_RECEIVED", Failure.LOST),
        ("AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE", Failure.MISCONFIGURED),
        ("AWS_ERROR_HTTP_UNSUPPORTED_PROTOCOL", Failure.MISCONFIGURED),
        ("", Failure.LOST),
    ],
)
def test_a_connections_error_is_classified_by_the_crts_name(name: str, failure: Failure) -> None:
    assert of_connection(name).failure is failure


def test_a_types_name_is_recognised_in_every_spelling() -> None:
    spellings = ["throttlingException", "ThrottlingException:http://a", "com.amazonaws#ThrottlingException"]
    assert {type_of(name) for name in spellings} == {"throttling"}
