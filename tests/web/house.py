"""A front desk that writes down what it was asked, the real web before it, and a signed way in."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import httpx
import uvicorn
from fakeredis import FakeAsyncRedis
from prometheus_client import CollectorRegistry, Counter
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from app.bridge.desk import FrontDesk
from app.bridge.incoming import Incoming
from app.bridge.people import NoInbox, People
from app.bridge.registry import Registry
from app.cache.store import Store
from app.call.continuation import Answer, ConnectStream, SpeakAndHangUp
from app.call.events import Answerer
from app.legs.leg import Leg, LegReport
from app.legs.twilio.media import TwilioLeg
from app.web.app import build_web, uvicorn_options
from app.web.gate import Gate

PUBLIC = "https://bot.example.com"
TOKEN = "12345"
CALL = "CA" + "1" * 32
STREAM = "MZ" + "2" * 32
FIELDS = {"CallSid": CALL, "From": "+14158675310", "To": "+18005551212", "CallStatus": "ringing", "ToZip": ""}

type Conduct = Callable[["Desk", TwilioLeg], Awaitable[None]]


async def listen(desk: "Desk", leg: TwilioLeg) -> None:
    async for report in leg.events():
        desk.heard.append(report)
        desk.news.set()


@dataclass
class Desk(FrontDesk):
    """Tokens are `good` for any call, once each; `conduct` is what the call does with its leg."""

    answer: Answer = field(default_factory=ConnectStream)
    conduct: Conduct = listen
    asked: list[tuple[str, Incoming]] = field(default_factory=list)
    reports: list[tuple[str, ...]] = field(default_factory=list)
    heard: list[LegReport] = field(default_factory=list)
    legs: list[TwilioLeg] = field(default_factory=list)
    tokens: set[str] = field(default_factory=lambda: {"good"})
    news: asyncio.Event = field(default_factory=asyncio.Event)
    served: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer_call(self, incoming: Incoming) -> Answer:
        self.asked.append(("voice", incoming))
        return self.answer

    async def answer_placed(self, incoming: Incoming, agent: str, given: Mapping[str, str]) -> Answer:
        self.asked.append(("placed", replace(incoming, agent=agent, given=given)))
        return self.answer

    async def disposition(self, call_sid: str) -> str:
        return "completed" if call_sid == CALL else ""

    def answerer_known(self, call_sid: str, by: Answerer) -> None:
        self.reports.append((call_sid, by))

    async def continue_call(self, incoming: Incoming) -> Answer:
        self.asked.append(("next", incoming))
        return self.answer

    async def fall_back(self, incoming: Incoming) -> Answer:
        self.asked.append(("fallback", incoming))
        return SpeakAndHangUp("One moment, please.")

    def __post_init__(self) -> None:
        store = Store(FakeAsyncRedis(), "memory")
        self.registry = Registry(10, lambda: 0)
        self.people = People(self.registry, store, NoInbox(), lambda: 0, None, lambda *_: None)

    def call_reported(self, call_sid: str, status: str) -> None:
        self.reports.append((call_sid, status))

    def stream_reported(self, call_sid: str, stream: str, event: str, error: str) -> None:
        self.reports.append((call_sid, stream, event, error))

    def stream_token(self, call_sid: str) -> str:
        return "good"

    async def claim_leg(self, call_sid: str, stream: str, token: str) -> int | None:
        if token not in self.tokens:
            return None
        self.tokens.remove(token)
        return 1

    async def serve_leg(self, call_sid: str, leg: Leg) -> None:
        assert isinstance(leg, TwilioLeg)
        self.legs.append(leg)
        try:
            await self.conduct(self, leg)
        finally:
            self.served.set()

    async def hear(self, count: int) -> list[LegReport]:
        """Wait until `count` reports have come from the leg."""
        while len(self.heard) < count:
            self.news.clear()
            await self.news.wait()
        return self.heard


class House:
    """A running server and the ways into it."""

    def __init__(self, desk: Desk, port: int, registry: CollectorRegistry) -> None:
        self.desk = desk
        self.port = port
        self._registry = registry
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")

    @property
    def bad_signatures(self) -> float:
        return self._registry.get_sample_value("bad_signatures_total") or 0.0

    async def post(self, path: str, fields: dict[str, str], *, token: str = TOKEN, **headers: str) -> httpx.Response:
        """As Twilio posts: signed over the published URL, blanks included."""
        signature = RequestValidator(token).compute_signature(PUBLIC + path, fields)
        return await self.client.post(
            path,
            content=urlencode(fields),
            headers={"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature, **headers},
        )

    def socket(
        self,
        *,
        token: str = TOKEN,
        signed: str = "wss://bot.example.com/twilio/media",
        path: str = "/twilio/media",
        **options: Any,
    ) -> AbstractAsyncContextManager[ClientConnection]:
        """As Twilio connects: signed over the URL of the TwiML."""
        signature = RequestValidator(token).compute_signature(signed, {})
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            additional_headers={"x-twilio-signature": signature},
            compression=None,
            proxy=None,
            **options,
        )


def start(token: str = "good", **changes: Any) -> str:
    shape = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    body = {"accountSid": "AC" + "0" * 32, "streamSid": STREAM, "callSid": CALL, "tracks": ["inbound"]}
    start = {**body, "mediaFormat": shape, "customParameters": {"token": token}, **changes}
    return json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": STREAM, "start": start})


async def greet(line: ClientConnection, **changes: Any) -> None:
    await line.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    await line.send(start(**changes))


def media(audio: bytes = b"\x7f" * 160) -> str:
    body = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": base64.b64encode(audio).decode()}
    document = {"event": "media", "sequenceNumber": "2", "media": body, "streamSid": STREAM}
    return json.dumps(document, separators=(",", ":"))


async def played(line: ClientConnection) -> list[str | int]:
    """What the telephone is sent until the socket is closed: bytes of audio, names of marks, the word clear."""
    seen = []
    with suppress(ConnectionClosedError):  # any code but 1000
        async for text in line:
            seen.append(_short(json.loads(text)))
    return seen


def _short(message: dict[str, Any]) -> str | int:
    assert message["streamSid"] == STREAM
    match message["event"]:
        case "media":
            return len(base64.b64decode(message["media"]["payload"]))
        case "mark":
            return str(message["mark"]["name"])
        case event:
            return str(event)


@asynccontextmanager
async def running(web: Callable[..., Awaitable[None]], **options: Any) -> AsyncIterator[int]:
    """uvicorn on a free port of 127.0.0.1, stopped for good when the block ends."""
    settings = uvicorn_options() | {"timeout_graceful_shutdown": 1} | options
    door = socket.create_server(("127.0.0.1", 0))  # who knocks before the server is up waits in its backlog
    server = uvicorn.Server(uvicorn.Config(web, log_config=None, **settings))
    serving = asyncio.create_task(server.serve(sockets=[door]))
    try:
        yield door.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def open_house(
    desk: Desk,
    tokens: Sequence[str] = (TOKEN,),
    start_within_s: float = 5.0,
    answer_within_s: float = 5.0,
    order_secret: str = "",
    **options: Any,
) -> AsyncIterator[House]:
    registry = CollectorRegistry()
    bad = Counter("bad_signatures", "Requests with a wrong signature", registry=registry)
    gate = Gate(PUBLIC, tokens, on_bad_signature=bad.inc)
    web = build_web(
        desk,
        gate,
        lambda: (True, {"pool": "full"}),
        lambda: registry,
        order_secret=order_secret,
        start_within_s=start_within_s,
        answer_within_s=answer_within_s,
    )
    async with running(web, **options) as port:
        house = House(desk, port, registry)
        async with house.client:
            yield house
