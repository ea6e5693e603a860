"""What operators and load balancers ask: alive, ready, how much."""

import asyncio
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

type Ready = Callable[[], tuple[bool, Mapping[str, Any]]]


def health_routes(ready: Ready, registry: Callable[[], CollectorRegistry], metrics_token: str = "") -> APIRouter:
    """`ready` says whether new calls are welcome, and the state that is shown with the answer; `registry` gives what
    is counted."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def alive() -> JSONResponse:
        return JSONResponse({"alive": True})

    @router.get("/readyz")
    async def readiness() -> JSONResponse:
        is_ready, state = ready()
        return JSONResponse({"ready": is_ready, **state}, status_code=200 if is_ready else 503)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        if metrics_token and not _bears(request, metrics_token):
            return Response("a bearer token is needed\n", status_code=401, headers={"WWW-Authenticate": "Bearer"})
        text = await asyncio.to_thread(lambda: generate_latest(registry()))  # milliseconds: too long for the loop
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


def _bears(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
