"""Ringing: the webhook of a call, and where its answer sends the stream. Just enough HTTP for a load run on a trusted
machine; `app.simulator.twilio` is the faithful one."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from app.simulator.twilio.stream import StreamNames

ANSWER_WITHIN_S = 15.0


class NoAnswer(Exception):
    """The server did not answer the webhook with a stream; the message says what it did."""


@dataclass(frozen=True, slots=True)
class StreamPlace:
    url: str
    parameters: dict[str, str]
    next_url: str = ""  # asked when the stream has ended


def names_of(number: int) -> StreamNames:
    """The SIDs of load call `number`."""
    return StreamNames(f"AC{7:032x}", f"CA{number:032x}", f"MZ{number:032x}")


async def ring(voice_url: str, caller: str, called: str, names: StreamNames) -> StreamPlace:
    """Raises `NoAnswer`, OSError."""
    fields = {
        "AccountSid": names.account_sid,
        "ApiVersion": "2010-04-01",
        "CallSid": names.call_sid,
        "CallStatus": "ringing",
        "Called": called,
        "Caller": caller,
        "CallerName": "",
        "Direction": "inbound",
        "From": caller,
        "FromCountry": "US",
        "To": called,
        "ToCountry": "US",
    }
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return _stream_of(await _post(voice_url, urlencode(fields).encode()))
    except TimeoutError:
        raise NoAnswer(f"no answer within {ANSWER_WITHIN_S:g} s") from None


async def _post(url: str, body: bytes) -> bytes:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port or 80)
    try:
        writer.write(
            f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nUser-Agent: TwilioProxy/1.1\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        )
        head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise NoAnswer(head.partition(b"\r\n")[0].decode("latin-1") or "nothing")
    return answer


def _stream_of(document: bytes) -> StreamPlace:
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise NoAnswer(f"no TwiML: {error}") from None
    stream = root.find("./Connect/Stream")
    if stream is None:
        raise NoAnswer("TwiML without a stream: the server takes no more calls")
    parameters = {p.get("name", ""): p.get("value", "") for p in stream.iter("Parameter")}
    return StreamPlace(stream.get("url", ""), parameters, (root.findtext("Redirect") or "").strip())
