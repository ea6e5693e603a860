"""Did Twilio send this? The signature of webhooks and of the socket's handshake. Pure.

Twilio signs the URL *as it was configured* with it, followed by every form field, sorted by name, name and value run
together (Twilio, "Security: validating requests"). What reaches a server behind a proxy says nothing certain about
that URL, so it is built from the published address and never from headers. Three of Twilio's habits make one request
several possible texts:

- HTTPS voice webhooks are signed without the port, others with it; which one holds has changed over time;
- a socket's URL may be signed with a slash behind it;
- a JSON body is not signed: its SHA-256 travels in the query as `bodySHA256`, and the query is signed.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, urlsplit

type Fields = Sequence[tuple[str, str]]

SHA1 = "HMAC_SHA1"
# Signed with a request's fields and not sent, it makes a signature that is wrong, and that only who has the token can
# make: the doctor's, who asks whether wrong ones are refused.
WRONG_ON_PURPOSE = ("WrongOnPurpose", "yes")
_HASHES = {SHA1: "sha1", "HMAC_SHA256": "sha256"}
_DEFAULT_PORTS = {"https": "443", "wss": "443", "http": "80", "ws": "80"}
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d+))?")


def candidate_urls(url: str) -> tuple[str, ...]:
    """The texts Twilio may have signed for `url`: with and without a port, and for a socket also with a last slash."""
    scheme, rest = url.split("://", 1)
    authority, slash, path = rest.partition("/")
    hosts = _hosts(scheme, authority.rpartition("@")[2])  # userinfo is removed before signing
    bases = [f"{scheme}://{host}{slash}{path}" for host in hosts]
    if scheme in {"ws", "wss"} and not urlsplit(url).query and not path.endswith("/"):
        bases += [f"{base}/" for base in bases]
    return tuple(bases)


def _hosts(scheme: str, authority: str) -> list[str]:
    match = _HOST_AND_PORT.fullmatch(authority)
    if match is None:
        return [authority]
    host = match["host"]
    other = host if match["port"] else f"{host}:{_DEFAULT_PORTS.get(scheme, '443')}"
    return [authority, other]


def signature(token: str, url: str, fields: Fields = (), algorithm: str = SHA1) -> str:
    """Base64 of the HMAC over `url` and all `fields`. Several values of one name count once each, in sorted order.

    Raises `KeyError` for an algorithm Twilio does not name.
    """
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    mac = hmac.new(token.encode(), text.encode("utf-8", "surrogatepass"), _HASHES[algorithm])
    return base64.b64encode(mac.digest()).decode("ascii")


def is_genuine(tokens: Iterable[str], url: str, fields: Fields, given: str, algorithm: str = SHA1) -> bool:
    """True if one of `tokens` (several while one is rotated) signs one of the candidates of `url` as `given`.

    Every comparison takes the same time wherever the texts part. An unknown algorithm or no signature is a no.
    """
    if not given or algorithm not in _HASHES:
        return False
    expected = (signature(token, each, fields, algorithm) for token in tokens for each in candidate_urls(url))
    return any(hmac.compare_digest(text.encode(), given.encode("utf-8", "replace")) for text in expected)


def algorithm_of(settings: str) -> str:
    """The algorithm named by `X-Twilio-Webhooks-Signature-Settings` (`key=...,algorithm=...`); SHA-1 without one."""
    pairs = (part.partition("=") for part in settings.split(","))
    return next((value.strip().upper() for name, _, value in pairs if name.strip() == "algorithm"), SHA1)


def body_matches(query: str, body: bytes) -> bool:
    """True if the query's `bodySHA256` is that of `body`."""
    given = dict(parse_qsl(query)).get("bodySHA256", "")
    return hmac.compare_digest(given.lower().encode(), hashlib.sha256(body).hexdigest().encode())
