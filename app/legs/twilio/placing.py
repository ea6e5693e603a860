"""Placing calls by Twilio's REST interface, whose `calls.create` is not idempotent: an order that was not answered may
have been taken. Synchronous, as the SDK is.

Machine detection runs beside the call (async AMD): the call is answered at once, and the verdict is told to a webhook.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from urllib3.exceptions import MaxRetryError, NewConnectionError

from app.legs.placing import CarrierAway, Fault, NotPlaced, PerhapsPlaced, Placed, Wanted
from app.legs.twilio import twiml
from app.legs.twilio.detection import LIMIT_S, MODE, answerer
from app.legs.twilio.orders import Order, seal
from app.legs.twilio.refusals import REFUSALS, Refusal, refusal_of

# Codes that are about the called number; any other refusal would meet the next call too.
OF_THE_CALLEE = {21201, 21211, 21214, 21215, 21216, 21217, 21219}
LATEST = 50


class PlacingDesk:
    """`secret` is what the server opens orders with (`Settings.stream_key`), `public_url` where Twilio reaches it."""

    def __init__(self, client: Client, public_url: str, secret: str) -> None:
        self._client = client
        self._public_url = public_url
        self._secret = secret

    def place(self, wanted: Wanted) -> str:
        sealed = seal(self._secret, Order(wanted.to, wanted.agent, wanted.given), int(time.time()))
        try:
            placed = self._client.calls.create(
                to=wanted.to,
                from_=wanted.caller_id,
                url=f"{self._public_url}{twiml.OUTBOUND_PATH}/{sealed}",
                fallback_url=self._public_url + twiml.FALLBACK_PATH,
                timeout=wanted.ring_s,
                status_callback=self._public_url + twiml.STATUS_PATH,
                status_callback_event=["completed"],
                machine_detection=MODE,
                machine_detection_timeout=LIMIT_S,
                async_amd="true",
                async_amd_status_callback=self._public_url + twiml.AMD_PATH,
                async_amd_status_callback_method="POST",
            )
        except TwilioException as error:
            raise _not_placed(error) from None
        except RequestException as error:
            if _never_left(error):
                raise NotPlaced(_away(error), "carrier") from None
            raise PerhapsPlaced(_away(error)) from None
        return str(placed.sid)

    def look(self, sid: str) -> Placed:
        return _placed(_asked(lambda: self._client.calls(sid).fetch()))

    def find(self, to: str, caller_id: str) -> Sequence[Placed]:
        return [_placed(call) for call in _asked(lambda: self._client.calls.list(to=to, from_=caller_id, limit=LATEST))]


def _asked[T](request: Callable[[], T]) -> T:
    try:
        return request()
    except TwilioException as error:
        raise CarrierAway(_sentence(refusal_of(error))) from None
    except (RequestException, ValueError) as error:
        raise CarrierAway(_away(error)) from None


def _not_placed(error: TwilioException) -> Exception:
    refusal = refusal_of(error)
    if refusal.status >= 500 or not refusal.status:
        return PerhapsPlaced(f"Twilio answered with HTTP {refusal.status}")
    fault: Fault = "account"
    if refusal.is_unread:
        fault = "carrier"
    elif refusal.code in OF_THE_CALLEE:
        fault = "callee"
    return NotPlaced(_sentence(refusal), fault)


def _sentence(refusal: Refusal) -> str:
    """For a log, too: without Twilio's own words, which name the numbers it was given."""
    if refusal.code in REFUSALS or refusal.is_unread:
        problem, fix = refusal.in_words
        return f"{problem}: {fix}"
    return f"Twilio refused with HTTP {refusal.status}: see https://www.twilio.com/docs/errors/{refusal.code}"


def _never_left(error: RequestException) -> bool:
    """No connection was made that the order could have gone out on."""
    if isinstance(error, ConnectTimeout):
        return True
    cause = error.args[0] if isinstance(error, NoConnection) and error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _away(error: Exception) -> str:
    return f"Twilio does not answer ({type(error).__name__}): check the network, and TWILIO_API_URL where it is set"


def _placed(call: Any) -> Placed:
    created = call.date_created
    return Placed(
        sid=str(call.sid),
        status=str(call.status),
        answered_by=answerer(str(call.answered_by)) if call.answered_by else None,
        seconds=int(call.duration or 0),
        created_ms=0 if created is None else int(created.replace(tzinfo=created.tzinfo or UTC).timestamp() * 1000),
    )
