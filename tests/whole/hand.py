"""A telephone made by hand: httpx, websockets and twilio's own validator. It knows the protocol and nothing of us."""

import asyncio
import base64
import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import httpx
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.audio.g711 import encode
from app.simulator.tonal import Mumble
from tests.whole.house import PATIENCE_S, PUBLIC, TOKEN, House
from tests.whole.sounds import TONES

QUIET = base64.b64encode(b"\xff" * 160).decode()
FORM = {"From": "+14155550123", "To": "+15035550199", "CallStatus": "ringing", "Direction": "inbound", "FromCity": ""}


class Hand:
    """One call: `client` reaches the server at its real address, everything is signed over its public one."""

    def __init__(self, client: httpx.AsyncClient, call_sid: str, token: str = TOKEN, public: str = PUBLIC) -> None:
        self.call_sid = call_sid
        self.twiml = ""
        self.stream_url = ""
        self.parameters: dict[str, str] = {}
        self.next_url = ""
        self.clears = 0
        self.marks: list[str] = []
        self._client = client
        self._validator = RequestValidator(token)
        self._public = public
        self._socket: ClientConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = bytearray()
        self._news = asyncio.Event()
        self._mouth: list[str] = []
        self._close_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._sequence = 0
        self._streams = 0

    @classmethod
    @asynccontextmanager
    async def rings(cls, house: House, call_sid: str = "CA" + "7" * 32) -> AsyncIterator[Self]:
        """Ask the voice webhook and open the stream it names."""
        hand = cls(house.client, call_sid)
        try:
            await hand.ask("/twilio/voice")
            await hand.open()
            yield hand
        finally:
            await hand.hang_up()

    # --- webhooks -------------------------------------------------------------------------------------------------

    async def ask(self, route: str, **fields: str) -> str:
        """Post a webhook, and read what its TwiML says."""
        form = {"CallSid": self.call_sid, "AccountSid": "AC1"} | FORM | fields
        signature = self._validator.compute_signature(self._public + route, form)
        answer = await self._client.post(route, data=form, headers={"X-Twilio-Signature": signature})
        assert answer.status_code == 200, answer.text
        self.twiml = answer.text
        document = ET.fromstring(answer.text)
        stream = document.find("Connect/Stream")
        if stream is not None:
            self.stream_url = stream.attrib["url"]
            self.parameters = {p.attrib["name"]: p.attrib["value"] for p in stream.findall("Parameter")}
            self.next_url = document.findtext("Redirect", "")
        return answer.text

    async def goes_on(self) -> str:
        """The stream has ended: do what the TwiML says next, and open the stream that it names."""
        answer = await self.ask(self.next_url.removeprefix(self._public))
        await self.open()
        return answer

    # --- the socket -----------------------------------------------------------------------------------------------

    async def open(self, signed: bool = True, parameters: dict[str, str] | None = None) -> None:
        """Connect, say `connected` and `start`, then send silence and whatever is said, a frame every 20 ms."""
        address = (
            str(self._client.base_url).replace("http", "ws").rstrip("/")
            + self.stream_url.partition("/twilio")[1]
            + self.stream_url.partition("/twilio")[2]
        )
        signature = self._validator.compute_signature(self.stream_url, {}) if signed else "forged"
        self._socket = await connect(address, additional_headers={"X-Twilio-Signature": signature}, proxy=None)
        self._close_code = asyncio.get_running_loop().create_future()
        self._heard.clear()
        self._streams += 1
        self.stream_sid = f"MZ{self._streams:032d}"
        await self.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        start = {
            "accountSid": "AC1",
            "streamSid": self.stream_sid,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self.parameters if parameters is None else parameters,
        }
        await self.send(self._message("start", start))
        self._tasks = {asyncio.create_task(self._listen()), asyncio.create_task(self._speak())}

    async def send(self, message: str | bytes) -> None:
        assert self._socket is not None
        with suppress(ConnectionClosed):
            await self._socket.send(message)

    def media(self, payload: str) -> str:
        return self._message("media", {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": payload})

    async def says(self, words: str, in_bursts: bool = False) -> None:
        """Begin to speak; it lasts as long as the words do."""
        mulaw = encode(Mumble().speak(words))
        size = 800 if in_bursts else 160
        self._mouth += [base64.b64encode(mulaw[at : at + size]).decode() for at in range(0, len(mulaw), size)]

    async def hears(self, *names: str) -> None:
        """Wait until these have been received, in this order, whatever else was."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not _in_order(names, self.heard):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"waited for {names}, received {self.heard}") from None

    @property
    def heard(self) -> list[str]:
        """All that was received, in order: what a telephone without a buffer would have played."""
        return [sound.name for sound in TONES.read(bytes(self._heard))]

    @property
    def heard_ms(self) -> Counter[str]:
        return Counter({sound.name: sound.heard_ms for sound in TONES.read(bytes(self._heard))})

    async def closed(self) -> int:
        """The code with which the server closed the socket."""
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.shield(self._close_code)

    def drop(self) -> None:
        """The connection is gone, without a word."""
        assert self._socket is not None
        self._socket.transport.abort()

    async def hang_up(self) -> None:
        if self._socket is not None:
            await self.send(self._message("stop", {"accountSid": "AC1", "callSid": self.call_sid}))
            await self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _message(self, event: str, body: dict[str, Any]) -> str:
        self._sequence += 1
        numbered = {"event": event, "sequenceNumber": str(self._sequence), "streamSid": self.stream_sid}
        return json.dumps(numbered | {event: body})

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._close_code.done():
            await self.send(self.media(self._mouth.pop(0) if self._mouth else QUIET))
            due += 0.02
            await asyncio.sleep(due - loop.time())

    async def _listen(self) -> None:
        assert self._socket is not None
        with suppress(ConnectionClosed):
            async for text in self._socket:
                await self._take(json.loads(text))
        if not self._close_code.done():
            self._close_code.set_result(self._socket.close_code or 1006)

    async def _take(self, message: dict[str, Any]) -> None:
        assert message["streamSid"] == self.stream_sid
        match message["event"]:
            case "media":
                self._heard += base64.b64decode(message["media"]["payload"], validate=True)
            case "mark":
                self.marks.append(message["mark"]["name"])
                await self.send(self._message("mark", message["mark"]))
            case "clear":
                self.clears += 1
        self._news.set()


def _in_order(names: tuple[str, ...], heard: list[str]) -> bool:
    left = iter(heard)
    return all(name in left for name in names)
