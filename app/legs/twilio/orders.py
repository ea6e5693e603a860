"""What an outbound call is for, sealed into the address of its webhook. Pure.

Whoever places the call and whoever answers its webhook share a secret and need share nothing else. Sealed, for the
address passes the logs of the carrier and of every proxy: nobody on the way reads a name or an appointment in it, or
makes one up.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken

# Where whoever placed a call asks the server how it ended; the call's name follows, sealed.
ENDED_PATH = "/outbound/ended"
GOOD_FOR_S = 36 * 3600  # the carrier may keep a call queued for a day
ASKED_WITHIN_S = 60
MOST_FACTS = 20
LONGEST_FACT = 200
LONGEST_FACTS = 1_000  # characters of all of them: they stand in an address, and at the head of each history


class BadOrder(Exception):
    """The message says why, without what stands in the order."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who is called (E.164), by which agent, and what that agent is to know of them."""

    to: str
    agent: str
    given: Mapping[str, str]


def flaw(given: Mapping[str, str]) -> str | None:
    """Why these facts cannot ride along, or None."""
    if len(given) > MOST_FACTS:
        return f"are {len(given)}: {MOST_FACTS} at the most"
    for name, value in given.items():
        if not name or len(name) > 40 or not name.replace("_", "").isalnum():
            return f"have the name {name!r}: letters, digits and _ alone, 40 at the most"
        if len(value) > LONGEST_FACT or not value.isprintable():
            return f"hold {name}, which is not one line of {LONGEST_FACT} characters at the most"
    length = sum(len(name) + len(value) for name, value in given.items())
    return None if length <= LONGEST_FACTS else f"have {length} characters: {LONGEST_FACTS} at the most"


def seal(secret: str, order: Order, now_s: int) -> str:
    """Letters, digits, `-` and `_`; good for `GOOD_FOR_S` from `now_s` (Unix seconds)."""
    document = json.dumps(asdict(order), ensure_ascii=False, separators=(",", ":"))
    return _fernet(secret).encrypt_at_time(document.encode(), now_s).decode().rstrip("=")


def unseal(secret: str, sealed: str, to: str, now_s: int) -> Order:
    """The order of the call to `to`. Raises `BadOrder`."""
    order = Order(**json.loads(_opened(secret, sealed, GOOD_FOR_S, now_s)))
    if order.to != to:
        raise BadOrder("sealed for another call")
    return order


def seal_name(secret: str, call_sid: str, now_s: int) -> str:
    """A call's name, by which to ask how it ended; good for a minute."""
    return _fernet(f"ended {secret}").encrypt_at_time(call_sid.encode(), now_s).decode().rstrip("=")


def unseal_name(secret: str, sealed: str, now_s: int) -> str:
    """Raises `BadOrder`."""
    return _opened(f"ended {secret}", sealed, ASKED_WITHIN_S, now_s).decode()


def _opened(secret: str, sealed: str, good_for_s: int, now_s: int) -> bytes:
    padded = sealed + "=" * (-len(sealed) % 4)
    try:
        return _fernet(secret).decrypt_at_time(padded.encode(), good_for_s, now_s)
    except (InvalidToken, UnicodeEncodeError):
        raise BadOrder("not sealed by us, or too old") from None


def _fernet(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"offhook order {secret}".encode()).digest()))
