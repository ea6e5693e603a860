"""Twilio's recording of a call, paused and resumed over REST.

`Twilio.CURRENT` names the one in progress, whoever began it. A pause leaves silence in it (`PauseBehavior=silence`), so
its times stay true. Where nothing is being recorded Twilio answers 404, which is as good. The SDK is synchronous: each
request runs in a thread, under the client's own time limit.
"""

import asyncio

from requests import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException

from app.legs.recording import RecordingFailed
from app.legs.twilio.client import rest_client

CURRENT = "Twilio.CURRENT"
LIMIT_S = 1.8  # a caller waits to be asked


class CallRecording:
    """`user` and `password`: an API key and its secret, or the account's SID and auth token."""

    def __init__(self, account_sid: str, user: str, password: str, base_url: str, limit_s: float = LIMIT_S) -> None:
        self._client = rest_client(account_sid, user, password, base_url, limit_s)

    async def pause(self, call_sid: str) -> bool:
        """True where a recording was paused, False where there is none. Raises `RecordingFailed`."""
        return await self._update(call_sid, status="paused", pause_behavior="silence")

    async def resume(self, call_sid: str) -> None:
        """Raises `RecordingFailed`."""
        await self._update(call_sid, status="in-progress")

    async def _update(self, call_sid: str, **fields: str) -> bool:
        recording = self._client.calls(call_sid).recordings(CURRENT)
        try:
            await asyncio.to_thread(recording.update, **fields)
        except TwilioRestException as refused:
            if refused.status == 404:
                return False
            raise RecordingFailed(f"{refused.status}, error {refused.code}") from None
        except (TwilioException, RequestException, OSError) as error:
            raise RecordingFailed(type(error).__name__) from None
        return True
