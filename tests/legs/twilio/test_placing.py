"""Placing a call for sure, surely not, or perhaps: judged by the simulated Twilio, and by servers that behave badly."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from app.call.events import Answerer
from app.legs.placing import CarrierAway, NotPlaced, PerhapsPlaced, Wanted
from app.legs.twilio.client import rest_client
from app.legs.twilio.placing import PlacingDesk
from app.simulator.twilio.plant import DialOutcome
from tests.legs.twilio.test_rest import ACCOUNT, OURS, THEIRS, Carrier, carrier

__all__ = ["carrier"]
PUBLIC = "https://bot.example.com"


def desk(url: str, password: str = ACCOUNT.token) -> PlacingDesk:
    return PlacingDesk(rest_client(ACCOUNT.sid, ACCOUNT.sid, password, url, 0.5), PUBLIC, "secret")


def wanted(to: str = THEIRS, caller_id: str = OURS) -> Wanted:
    return Wanted(to, "desk", caller_id, {"name": "Anna"})


async def test_a_call_is_placed_found_and_looked_at(carrier: Carrier) -> None:
    carrier.exchange.plant.outcomes = {THEIRS: DialOutcome(ring_ms=100, status="busy")}
    ours = desk(carrier.url)
    sid = await asyncio.to_thread(ours.place, wanted())
    async with asyncio.timeout(5):
        await carrier.exchange.plant.calls[sid].hung_up.wait()
    (found,) = await asyncio.to_thread(ours.find, THEIRS, OURS)
    assert found == await asyncio.to_thread(ours.look, sid)
    assert (found.sid, found.status, found.over, found.answered_by) == (sid, "busy", True, None)
    assert found.created_ms > 1_700_000_000_000
    assert await asyncio.to_thread(ours.find, "+14155550177", OURS) == []
    detection = carrier.exchange.plant.calls[sid].handlers
    assert detection.status_callback == f"{PUBLIC}/twilio/status" and "/twilio/outbound/" in detection.url
    assert "Anna" not in detection.url


async def test_who_answered_is_told_in_our_words(carrier: Carrier) -> None:
    carrier.exchange.plant.outcomes = {THEIRS: DialOutcome(ring_ms=100, answered_by="machine", greeting_ms=200)}
    ours = desk(carrier.url)
    sid = await asyncio.to_thread(ours.place, wanted())
    async with asyncio.timeout(20):
        await carrier.exchange.plant.calls[sid].over.wait()
    assert (await asyncio.to_thread(ours.look, sid)).answered_by in {Answerer.BEEP, None}


@pytest.mark.parametrize(
    ("to", "caller_id", "fault"),
    [
        ("+15005550001", OURS, "callee"),
        ("+15005550003", OURS, "callee"),
        (THEIRS, "+15550009999", "account"),
    ],
)
async def test_a_refusal_says_whose_fault_it_is_and_no_number(
    carrier: Carrier, to: str, caller_id: str, fault: str
) -> None:
    with pytest.raises(NotPlaced) as refused:
        await asyncio.to_thread(desk(carrier.url).place, wanted(to, caller_id))
    assert refused.value.fault == fault
    assert to not in str(refused.value) and caller_id not in str(refused.value)


async def test_wrong_credentials_would_meet_every_call(carrier: Carrier) -> None:
    with pytest.raises(NotPlaced, match="TWILIO_ACCOUNT_SID") as refused:
        await asyncio.to_thread(desk(carrier.url, "wrong").place, wanted())
    assert refused.value.fault == "account"


async def test_a_carrier_that_is_asked_too_much_or_is_not_there_has_not_taken_it(carrier: Carrier) -> None:
    nobody = socket.create_server(("127.0.0.1", 0))
    port = nobody.getsockname()[1]
    nobody.close()
    with pytest.raises(NotPlaced) as away:
        await asyncio.to_thread(desk(f"http://127.0.0.1:{port}").place, wanted())
    assert away.value.fault == "carrier"
    with pytest.raises(CarrierAway, match="does not answer"):
        await asyncio.to_thread(desk(f"http://127.0.0.1:{port}").find, THEIRS, OURS)


type Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@asynccontextmanager
async def behaving(answer: bytes | None) -> AsyncIterator[str]:
    """A server that reads the whole request, then says this, or nothing and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is not None:
            writer.write(answer)
        else:
            await asyncio.sleep(0.05)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


BROKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@pytest.mark.parametrize("answer", [None, BROKEN])
async def test_an_order_that_went_out_and_was_not_answered_was_perhaps_taken(answer: bytes | None) -> None:
    async with behaving(answer) as url:
        with pytest.raises(PerhapsPlaced):
            await asyncio.to_thread(desk(url).place, wanted())
