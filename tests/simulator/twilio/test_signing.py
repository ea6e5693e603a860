"""Our signatures, judged by the vectors of the documentation and by Twilio's own validator."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from app.simulator.twilio.signing import signature, signed_stream_url, signed_url

DOCUMENTED = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675310"),
    ("Digits", "1234"),
    ("From", "+14158675310"),
    ("To", "+18005551212"),
]


@pytest.mark.parametrize(
    ("url", "fields", "expected"),
    [
        ("https://example.com/myapp.php?foo=1&bar=2", DOCUMENTED, "L/OH5YylLD5NRKLltdqwSvS0BnU="),
        ("https://e.com/x", [("a", "")], "QHI5YGmxA6YCJMp3GiJ8OAfJ4DA="),
        ("wss://example.com/twilio/media", [], "Ko8aymfVk0cCegaxVKH0ZCvSyf4="),
        ("wss://example.com/twilio/media/", [], "2FSgdRajF1AcedC3OxeCdxXJk50="),
        ("wss://example.com:8443/twilio/media", [], "JOVi+9Zae/ZIKEgGRBHVFHtmyME="),
    ],
)
def test_known_signatures_come_out(url: str, fields: list[tuple[str, str]], expected: str) -> None:
    assert signature(url, fields, "12345") == expected


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.text()), st.sampled_from(["https://a.b/c", "http://a.b:81/c?d=e"]))
def test_twilios_own_validator_accepts_any_fields(fields: dict[str, str], url: str) -> None:
    assert RequestValidator("secret").validate(url, fields, signature(url, fields.items(), "secret"))


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://bot.example:8443/voice", "https://bot.example/voice"),
        ("http://127.0.0.1:8000/voice", "http://127.0.0.1:8000/voice"),
        ("https://user:pass@bot.example/v?a=%20b", "https://bot.example/v?a=%20b"),
        ("https://bot.example/v#rc=2&rp=all", "https://bot.example/v"),
        ("https://[::1]:9/v", "https://[::1]/v"),
        ("https://[::1]/v", "https://[::1]/v"),
    ],
)
def test_what_is_signed_of_a_webhooks_url(url: str, signed: str) -> None:
    assert signed_url(url) == signed


def test_a_streams_url_is_signed_as_given_or_with_a_slash() -> None:
    assert signed_stream_url("wss://b.example/media") == "wss://b.example/media"
    assert signed_stream_url("wss://b.example/media", slash=True) == "wss://b.example/media/"
    assert signed_stream_url("wss://b.example") == "wss://b.example/"
    assert signed_stream_url("wss://b.example:8443/m") == "wss://b.example:8443/m"
