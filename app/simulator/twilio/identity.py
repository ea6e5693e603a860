"""Who is who: account, credentials, sids, telephone numbers and what a carrier knows of where they are."""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

API_VERSION = "2010-04-01"
WITHHELD = "+266696687"  # "ANONYMOUS" typed on a telephone's keys: how a withheld caller often arrives

# Enough of the look-up to have some values present and some blank, as captured traffic has.
PLACES = {
    "+1212": ("NEW YORK", "NY", "10001", "US"),
    "+1312": ("CHICAGO", "IL", "60601", "US"),
    "+1415": ("SAN FRANCISCO", "CA", "94105", "US"),
    "+1503": ("PORTLAND", "OR", "", "US"),
    "+44": ("", "", "", "GB"),
    "+49": ("", "", "", "DE"),
    "+1": ("", "", "", "US"),
}


def sid(prefix: str, rng: random.Random | None = None) -> str:
    """A name such as CA or MZ and 32 hex digits; repeatable when a seeded generator is given."""
    return prefix + (uuid.uuid4().hex if rng is None else f"{rng.getrandbits(128):032x}")


def place(number: str) -> tuple[str, str, str, str]:
    """City, state, zip and country of a number; blanks where unknown."""
    for prefix in sorted(PLACES, key=len, reverse=True):
        if number.startswith(prefix):
            return PLACES[prefix]
    return ("", "", "", "")


@dataclass(frozen=True, slots=True)
class Account:
    """An account and what opens it. `token` signs webhooks; API keys open REST only and never sign."""

    sid: str = "AC" + "0" * 31 + "1"
    token: str = field(default="0" * 32, repr=False)
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    status: str = "active"  # or suspended, closed
    kind: str = "Full"  # or Trial


@dataclass(frozen=True, slots=True)
class Oddities:
    """What real traffic sometimes does and a server must stand. All off by default."""

    signing_token: str | None = field(default=None, repr=False)  # sign with another account's token
    stir_verstat: str = ""  # such as TN-Validation-Passed-A; "" leaves the field out
    forwarded_from: str = ""
    caller_name: str = ""
    extra_fields: Mapping[str, str] = field(default_factory=dict)  # unicode, spaces, fields nobody announced
    deliveries: int = 1  # times the first webhook is delivered: its answer was lost, the retry has the same token
    slash_signature: bool = False  # sign the stream's URL with a trailing slash

    def applied(self, party: "Party", status: str, answered_by: str = "") -> dict[str, str]:
        """The standard parameters of a webhook, with these oddities."""
        optional = {
            "StirVerstat": self.stir_verstat,
            "ForwardedFrom": self.forwarded_from,
            "CallerName": self.caller_name,
            "AnsweredBy": answered_by,
        }
        fields = party.fields(status) | {name: value for name, value in optional.items() if value}
        if party.direction == "inbound":
            fields["CallToken"] = '{"parentCallInfoToken":"e30.e30.e30","identityHeaderTokens":[]}'
        return fields | dict(self.extra_fields)


@dataclass(frozen=True, slots=True)
class Party:
    """Both ends of a call leg, as its webhooks name them."""

    account: Account
    call_sid: str
    caller: str
    called: str
    direction: str = "inbound"
    parent_call_sid: str = ""

    def fields(self, status: str) -> dict[str, str]:
        """The parameters every voice webhook carries, blanks included. (twilio.md 1.2)"""
        fields = {
            "AccountSid": self.account.sid,
            "ApiVersion": API_VERSION,
            "CallSid": self.call_sid,
            "CallStatus": status,
            "Direction": self.direction,
            "From": self.caller,
            "To": self.called,
            "Caller": self.caller,
            "Called": self.called,
        }
        if self.parent_call_sid:
            fields["ParentCallSid"] = self.parent_call_sid
        for names, number in ((("From", "Caller"), self.caller), (("To", "Called"), self.called)):
            for part, value in zip(("City", "State", "Zip", "Country"), place(number), strict=True):
                fields |= {name + part: value for name in names}
        return fields
