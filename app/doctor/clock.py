"""This machine's clock, against the Date header of Twilio's and of AWS's answers."""

import asyncio
import ssl
import time
from email.utils import parsedate_to_datetime

import httpx

from app.doctor.findings import Finding, right, warning, wrong
from app.doctor.model import endpoint_of, trust_of
from app.settings import Settings

REQUEST_S = 5.0
FELT_S, TOO_FAR_S = 5, 60  # a stream's token lives for a minute; AWS refuses signatures of another time
FIX = "let a time service set the clock (chrony, systemd-timesyncd)"


async def clock(settings: Settings, local: bool) -> Finding:
    host, port = endpoint_of(settings, settings.aws_region)
    places = [f"https://{host}:{port}/"] if local else [settings.twilio_api_url, f"https://{host}:{port}/"]
    context = await asyncio.to_thread(trust_of, settings)
    told = await asyncio.gather(*(_ahead_s(place, context) for place in places))
    found = [ahead for ahead in told if ahead is not None]
    if not found:
        return warning("nobody told the time", "see the other checks: neither Twilio nor AWS answered with a date")
    return clock_finding(max(found, key=abs))


def clock_finding(ahead_s: float) -> Finding:
    """`ahead_s`: how far our clock is before theirs, to about a second."""
    said = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the others' clocks"
    if abs(ahead_s) > TOO_FAR_S:
        return wrong(said, FIX, ahead_s=round(ahead_s))
    if abs(ahead_s) > FELT_S:
        return warning(said, FIX, ahead_s=round(ahead_s))
    return right("right to a few seconds", ahead_s=round(ahead_s))


async def _ahead_s(url: str, context: ssl.SSLContext) -> float | None:
    try:
        async with httpx.AsyncClient(verify=context, timeout=REQUEST_S) as http:
            asked = time.time()
            date = (await http.get(url)).headers.get("date", "")
            between = (asked + time.time()) / 2
        return between - (parsedate_to_datetime(date).timestamp() + 0.5)  # a date is cut to whole seconds
    except (httpx.HTTPError, ValueError):
        return None
