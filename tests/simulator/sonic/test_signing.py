"""Signature checks against a vector of the service's own SDK, and the forms that are refused without a secret."""

from datetime import UTC, datetime

import pytest

from app.simulator.sonic.frames import split
from app.simulator.sonic.refusals import Refused
from app.simulator.sonic.signing import Chain, Key, canonical_request, check_request
from tests.simulator.sonic.test_frames import END, OUTER

NOON_MS = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1000)
SECRET = "emulator-secret"


def chain(secret: str | None = SECRET, seed: str = "ab" * 32, every: int = 1) -> Chain:
    return Chain(secret, "us-east-1", "bedrock", seed, every)


def test_the_sdks_own_chain_is_accepted() -> None:
    events = chain()
    events.check(*split(OUTER), NOON_MS)
    events.check(*split(END), NOON_MS)
    assert events.verified == 2


@pytest.mark.parametrize("wrong", [chain(secret="other"), chain(seed="cd" * 32)])
def test_another_secret_or_seed_breaks_the_chain(wrong: Chain) -> None:
    with pytest.raises(Refused, match="signature we calculated does not match"):
        wrong.check(*split(OUTER), NOON_MS)


def test_an_event_left_out_breaks_the_chain() -> None:
    with pytest.raises(Refused, match="does not match"):
        chain().check(*split(END), NOON_MS)


def test_without_a_secret_only_form_and_date_count() -> None:
    chain(secret=None).check(*split(OUTER), NOON_MS)
    with pytest.raises(Refused, match="5 min"):
        chain(secret=None).check(*split(OUTER), NOON_MS + 301_000)


def test_an_event_without_a_signature_is_refused() -> None:
    with pytest.raises(Refused, match="chunk-signature"):
        chain(secret=None).check(b"\x05:date\x08" + bytes(8), b"", 0)


def test_the_path_is_encoded_once_more_and_the_query_sorted() -> None:
    headers = {"host": "localhost:1", "x-amz-date": "20261120T120000Z"}
    text = canonical_request("POST", "/model/a%3A0/b?z=1&a=", headers, ["host", "x-amz-date"]).decode()
    assert text.split("\n")[:5] == [
        "POST",
        "/model/a%253A0/b",
        "a=&z=1",
        "host:localhost:1",
        "x-amz-date:20261120T120000Z",
    ]


GOOD = {
    "host": "localhost",
    "x-amz-date": "20261120T120000Z",
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-EVENTS",
    "authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261120/us-east-1/bedrock/aws4_request, "
    "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" + "ab" * 32,
}


def test_a_request_of_good_form_passes_without_keys() -> None:
    access_key, _ = check_request("/model/m/x", GOOD, (), NOON_MS)
    assert access_key == "AKID"


def test_the_authority_of_http2_may_be_signed_in_place_of_the_host() -> None:
    headers = {**GOOD, ":authority": "localhost"}
    headers["authorization"] = headers["authorization"].replace("=host;", "=:authority;")
    check_request("/model/m/x", headers, (), NOON_MS)


@pytest.mark.parametrize(
    ("header", "value", "member"),
    [
        ("authorization", "", "missingAuthenticationTokenException"),
        ("authorization", "Bearer abc", "missingAuthenticationTokenException"),
        ("authorization", GOOD["authorization"].replace("bedrock", "s3"), "invalidSignatureException"),
        ("authorization", GOOD["authorization"].replace("AKID/20261120", "AKID/20261119"), "invalidSignatureException"),
        ("authorization", GOOD["authorization"].replace("host;", ""), "invalidSignatureException"),
        ("authorization", GOOD["authorization"].replace("host;", "host;x-absent;"), "invalidSignatureException"),
        ("x-amz-date", "20261120T115400Z", "invalidSignatureException"),
        ("x-amz-date", "yesterday", "invalidSignatureException"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD", "invalidSignatureException"),
    ],
)
def test_a_request_of_bad_form_is_refused_even_without_keys(header: str, value: str, member: str) -> None:
    with pytest.raises(Refused) as refused:
        check_request("/model/m/x", {**GOOD, header: value}, (), NOON_MS)
    assert refused.value.refusal.member == member


def test_with_keys_a_made_up_signature_is_refused() -> None:
    with pytest.raises(Refused, match="does not match"):
        check_request("/model/m/x", GOOD, (Key("AKID", SECRET),), NOON_MS)
