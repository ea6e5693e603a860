"""Twilio's REST interface: placing a call to a person, and ending or turning one.

The SDK is synchronous, so each request runs in a thread, under a time limit. What is safe to send twice is: a request
that Twilio refused unread (429) or that found nobody listening. A call that was perhaps placed is never placed again.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from requests.exceptions import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException

from app.call.continuation import SpeakAndHangUp
from app.legs.phone import PhoneFailed
from app.legs.twilio import twiml
from app.legs.twilio.client import rest_client

log = structlog.get_logger()

LIMIT_S = 8.0
REQUEST_S = 5.0
BACK_OFF_S = (0.3, 1.0)
TOO_MANY = 429
ALREADY_OVER = {20404, 21220}  # the call has ended: what we wanted is so


class TwilioPhone:
    """`user` and `secret` are the account's SID and token, or an API key and its secret."""

    def __init__(
        self, account_sid: str, user: str, secret: str, api_url: str, public_url: str, limit_s: float = LIMIT_S
    ) -> None:
        self._client = rest_client(account_sid, user, secret, api_url, REQUEST_S)
        self._public_url = public_url
        self._limit_s = limit_s

    async def ring(self, to: str, caller_id: str, attempt: str, ring_s: int) -> str:
        def place() -> str:
            placed = self._client.calls.create(
                to=to,
                from_=caller_id,
                url=twiml.about(self._public_url, twiml.WHISPER_PATH, attempt),
                timeout=ring_s,
                status_callback=twiml.about(self._public_url, twiml.PERSON_STATUS_PATH, attempt),
                status_callback_event=["completed"],
            )
            return str(placed.sid)

        return str(await self._ask("ring", place, twice_if=_was_not_taken))

    async def hang_up(self, call_sid: str) -> None:
        await self._change("hang up", call_sid, status="completed")

    async def say_and_hang_up(self, call_sid: str, text: str, language: str) -> None:
        document = twiml.render(SpeakAndHangUp(text, language), self._public_url)
        await self._change("say and hang up", call_sid, twiml=document)

    async def send_onward(self, call_sid: str, attempt: str) -> None:
        await self._change("send onward", call_sid, url=twiml.about(self._public_url, twiml.NEXT_PATH, attempt))

    async def _change(self, what: str, call_sid: str, **change: str) -> None:
        await self._ask(what, lambda: self._client.calls(call_sid).update(**change), twice_if=_may_be_repeated)

    async def _ask(self, what: str, request: Callable[[], Any], twice_if: Callable[[Exception], bool]) -> Any:
        try:
            async with asyncio.timeout(self._limit_s):
                for pause in (*BACK_OFF_S, None):
                    try:
                        return await asyncio.to_thread(request)
                    except (TwilioException, RequestException) as error:
                        if isinstance(error, TwilioRestException) and error.code in ALREADY_OVER:
                            return None
                        if pause is None or not twice_if(error):
                            raise PhoneFailed(f"{what}: {_safe(error)}") from None
                        await asyncio.sleep(pause)
        except TimeoutError:
            raise PhoneFailed(f"{what}: no answer within {self._limit_s:g} s") from None


def _was_not_taken(error: Exception) -> bool:
    """Twilio has surely not acted on it."""
    return isinstance(error, ConnectTimeout) or (isinstance(error, TwilioRestException) and error.status == TOO_MANY)


def _may_be_repeated(error: Exception) -> bool:
    """The same change twice is one change."""
    if isinstance(error, TwilioRestException):
        return bool(error.status == TOO_MANY or error.status >= 500)
    return isinstance(error, RequestException)


def _safe(error: Exception) -> str:
    # Twilio's own texts name the numbers it was given.
    if isinstance(error, TwilioRestException):
        return f"HTTP {error.status}, code {error.code}"
    return type(error).__name__
