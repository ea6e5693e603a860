"""Checks AWS Signature Version 4 of the request, and the chain of signatures over its events.

With a secret the signatures are recomputed; without one only their form is checked: algorithm, scope, dates, lengths.
The path counts percent-encoded once more, the query counts sorted, and the body is stood for by a literal.
"""

import hashlib
import hmac
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from app.simulator.sonic.frames import FrameError, HeaderValue, parse_headers
from app.simulator.sonic.refusals import (
    BAD_SIGNATURE,
    INVALID_INPUT,
    NO_AUTHENTICATION,
    UNKNOWN_KEY,
    Refused,
    malformed_signature,
)

STREAMING_BODY = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
MAX_SKEW_MS = 5 * 60 * 1000
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/\s]+)/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)"
    r"/aws4_request,\s*SignedHeaders=(?P<signed>[a-z0-9:;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_USUAL_OUTER = re.compile(rb"\A\x05:date\x08(.{8})\x10:chunk-signature\x06\x00\x20(.{32})\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Key:
    """An access key that this simulator knows."""

    access_key: str
    secret_key: str


@lru_cache(maxsize=64)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _stamp(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _check_age(stamp: str, now_ms: int) -> None:
    try:
        moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(malformed_signature("x-amz-date is not YYYYMMDDTHHMMSSZ")) from None
    if abs(moment.timestamp() * 1000 - now_ms) > MAX_SKEW_MS:
        raise Refused(malformed_signature(f"Signature expired: {stamp} is more than 5 min from {_stamp(now_ms)}"))


def canonical_request(method: str, target: str, headers: Mapping[str, str], signed: Sequence[str]) -> bytes:
    """What the request's signature is over. `target` is the path as on the wire, query included."""
    path, _, query = target.partition("?")
    pairs = sorted(tuple(f"{part}=".split("=")[:2]) for part in query.split("&") if part)
    lines = [method, quote(path, safe="/-_.~"), "&".join(f"{name}={value}" for name, value in pairs)]
    lines += [f"{name}:{' '.join(headers[name].split())}" for name in signed]
    return "\n".join([*lines, "", ";".join(signed), headers.get("x-amz-content-sha256", STREAMING_BODY)]).encode()


class Chain:
    """The signatures of one stream's events. Each is over the one before, beginning with the request's own."""

    def __init__(self, secret: str | None, region: str, service: str, seed: str, verify_every: int = 1) -> None:
        self._secret = secret
        self._region = region
        self._service = service
        self._previous = seed
        self._verify_every = verify_every
        self._count = 0
        self.verified = 0

    def check(self, header_block: bytes, payload: bytes, now_ms: int) -> None:
        """Check one outer frame. Raises `Refused` where the signature, the date or their form is wrong."""
        date, signature = _outer_headers(header_block)
        date_ms = struct.unpack(">q", date)[0]
        if abs(date_ms - now_ms) > MAX_SKEW_MS:
            raise Refused(malformed_signature("an event's :date is more than 5 min away"))
        if self._secret is not None and self._count % self._verify_every == 0:
            if not hmac.compare_digest(self._expected(self._secret, date, date_ms, payload), signature):
                raise Refused(BAD_SIGNATURE)
            self.verified += 1
        self._count += 1
        self._previous = signature.hex()

    def _expected(self, secret: str, date: bytes, date_ms: int, payload: bytes) -> bytes:
        stamp = _stamp(date_ms)
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        headers_hash = hashlib.sha256(b"\x05:date\x08" + date).hexdigest()
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                stamp,
                scope,
                self._previous,
                headers_hash,
                hashlib.sha256(payload).hexdigest(),
            )
        )
        return hmac.digest(signing_key(secret, stamp[:8], self._region, self._service), text.encode(), "sha256")


def _outer_headers(block: bytes) -> tuple[bytes, bytes]:
    usual = _USUAL_OUTER.match(block)
    if usual:
        return usual.group(1), usual.group(2)
    headers = _parsed(block)
    date, signature = headers.get(":date"), headers.get(":chunk-signature")
    if not isinstance(date, int) or not isinstance(signature, bytes) or len(signature) != 32:
        raise Refused(malformed_signature("an event has no :date or no :chunk-signature of 32 bytes"))
    return struct.pack(">q", date), signature


def _parsed(block: bytes) -> dict[str, HeaderValue]:
    try:
        return parse_headers(block)
    except FrameError:
        raise Refused(INVALID_INPUT) from None


def check_request(
    target: str, headers: Mapping[str, str], keys: Sequence[Key], now_ms: int, verify_every: int = 1
) -> tuple[str, Chain]:
    """Check the request's signature; return the access key it was made with and the chain that its events continue.

    `headers` have lower-case names and a `host`. With no `keys` any access key is good and only the form is checked.
    Raises `Refused`.
    """
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise Refused(NO_AUTHENTICATION)
    stamp = headers.get("x-amz-date", "")
    _check_age(stamp, now_ms)
    signed = match["signed"].split(";")
    _check_form(match, stamp, signed, headers)
    secret = _secret_of(match["key"], keys)
    if secret is not None:
        request = canonical_request("POST", target, headers, signed)
        scope = f"{match['date']}/{match['region']}/{match['service']}/aws4_request"
        text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request).hexdigest()))
        key = signing_key(secret, match["date"], match["region"], match["service"])
        if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), match["signature"]):
            raise Refused(BAD_SIGNATURE)
    return match["key"], Chain(secret, match["region"], match["service"], match["signature"], verify_every)


def _check_form(match: re.Match[str], stamp: str, signed: Sequence[str], headers: Mapping[str, str]) -> None:
    if match["service"] != "bedrock":
        raise Refused(malformed_signature("Credential should be scoped to correct service: 'bedrock'"))
    if match["date"] != stamp[:8]:
        raise Refused(malformed_signature("Date in Credential scope does not match YYYYMMDD from x-amz-date"))
    if (
        not {"host", ":authority"} & set(signed) or "x-amz-date" not in signed
    ):  # the SDK for JavaScript signs :authority
        raise Refused(malformed_signature("host and x-amz-date must be signed"))
    if any(name not in headers for name in signed):
        raise Refused(malformed_signature("a signed header is missing"))
    if headers.get("x-amz-content-sha256", STREAMING_BODY) != STREAMING_BODY:
        raise Refused(malformed_signature(f"x-amz-content-sha256 must be {STREAMING_BODY}"))


def _secret_of(access_key: str, keys: Sequence[Key]) -> str | None:
    if not keys:
        return None
    for key in keys:
        if key.access_key == access_key:
            return key.secret_key
    raise Refused(UNKNOWN_KEY)
