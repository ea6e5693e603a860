"""Requests to the application, as the application sees them."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from twilio.request_validator import RequestValidator

from app.simulator.twilio.identity import Account, Oddities, Party
from app.simulator.twilio.webhook import FetchFailed, Limits, Route, Webhooks, new_client
from tests.simulator.twilio.bot import Answer, Asked, Bot, serving

TOKEN = "12345"
FIELDS = Party(Account(), "CA1", "+14155550123", "+15035550199").fields("ringing")


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with serving(Bot()) as running:
        yield running


@pytest.fixture
async def webhooks() -> AsyncIterator[Webhooks]:
    async with new_client() as client:
        yield Webhooks(client, TOKEN, Route(), Limits(), random.Random(1))


def accepted(asked: Asked, url: str, token: str = TOKEN) -> bool:
    return bool(RequestValidator(token).validate(url, asked.fields, asked.headers["x-twilio-signature"]))


async def test_a_webhook_looks_as_twilios_do(bot: Bot, webhooks: Webhooks) -> None:
    bot.page("/voice", "<Hangup/>")
    document = await webhooks.fetch(bot.url("/voice"), "POST", FIELDS)
    (asked,) = bot.asked
    assert document.body == b"<Response><Hangup/></Response>"
    assert asked.headers["user-agent"] == "TwilioProxy/1.1" and asked.headers["accept"] == "*/*"
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert len(asked.headers["i-twilio-idempotency-token"]) == 36
    assert asked.fields == FIELDS and asked.fields["ToZip"] == "" and asked.fields["FromCity"] == "SAN FRANCISCO"
    assert list(asked.fields) not in (list(FIELDS), sorted(FIELDS))
    assert accepted(asked, bot.url("/voice"))


async def test_unicode_spaces_and_blanks_arrive_and_are_signed(bot: Bot, webhooks: Webhooks) -> None:
    bot.page("/voice", "")
    odd = {"CallerName": "Zoë  O'Brien & Söhne ", "Blank": "", "新": "+ %20=&"}
    await webhooks.fetch(bot.url("/voice"), "POST", FIELDS | odd)
    assert bot.asked[0].fields == FIELDS | odd and accepted(bot.asked[0], bot.url("/voice"))


async def test_a_get_carries_its_fields_in_the_signed_url(bot: Bot, webhooks: Webhooks) -> None:
    bot.page("/voice", "")
    await webhooks.fetch(bot.url("/voice?a=1"), "GET", {"CallSid": "CA1", "Name": "a b"})
    (asked,) = bot.asked
    assert asked.method == "GET" and "a=1" in asked.url and "Name=a%20b" in asked.url
    assert RequestValidator(TOKEN).validate(asked.url, {}, asked.headers["x-twilio-signature"])


async def test_a_public_url_is_signed_and_its_real_place_is_asked(bot: Bot) -> None:
    bot.page("/voice", "")
    async with new_client() as client:
        route = Route("https://bot.example", bot.url(""))
        hooks = Webhooks(client, TOKEN, route, Limits(), random.Random(1))
        await hooks.fetch("https://bot.example/voice", "POST", FIELDS)
    assert bot.asked[0].headers["host"] == "bot.example"
    assert accepted(bot.asked[0], "https://bot.example/voice")


def test_a_route_moves_only_what_is_under_the_public_address() -> None:
    route = Route("https://bot.example", "http://127.0.0.1:8000")
    assert route.address("wss://bot.example/media") == "ws://127.0.0.1:8000/media"
    assert route.address("https://bot.example/v?a=1") == "http://127.0.0.1:8000/v?a=1"
    assert route.address("https://other.example/v") == "https://other.example/v"


async def test_cookies_are_kept_for_the_call_and_no_other(bot: Bot, webhooks: Webhooks) -> None:
    bot.page("/voice", (200, "text/xml", "<Response/>", {"set-cookie": "who=anna; Path=/"}))
    await webhooks.fetch(bot.url("/voice"), "POST", FIELDS)
    await webhooks.fetch(bot.url("/voice"), "POST", FIELDS)
    async with new_client() as client:
        await Webhooks(client, TOKEN, Route(), Limits(), random.Random(1)).fetch(bot.url("/voice"), "POST", FIELDS)
    assert [asked.headers.get("cookie") for asked in bot.asked] == [None, "who=anna", None]


async def test_a_302_becomes_a_get_without_the_form_and_a_307_keeps_it(bot: Bot, webhooks: Webhooks) -> None:
    bot.page("/old", (302, "", "", {"location": "/new"}))
    bot.page("/moved", (307, "", "", {"location": "/new"}))
    bot.page("/new", "<Hangup/>")
    assert (await webhooks.fetch(bot.url("/old"), "POST", FIELDS)).url == bot.url("/new")
    await webhooks.fetch(bot.url("/moved"), "POST", FIELDS)
    lost, kept = bot.of("/new")
    assert (lost.method, lost.fields) == ("GET", {}) and accepted(lost, bot.url("/new"))
    assert (kept.method, kept.fields) == ("POST", FIELDS) and accepted(kept, bot.url("/new"))


async def test_ten_redirects_are_followed_and_no_more(bot: Bot, webhooks: Webhooks) -> None:
    for i in range(1, 12):
        bot.page(f"/{i}", (302, "", "", {"location": f"/{i + 1}"}))
    bot.page("/11", "<Hangup/>")
    assert (await webhooks.fetch(bot.url("/1"), "POST", FIELDS)).status == 200
    bot.page("/0", (302, "", "", {"location": "/1"}))
    with pytest.raises(FetchFailed) as failed:
        await webhooks.fetch(bot.url("/0"), "POST", FIELDS)
    assert failed.value.code == 11215


@pytest.mark.parametrize("status", [403, 404, 500, 503])
async def test_an_error_status_fails_and_is_not_retried(bot: Bot, webhooks: Webhooks, status: int) -> None:
    bot.page("/voice", (status, "text/plain", "no", {}))
    with pytest.raises(FetchFailed, match=str(status)) as failed:
        await webhooks.fetch(bot.url("/voice"), "POST", FIELDS)
    assert failed.value.code == 11200 and len(bot.asked) == 1


async def test_the_fragment_may_ask_for_retries_which_carry_the_same_token(bot: Bot, webhooks: Webhooks) -> None:
    answers: Iterator[Answer] = iter([(500, "", "", {}), (500, "", "", {}), (200, "text/xml", "<Response/>", {})])
    bot.pages["/voice"] = lambda asked: next(answers)
    await webhooks.fetch(bot.url("/voice#rc=2&rp=5xx"), "POST", FIELDS)
    assert len({asked.headers["i-twilio-idempotency-token"] for asked in bot.asked}) == 1
    assert len(bot.asked) == 3 and all(accepted(asked, bot.url("/voice")) for asked in bot.asked)


def test_what_a_fragment_may_set_has_limits() -> None:
    limits = Limits().overridden("ct=50&rt=200&tt=99999&rc=5&rp=all")
    assert (limits.connect_ms, limits.read_ms, limits.total_ms, limits.retries) == (5000, 200, 15_000, 5)
    assert limits.policy == {"all"}


async def test_a_second_delivery_has_the_same_fields_and_token(bot: Bot, webhooks: Webhooks) -> None:
    bot.page("/voice", "")
    await webhooks.fetch(bot.url("/voice"), "POST", FIELDS, deliveries=2)
    first, second = bot.asked
    assert first.fields == second.fields
    assert first.headers["i-twilio-idempotency-token"] == second.headers["i-twilio-idempotency-token"]


async def test_an_answer_that_takes_too_long_fails(bot: Bot, webhooks: Webhooks) -> None:
    let_go = asyncio.Event()

    async def slow(asked: Asked) -> str:
        await let_go.wait()
        return ""

    bot.pages["/voice"] = slow
    with pytest.raises(FetchFailed) as failed:
        await webhooks.fetch(bot.url("/voice#tt=100"), "POST", FIELDS)
    let_go.set()
    assert failed.value.code == 11205


async def test_a_closed_port_is_tried_twice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with new_client() as client:
        hooks = Webhooks(client, TOKEN, Route(), Limits(), random.Random(1))
        with pytest.raises(FetchFailed) as failed:
            await hooks.fetch(f"http://127.0.0.1:{port}/voice", "POST", FIELDS)
    assert (failed.value.code, failed.value.retry) == (11205, "ct")


def test_a_call_has_the_full_field_set() -> None:
    named = {"AccountSid", "ApiVersion", "CallSid", "CallStatus", "Direction", "From", "To", "Caller", "Called"}
    places = {who + what for who in ("From", "To", "Caller", "Called") for what in ("City", "State", "Zip", "Country")}
    assert FIELDS.keys() == named | places


def test_oddities_are_off_unless_asked_for() -> None:
    assert Oddities() == Oddities(deliveries=1, stir_verstat="", slash_signature=False)
