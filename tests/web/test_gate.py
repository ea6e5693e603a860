"""Who may come in."""

from typing import Any

from app.legs.twilio.signature import signature
from app.web.gate import Gate


def webhook(given: str = "", **more: str) -> dict[str, Any]:
    headers = {"x-twilio-signature": given, **{name.replace("_", "-"): value for name, value in more.items()}}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "path": "/v", "raw_path": b"/v", "query_string": b"", "headers": raw}


def test_a_local_server_without_a_token_takes_what_nobody_can_sign() -> None:
    assert Gate("http://127.0.0.1:8000", (), allow_unsigned=True).admits(webhook())
    assert not Gate("http://127.0.0.1:8000", ()).admits(webhook())


def test_a_local_server_with_a_token_checks_it() -> None:
    gate = Gate("http://127.0.0.1:8000", ("12345",), allow_unsigned=True)
    assert not gate.admits(webhook())
    assert gate.admits(webhook(signature("12345", "http://127.0.0.1:8000/v")))


def test_a_refusal_is_counted_and_an_admission_is_not() -> None:
    refused: list[int] = []
    gate = Gate("https://e.com", ("12345",), on_bad_signature=lambda: refused.append(1))
    assert gate.admits(webhook(signature("12345", "https://e.com/v")))
    assert not refused
    assert not gate.admits(webhook("x"))
    assert refused == [1]


def test_a_shared_keys_algorithm_is_taken_from_its_header() -> None:
    given = signature("shared", "https://e.com/v", algorithm="HMAC_SHA256")
    settings = {"x_twilio_webhooks_signature_settings": "key=k1,algorithm=HMAC_SHA256"}
    assert Gate("https://e.com", ("shared",)).admits(webhook(given, **settings))
    assert not Gate("https://e.com", ("shared",)).admits(webhook(given))
