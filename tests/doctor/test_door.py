"""The way in as Twilio finds it: real TLS in front of the real web, and each thing that can be wrong with it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.doctor import door
from app.doctor.findings import State
from app.edition import load_edition
from app.settings import Settings
from app.web.app import build_web
from app.web.gate import Gate
from tests.doctor.conftest import HOST, PARCELS, TOKEN, Make, TlsFront
from tests.web.house import Desk, running

HERE = load_edition(PARCELS).hash

type Served = Callable[..., AbstractAsyncContextManager[Settings]]
type Proxied = Callable[..., AbstractAsyncContextManager[Settings]]


@pytest.fixture
def served(settings: Make, tls_front: TlsFront) -> Served:
    """`async with served() as chosen:` settings whose PUBLIC_URL leads through TLS to our web."""

    @asynccontextmanager
    async def serve(
        token: str = TOKEN, published: str = "", edition: str = HERE, unsigned: bool = False
    ) -> AsyncIterator[Settings]:
        desk, gate, bad = Desk(), Gate("", ()), list[int]()

        async def web(scope: Scope, receive: Receive, send: Send) -> None:
            here = build_web(desk, gate, lambda: (True, {"edition": edition}), CollectorRegistry)
            await here(scope, receive, send)

        async with running(web, lifespan="off") as port, tls_front(port) as front:
            tokens = () if unsigned else (token,)
            gate = Gate(published or front.url, tokens, unsigned, lambda: bad.append(1))
            yield settings(public_url=front.url)
            assert not bad or token != TOKEN or published, "the doctor's own wrong signature raises no alarm"
            assert not desk.asked and not desk.legs  # nobody was called

    return serve


@pytest.fixture
def proxied(settings: Make, tls_front: TlsFront) -> Proxied:
    """`async with proxied(502) as chosen:` something else answers, always the same."""

    @asynccontextmanager
    async def serve(status: int, text: str = "", **headers: str) -> AsyncIterator[Settings]:
        async def answer(request: Request) -> Response:
            return Response(text, status, headers)

        web = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
        async with running(web, ws="none") as port, tls_front(port) as front:
            yield settings(public_url=front.url)

    return serve


# --- the signed loop


async def test_a_signed_request_comes_back_and_no_call_began(served: Served) -> None:
    async with served() as settings:
        found = await door.webhook(settings)
        assert found.state is State.RIGHT and HERE in found.said
        assert (await door.media(settings)).state is State.RIGHT


async def test_another_token_or_address_at_the_server_is_wrong(served: Served) -> None:
    for other in ({"token": "another"}, {"published": "https://other.example.com"}):
        async with served(**other) as settings:
            found = await door.webhook(settings)
            assert found.state is State.WRONG and "TWILIO_AUTH_TOKEN and PUBLIC_URL" in found.fix
            assert "signature" in (await door.media(settings)).said


async def test_a_server_that_lets_anybody_in_is_wrong(served: Served) -> None:
    async with served(unsigned=True) as settings:
        found = await door.webhook(settings)
    assert found.state is State.WRONG and "--local" in found.fix


async def test_another_edition_at_the_server_is_a_warning(served: Served) -> None:
    async with served(edition="000000000000") as settings:
        found = await door.webhook(settings)
    assert found.state is State.WARNING and HERE in found.said


@pytest.mark.parametrize(
    ("status", "text", "fix"),
    [
        (502, "", "start `offhook serve`"),
        (404, "", "/twilio/"),
        (200, "Welcome to nginx!", "/twilio/"),
        (200, '{"nonce": "another"}', "/twilio/"),
        (200, "[]", "/twilio/"),
    ],
)
async def test_what_is_not_our_server_is_said(proxied: Proxied, status: int, text: str, fix: str) -> None:
    async with proxied(status, text) as settings:
        found = await door.webhook(settings)
    assert found.state is State.WRONG and fix in found.fix


async def test_an_address_that_redirects_is_wrong(proxied: Proxied) -> None:
    async with proxied(301, location="https://www.bot.example.com/twilio/loop") as settings:
        found = await door.webhook(settings)
    assert found.state is State.WRONG and "PUBLIC_URL" in found.fix


@pytest.mark.parametrize(("status", "fix"), [(200, "Upgrade"), (426, "Upgrade"), (502, "offhook serve")])
async def test_a_proxy_that_passes_no_websocket_is_wrong(proxied: Proxied, status: int, fix: str) -> None:
    async with proxied(status) as settings:
        found = await door.media(settings)
    assert found.state is State.WRONG and fix in found.fix


async def test_an_address_where_nobody_is_is_wrong(settings: Make) -> None:
    for check in (door.webhook, door.media, door.certificate):
        closed = await check(settings(public_url=f"https://{HOST}:9"))
        assert closed.state is State.WRONG and "port of PUBLIC_URL" in closed.fix
        unknown = await check(settings(public_url="https://nowhere.example.com"))
        assert unknown.state is State.WRONG and "DNS" in unknown.said


# --- the certificate


async def test_a_good_certificate_tells_its_days(settings: Make, tls_front: TlsFront) -> None:
    async with tls_front(9) as front:
        found = await door.certificate(settings(public_url=front.url))
    assert found.state is State.RIGHT and found.facts["days"] == 59


@pytest.mark.parametrize(
    ("how", "state", "said"),
    [
        ({"life": timedelta(days=5)}, State.WARNING, "good for 4 days"),
        ({"life": timedelta(hours=-1)}, State.WRONG, "run out"),
        ({"host": "other.example.com"}, State.WRONG, "another host"),
        ({"is_trusted": False}, State.WRONG, "certificate"),
    ],
)
async def test_a_certificate_that_twilio_would_refuse_is_wrong(
    settings: Make, tls_front: TlsFront, how: dict[str, Any], state: State, said: str
) -> None:
    async with tls_front(9, **how) as front:
        chosen = settings(public_url=front.url)
        found = await door.certificate(chosen)
        assert found.state is state and said in found.said and found.fix
        if state is State.WRONG:
            assert (await door.webhook(chosen)).said == found.said


async def test_an_address_without_tls_is_wrong(settings: Make, proxied: Proxied) -> None:
    async def hello(request: Request) -> Response:
        return Response("hello")

    assert (await door.certificate(settings(public_url="http://bot.example.com"))).state is State.WRONG
    async with running(Starlette(routes=[Route("/", hello)])) as port:
        found = await door.certificate(settings(public_url=f"https://{HOST}:{port}"))
    assert found.state is State.WRONG and "TLS" in found.said
