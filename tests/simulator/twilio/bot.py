"""A small application on 127.0.0.1 for the simulated Twilio to call: routes are functions of the form fields.

What it was asked is kept, so that a test can look at it as the application saw it.
"""

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

TONE = b"\x00" * 1600  # 200 ms of the loudest sample: very audible


@dataclass
class Asked:
    path: str
    method: str
    url: str
    headers: Mapping[str, str]
    fields: dict[str, str]


Answer = str | tuple[int, str, str, dict[str, str]]
Page = Callable[[Asked], Answer | Awaitable[Answer]]


@dataclass
class Bot:
    """`pages` answer webhooks; `media` holds the socket."""

    pages: dict[str, Page] = field(default_factory=dict)
    media: Callable[["Socket"], Awaitable[None]] | None = None
    upgrade_status: int = 101
    asked: list[Asked] = field(default_factory=list)
    sockets: list["Socket"] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def stream_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/media"

    def of(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    def page(self, path: str, answer: Answer) -> None:
        self.pages[path] = lambda asked: answer

    async def _page(self, request: Request) -> Response:
        body = (await request.body()).decode()
        headers = dict(request.headers)
        asked = Asked(
            request.url.path, request.method, str(request.url), headers, dict(parse_qsl(body, keep_blank_values=True))
        )
        self.asked.append(asked)
        page = self.pages.get(request.url.path)
        if page is None:
            return Response("nothing here", 404, media_type="text/plain")
        answer = page(asked)
        made = answer if isinstance(answer, str | tuple) else await answer
        if isinstance(made, str):
            return Response(f"<Response>{made}</Response>", media_type="text/xml")
        status, content_type, text, more = made
        return Response(text, status, {"content-type": content_type, **more} if content_type else more)

    async def _media(self, socket: WebSocket) -> None:
        if self.upgrade_status != 101:
            await socket.close()  # before accepting: uvicorn answers 403
            return
        await socket.accept()
        end = Socket(socket)
        self.sockets.append(end)
        with contextlib.suppress(WebSocketDisconnect):
            if self.media is not None:
                await self.media(end)
            await socket.close()


class Socket:
    """The server's end of a stream."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.headers = dict(socket.headers)
        self.received: list[dict[str, Any]] = []
        self.stream_sid = ""

    async def take(self, event: str = "") -> dict[str, Any]:
        """The next message, or the next one of this kind."""
        while True:
            message: dict[str, Any] = json.loads(await self.socket.receive_text())
            self.received.append(message)
            if message["event"] == "start":
                self.stream_sid = message["streamSid"]
            if not event or message["event"] == event:
                return message

    async def take_all(self) -> None:
        """Read until the other side closes."""
        while True:
            await self.take()

    async def send(self, event: str, **more: object) -> None:
        await self.socket.send_text(json.dumps({"event": event, "streamSid": self.stream_sid, **more}))

    async def play(self, audio: bytes) -> None:
        await self.send("media", media={"payload": base64.b64encode(audio).decode()})

    async def mark(self, name: str) -> None:
        await self.send("mark", mark={"name": name})

    def of(self, event: str) -> list[dict[str, Any]]:
        return [message for message in self.received if message["event"] == event]


def stream_twiml(bot: Bot, inside: str = "", after: str = "") -> str:
    return f'<Connect><Stream url="{bot.stream_url}">{inside}</Stream></Connect>{after}'


@contextlib.asynccontextmanager
async def serving(bot: Bot) -> AsyncIterator[Bot]:
    routes = [WebSocketRoute("/media", bot._media), Route("/{path:path}", bot._page, methods=["GET", "POST"])]
    listener = free_port()
    bot.port = listener.getsockname()[1]
    async with listening(Starlette(routes=routes), listener):
        yield bot


def free_port() -> socket.socket:
    # With the protocol named, asyncio turns Nagle's algorithm off; else each answer would take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


@contextlib.asynccontextmanager
async def listening(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    """uvicorn without its main loop, which would look every 100 ms only whether to end."""
    config = uvicorn.Config(app, log_level="error", ws="websockets-sansio", lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield
    finally:
        # Not uvicorn's own shutdown, which sleeps 100 ms each time.
        for connection in list(server.server_state.connections):
            connection.shutdown()
        for running in server.servers:
            running.close()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
