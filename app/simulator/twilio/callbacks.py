"""Status callbacks: what the application is told about a call besides its webhooks. (twilio.md 1.5, 1.6, 1.8)

They are sent one after the other in the order they were posted, beside the call and never in its way; answers are
ignored. The queue is the reason for the one task each call has for them.
"""

import asyncio
from datetime import UTC, datetime
from email.utils import format_datetime

from app.simulator.twilio.journal import Journal
from app.simulator.twilio.webhook import FetchFailed, Webhooks

DRAIN_SECONDS = 16.0


class Callbacks:
    def __init__(self, webhooks: Webhooks, journal: Journal) -> None:
        self._webhooks = webhooks
        self._journal = journal
        self._waiting: asyncio.Queue[tuple[str, str, str, dict[str, str]]] = asyncio.Queue()

    def post(self, kind: str, url: str, method: str, fields: dict[str, str]) -> None:
        """Tell the application; without effect when it gave no URL."""
        if url:
            self._waiting.put_nowait((kind, url, method or "POST", fields))

    async def run(self) -> None:
        """Deliver for ever; to be cancelled after `drain`."""
        while True:
            kind, url, method, fields = await self._waiting.get()
            try:
                document = await self._webhooks.fetch(url, method, fields)
                self._journal.note("callback", kind=kind, status=document.status, fields=fields)
            except FetchFailed as failure:
                self._journal.warn(failure.code, f"{kind} callback: {failure}", level="warning")
            finally:
                self._waiting.task_done()

    async def drain(self) -> None:
        """Return when all is delivered, or after 16 s."""
        try:
            await asyncio.wait_for(self._waiting.join(), DRAIN_SECONDS)
        except TimeoutError:
            self._journal.warn(11200, "callbacks were left undelivered", level="warning")


def rfc2822(moment: datetime) -> str:
    """Such as Tue, 04 Nov 2025 10:00:00 +0000."""
    return format_datetime(moment.astimezone(UTC))


def iso8601(moment: datetime) -> str:
    """With nine digits of the second and Z, as stream callbacks have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def stream_fields(
    account_sid: str, call_sid: str, stream_sid: str, name: str, event: str, error: str
) -> dict[str, str]:
    fields = {
        "AccountSid": account_sid,
        "CallSid": call_sid,
        "StreamSid": stream_sid,
        "StreamName": name or stream_sid,
        "StreamEvent": event,
        "Timestamp": iso8601(datetime.now(UTC)),
    }
    return fields | ({"StreamError": error} if error else {})


def progress_fields(sequence: int, status: str, seconds: int | None, sip_code: str = "") -> dict[str, str]:
    """What a call status callback has besides the standard parameters. `seconds` is None before the end."""
    fields = {
        "CallStatus": status,
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "Timestamp": rfc2822(datetime.now(UTC)),
    }
    if seconds is not None:
        fields |= {"CallDuration": str(seconds)}
        if status == "completed":
            fields |= {"Duration": str(max(1, -(-seconds // 60)))}
        if sip_code:
            fields |= {"SipResponseCode": sip_code}
    return fields
