"""The account's telephone numbers over Twilio's REST interface: list, set, buy, give back.

Synchronous, as the SDK is. Every door raises `CarrierError`, whose text is one sentence with the fix. A request that
was refused unread (429) is sent again after a while; nothing else is.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from requests.exceptions import RequestException
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from app.legs.twilio.handling import HANDLERS, OVERRIDES, Owned
from app.legs.twilio.refusals import CarrierError, refusal_of

REQUEST_S = 10.0
BACK_OFF_S = (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class AccountState:
    """`status` is active, suspended or closed; `kind` Trial or Full."""

    status: str
    kind: str


class NumberBook:
    def __init__(self, client: Client, back_off_s: Sequence[float] = BACK_OFF_S) -> None:
        self._client = client
        self._back_off_s = back_off_s

    def account(self) -> AccountState:
        found = self._ask(lambda: self._client.api.accounts(self._client.account_sid).fetch())
        return AccountState(str(found.status), str(found.type))

    def all(self) -> list[Owned]:
        return self._ask(lambda: [_owned(number) for number in self._client.incoming_phone_numbers.list()])

    def find(self, which: str) -> Owned:
        """By its SID (PN...) or as +15550100."""
        if which.startswith("PN"):
            return _owned(self._ask(lambda: self._client.incoming_phone_numbers(which).fetch()))
        # The filter finds parts of numbers, too.
        found = self._ask(lambda: self._client.incoming_phone_numbers.list(phone_number=which))
        for number in found:
            if number.phone_number == which:
                return _owned(number)
        raise CarrierError(f"the account does not own {which}", "see `offhook numbers list`, or buy it")

    def change(self, sid: str, settings: Mapping[str, str]) -> Owned:
        return _owned(self._ask(lambda: self._client.incoming_phone_numbers(sid).update(**settings)))

    def search(self, country: str, area_code: str, contains: str, most: int) -> list[str]:
        """Numbers that could be bought and can take calls."""
        wanted = {name: value for name, value in (("area_code", area_code), ("contains", contains)) if value}

        def look() -> list[str]:
            found = self._client.available_phone_numbers(country).local.stream(voice_enabled=True, **wanted)
            return [str(number.phone_number) for number in islice(found, most)]

        return self._ask(look)

    def buy(self, phone_number: str, settings: Mapping[str, str]) -> Owned:
        bought = self._ask(lambda: self._client.incoming_phone_numbers.create(phone_number=phone_number, **settings))
        return _owned(bought)

    def release(self, sid: str) -> None:
        self._ask(lambda: self._client.incoming_phone_numbers(sid).delete())

    def _ask[T](self, request: Callable[[], T]) -> T:
        for pause in self._back_off_s:
            with suppress(_Busy):
                return _asked(request)
            time.sleep(pause)
        return _asked(request)


class _Busy(CarrierError):
    """Refused unread."""


def _asked[T](request: Callable[[], T]) -> T:
    try:
        return request()
    except TwilioException as error:
        refusal = refusal_of(error)
        raise (_Busy if refusal.is_unread else CarrierError)(*refusal.in_words) from None
    except RequestException as error:
        fix = "check the network, and TWILIO_API_URL where it is set"
        raise CarrierError(f"Twilio does not answer ({type(error).__name__})", fix) from None
    except ValueError:
        raise CarrierError("what answers is not Twilio (no JSON)", "check TWILIO_API_URL") from None


def _owned(number: Any) -> Owned:
    settings = {name: getattr(number, name) or "" for name in (*HANDLERS, *OVERRIDES)}
    takes_calls = bool((number.capabilities or {}).get("voice"))
    return Owned(number.sid, number.phone_number, number.friendly_name or "", takes_calls, settings)
