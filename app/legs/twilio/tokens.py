"""The stream token: what ties a socket to the webhook that asked for it. Pure.

Twilio's signature proves that Twilio is calling, not for which call. So the signed webhook hands out a short-lived
token in a `<Parameter>`, and the socket brings it back in `start`. It is an HMAC over CallSid, purpose and expiry: any
process with the secret can check it. That it is used once is the store's business.
"""

import base64
import hashlib
import hmac
from typing import Literal

LIFETIME_S = 60

type Refusal = Literal["malformed", "forged", "expired"]


def issue(secret: str, call_sid: str, purpose: str, now_s: int, nonce: str = "") -> str:
    """A token for `call_sid`, good for `LIFETIME_S` from `now_s` (Unix seconds); about 60 ASCII characters.

    Two tokens asked for in one second are the same text unless `nonce` (no dots) tells them apart: give one where the
    token is used up by its first use.
    """
    expiry = now_s + LIFETIME_S
    return f"{expiry}.{nonce}.{_mac(secret, call_sid, purpose, str(expiry), nonce)}"


def check(secret: str, token: str, call_sid: str, purpose: str, now_s: int) -> Refusal | None:
    """Why the token is refused, or None if it is good. `expired` is said of genuine tokens only."""
    match token.split("."):
        case [expiry, nonce, mac] if expiry.isascii() and expiry.isdecimal():
            expected = _mac(secret, call_sid, purpose, expiry, nonce)
        case _:
            return "malformed"
    if not hmac.compare_digest(expected.encode(), mac.encode("utf-8", "replace")):
        return "forged"
    return "expired" if int(expiry) < now_s else None


def _mac(secret: str, *parts: str) -> str:
    text = "\n".join(parts).encode("utf-8", "replace")
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
