"""Twilio's signatures: the published vectors, and Twilio's own validator as judge."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from app.legs.twilio.signature import algorithm_of, body_matches, candidate_urls, is_genuine, signature

TOKEN = "12345"
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675310"),
    ("Digits", "1234"),
    ("From", "+14158675310"),
    ("To", "+18005551212"),
]
OLD_CALL = [(name, value.replace("5310", "5309")) for name, value in CALL]
SHA256 = "HMAC_SHA256"


@pytest.mark.parametrize(
    ("url", "fields", "algorithm", "expected"),
    [
        ("https://example.com/myapp.php?foo=1&bar=2", CALL, "HMAC_SHA1", "L/OH5YylLD5NRKLltdqwSvS0BnU="),
        ("https://example.com/myapp.php?foo=1&bar=2", CALL, SHA256, "qMztBq0IANMH/q0K9sCfKQJLylezvRdRzRS647SAVow="),
        ("https://mycompany.com/myapp.php?foo=1&bar=2", OLD_CALL, "HMAC_SHA1", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://e.com/x", [("a", "")], "HMAC_SHA1", "QHI5YGmxA6YCJMp3GiJ8OAfJ4DA="),
        ("wss://example.com/twilio/media", [], "HMAC_SHA1", "Ko8aymfVk0cCegaxVKH0ZCvSyf4="),
        ("wss://example.com/twilio/media/", [], "HMAC_SHA1", "2FSgdRajF1AcedC3OxeCdxXJk50="),
        ("wss://example.com:8443/twilio/media", [], "HMAC_SHA1", "JOVi+9Zae/ZIKEgGRBHVFHtmyME="),
    ],
)
def test_known_requests_have_their_known_signatures(
    url: str, fields: list[tuple[str, str]], algorithm: str, expected: str
) -> None:
    assert signature(TOKEN, url, fields, algorithm) == expected


texts = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.lists(st.tuples(texts, texts), unique_by=lambda pair: pair[0]), st.sampled_from(["", "?b=2&a=%20"]))
def test_any_form_is_signed_as_twilios_own_library_signs_it(fields: list[tuple[str, str]], query: str) -> None:
    url = f"https://bot.example.com/twilio/voice{query}"
    assert signature(TOKEN, url, fields) == RequestValidator(TOKEN).compute_signature(url, dict(fields))


def test_a_name_with_several_values_counts_each_of_them_once() -> None:
    fields = [("E", "b"), ("E", "a"), ("E", "b")]
    assert signature(TOKEN, "https://e.com/x", fields) == signature(TOKEN, "https://e.com/xEaEb")


@pytest.mark.parametrize(
    ("published", "signed"),
    [
        ("https://e.com/v", "https://e.com/v"),
        ("https://e.com/v", "https://e.com:443/v"),
        ("https://e.com:443/v", "https://e.com/v"),
        ("https://e.com:8443/v?b=1", "https://e.com/v?b=1"),
        ("https://e.com:8443/v", "https://e.com:8443/v"),
        ("http://e.com/v", "http://e.com:80/v"),
        ("https://user:pass@e.com:8443/v", "https://e.com/v"),
        ("https://[::1]:8443/v", "https://[::1]/v"),
        ("wss://e.com/m", "wss://e.com/m/"),
        ("wss://e.com/m", "wss://e.com:443/m"),
        ("wss://e.com:8443/m", "wss://e.com:8443/m/"),
    ],
)
def test_a_request_is_genuine_however_twilio_wrote_its_port_and_slash(published: str, signed: str) -> None:
    assert is_genuine([TOKEN], published, [], RequestValidator(TOKEN).compute_signature(signed, {}))


@pytest.mark.parametrize(
    ("published", "signed"),
    [
        ("https://e.com/v", "https://e.com/v/"),  # only a socket may gain a slash
        ("https://e.com/v", "http://e.com/v"),
        ("https://e.com/v", "https://e.com/v?a=1"),
        ("https://e.com/v", "https://e.com:8443/v"),
        ("https://e.com/v", "https://evil.com/v"),
    ],
)
def test_a_signature_over_another_address_is_not_taken(published: str, signed: str) -> None:
    assert not is_genuine([TOKEN], published, [], RequestValidator(TOKEN).compute_signature(signed, {}))


def test_every_token_of_a_rotation_is_good_and_no_other() -> None:
    given = signature("new", "https://e.com/v", CALL)
    assert is_genuine(["old", "new"], "https://e.com/v", CALL, given)
    assert not is_genuine(["old"], "https://e.com/v", CALL, given)
    assert not is_genuine([], "https://e.com/v", CALL, given)


@pytest.mark.parametrize("given", ["", "L/OH5YylLD5NRKLltdqwSvS0BnU", "\udce9", "é"])
def test_a_missing_or_mangled_signature_is_a_no(given: str) -> None:
    assert not is_genuine([TOKEN], "https://example.com/myapp.php?foo=1&bar=2", CALL, given)


def test_dropping_a_blank_field_breaks_the_signature() -> None:
    given = RequestValidator(TOKEN).compute_signature("https://e.com/v", {"CallSid": "CA1", "ToZip": ""})
    assert is_genuine([TOKEN], "https://e.com/v", [("CallSid", "CA1"), ("ToZip", "")], given)
    assert not is_genuine([TOKEN], "https://e.com/v", [("CallSid", "CA1")], given)


def test_the_algorithm_is_read_from_its_header_and_an_unknown_one_fails() -> None:
    assert algorithm_of("") == "HMAC_SHA1"
    assert algorithm_of("key=webhooks_sharedkey_1, algorithm=HMAC_SHA256") == SHA256
    given = signature(TOKEN, "https://e.com/v", CALL, SHA256)
    assert is_genuine([TOKEN], "https://e.com/v", CALL, given, SHA256)
    assert not is_genuine([TOKEN], "https://e.com/v", CALL, given, "HMAC_MD5")


def test_a_json_body_is_vouched_for_by_the_hash_in_the_query() -> None:
    body = b'{"CallSid":"CA1234567890ABCDE","Caller":"+12349013030"}'
    query = "bodySHA256=5ccde7145dfb8f56479710896586cb9d5911809d83afbe34627818790db0aec9"
    assert query.endswith(hashlib.sha256(body).hexdigest())
    assert body_matches(query, body)
    assert not body_matches(query, body + b" ")
    assert not body_matches("a=1", body)


def test_the_published_address_is_tried_first() -> None:
    assert candidate_urls("https://e.com:8443/v?x=/") == ("https://e.com:8443/v?x=/", "https://e.com/v?x=/")
