"""The web as one ASGI application: webhooks and health over HTTP, the media stream over WebSocket."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from app.bridge.desk import FrontDesk
from app.legs.twilio.twiml import MEDIA_PATH
from app.web.gate import Gate
from app.web.health import Ready, health_routes
from app.web.line import LineProtocol
from app.web.loop import loop_routes
from app.web.media import START_WITHIN_S, MediaSocket
from app.web.outbound import outbound_routes
from app.web.people import people_routes
from app.web.requests import RequestProtocol
from app.web.twilio import ANSWER_WITHIN_S, Webhooks

LARGEST_MESSAGE = 65_536

type Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Web:
    """The media socket is answered before FastAPI is asked: its middleware would be passed by every message."""

    def __init__(self, http: FastAPI, media: MediaSocket) -> None:
        self.http = http  # further pages are added here
        self._media = media

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"].rstrip("/") == MEDIA_PATH:
            await self._media(scope, receive, send)
        else:
            await self.http(scope, receive, send)


def build_web(
    desk: FrontDesk,
    gate: Gate,
    ready: Ready,
    registry: Callable[[], CollectorRegistry],
    metrics_token: str = "",
    order_secret: str = "",
    *,
    lifespan: Lifespan | None = None,
    start_within_s: float = START_WITHIN_S,
    answer_within_s: float = ANSWER_WITHIN_S,
) -> Web:
    """Everything Twilio and operators can reach. `lifespan` runs around the server's life; the limits are how long a
    socket may take to say `start`, and the desk to answer a webhook. `order_secret`: what calls that we place bring
    along is sealed with it; without one, none can be answered."""
    http = FastAPI(openapi_url=None, lifespan=lifespan)
    webhooks = Webhooks(desk, gate, answer_within_s)
    http.include_router(webhooks.router())
    http.include_router(people_routes(desk.people, webhooks))
    if order_secret:
        http.include_router(outbound_routes(desk, webhooks, order_secret))
    http.include_router(loop_routes(webhooks, ready))
    http.include_router(health_routes(ready, registry, metrics_token))
    return Web(http, MediaSocket(desk, gate, start_within_s))


def uvicorn_options() -> dict[str, Any]:
    """How uvicorn must be run for telephone calls: `uvicorn.Config(web, host=..., port=..., **uvicorn_options())`.

    - `ws`: the sans-IO protocol, which is a third cheaper than the older one, fitted to a line (`app.web.line`).
    - `http`: httptools, with an end to what may be sent before a request is whole (`app.web.requests`).
    - No compression: 20 ms of mu-law do not shrink, and proxies have been seen to break it (Twilio error 31924).
    - No pings: 50 messages a second are the sign of life; a ping timeout would end calls that are well.
    - No access log: it would be a line for each webhook with its query, and ours says more.
    """
    return {
        "loop": "uvloop",
        "http": RequestProtocol,
        "ws": LineProtocol,
        "ws_max_size": LARGEST_MESSAGE,
        "ws_ping_interval": None,
        "ws_ping_timeout": None,
        "ws_per_message_deflate": False,
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        "lifespan": "on",
    }
