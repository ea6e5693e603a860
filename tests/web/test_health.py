"""What operators and load balancers ask."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Gauge

from app.web.health import Ready, health_routes
from tests.web.house import Desk, open_house, running


@asynccontextmanager
async def health(ready: Ready, registry: CollectorRegistry, token: str = "") -> AsyncIterator[httpx.AsyncClient]:
    http = FastAPI()
    http.include_router(health_routes(ready, lambda: registry, token))
    async with running(http) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


def full() -> tuple[bool, Mapping[str, Any]]:
    return True, {"pool": "full"}


async def test_a_running_server_is_alive() -> None:
    async with health(full, CollectorRegistry()) as client:
        response = await client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"alive": True})


async def test_readiness_follows_the_house_and_shows_its_state() -> None:
    state: dict[str, Any] = {"pool": "filling"}
    ready = False
    async with health(lambda: (ready, state), CollectorRegistry()) as client:
        response = await client.get("/readyz")
        assert (response.status_code, response.json()) == (503, {"ready": False, "pool": "filling"})
        ready, state["pool"] = True, "full"
        response = await client.get("/readyz")
        assert (response.status_code, response.json()) == (200, {"ready": True, "pool": "full"})


async def test_metrics_are_prometheus_text() -> None:
    registry = CollectorRegistry()
    Gauge("offhook_calls_live", "Calls", registry=registry).set(3)
    async with health(full, registry) as client:
        response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert "offhook_calls_live 3.0" in response.text


async def test_metrics_behind_a_token_need_it() -> None:
    async with health(full, CollectorRegistry(), "s3cret") as client:
        answers = [
            (await client.get("/metrics", headers=headers)).status_code
            for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer s3cret"})
        ]
        assert answers == [401, 401, 200]
        assert (await client.get("/healthz")).status_code == 200


async def test_the_whole_web_has_these_routes_and_shows_no_others() -> None:
    async with open_house(Desk()) as house:
        answers = {
            path: (await house.client.get(path)).status_code
            for path in ("/readyz", "/metrics", "/docs", "/openapi.json")
        }
    assert answers == {"/readyz": 200, "/metrics": 200, "/docs": 404, "/openapi.json": 404}
