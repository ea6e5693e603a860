"""REST: the numbers an account owns, those it could buy, and the account itself. (twilio.md 5.1)"""

import re
from collections.abc import Iterator

from starlette.responses import JSONResponse, Response

from app.simulator.twilio.exchange import E164, Exchange, checked_url
from app.simulator.twilio.gate import Asked
from app.simulator.twilio.resources import (
    NUMBER_URLS,
    SIDS,
    ApiError,
    Json,
    account_path,
    available_json,
    number_json,
    page_json,
)

AVAILABLE_PER_SEARCH = 30
MOST_NAME = 64  # characters of a friendly name
METHODS = ("GET", "POST")
# The settings of a number that a form may hold, by their names in JSON.
SETTINGS = {
    *("friendly_name", "voice_caller_id_lookup", "voice_receive_mode"),
    *NUMBER_URLS,
    *("voice_method", "voice_fallback_method", "status_callback_method", "sms_method", "sms_fallback_method"),
    *SIDS,
}
AREA_OF_COUNTRY = {"US": "+1503", "CA": "+1604", "GB": "+4420", "DE": "+4930"}


async def list_numbers(asked: Asked) -> Response:
    wanted, name = asked.query.get("PhoneNumber", ""), asked.query.get("FriendlyName")
    items = [
        number_json(number)
        for number in asked.exchange.numbers.values()
        if number.account_sid == asked.account.sid and wanted.replace("*", "").lstrip("+") in number.phone_number
    ]
    items = [item for item in items if name is None or item["friendly_name"] == name]
    return JSONResponse(page_json(asked.uri, "incoming_phone_numbers", items, asked.query))


async def buy_number(asked: Asked) -> Response:
    phone_number = asked.form.get("PhoneNumber") or next(
        _free_numbers(asked.exchange, f"+1{asked.form.get('AreaCode')}")
    )
    return JSONResponse(number_json(asked.exchange.own(asked.account, phone_number, _settings(asked.form))), 201)


async def show_number(asked: Asked) -> Response:
    return JSONResponse(number_json(asked.number()))


async def update_number(asked: Asked) -> Response:
    number = asked.number()
    number.update(_settings(asked.form))
    return JSONResponse(number_json(number))


async def release_number(asked: Asked) -> Response:
    asked.exchange.release(asked.number())
    return Response(status_code=204)


def _settings(form: dict[str, str]) -> dict[str, str]:
    """The settings in a form, by their names in JSON. Raises `ApiError`: 21205 for a URL that is none, 21218 for an
    application that is none, 20001 for all else that no number has."""
    settings = {snake(name): value for name, value in form.items() if name not in ("PhoneNumber", "AreaCode")}
    for name, value in settings.items():
        if name not in SETTINGS:
            raise ApiError(20001, name)
        if name.endswith("_method") and value not in METHODS:
            raise ApiError(20001, f"{name} is one of {', '.join(METHODS)}")
        if name in NUMBER_URLS and value:
            checked_url(value)
        if name in SIDS and value and not re.fullmatch(f"{SIDS[name]}[0-9a-f]{{32}}", value):
            raise ApiError(21218 if SIDS[name] == "AP" else 20001, value)
    if len(settings.get("friendly_name", "")) > MOST_NAME:
        raise ApiError(20001, f"friendly_name is longer than {MOST_NAME} characters")
    if settings.get("voice_application_sid") and settings.get("trunk_sid"):
        raise ApiError(20001, "voice_application_sid and trunk_sid exclude one another")
    return settings


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


async def available_numbers(asked: Asked) -> Response:
    country, area = asked.path["country"].upper(), asked.query.get("AreaCode")
    prefix = f"+1{area}" if area else AREA_OF_COUNTRY.get(country)
    if prefix is None:
        raise ApiError(20404, asked.uri)
    numbers = _free_numbers(asked.exchange, prefix)
    contains = asked.query.get("Contains", "").replace("*", "")
    found = [number for number in (next(numbers) for _ in range(AVAILABLE_PER_SEARCH)) if contains in number]
    items: list[Json] = [available_json(number, country) for number in found]
    return JSONResponse(page_json(asked.uri, "available_phone_numbers", items, asked.query))


def _free_numbers(exchange: Exchange, prefix: str) -> Iterator[str]:
    if not E164.fullmatch(f"{prefix}5550100"):
        raise ApiError(21421, prefix)
    owned = {number.phone_number for number in exchange.numbers.values()}
    return (n for n in (f"{prefix}555{last:04d}" for last in range(100, 10_000)) if n not in owned)


async def show_account(asked: Asked) -> Response:
    owner = asked.account
    account = {"sid": owner.sid, "friendly_name": "Simulated", "status": owner.status, "type": owner.kind}
    return JSONResponse(account | {"uri": f"{account_path(owner.sid)}.json"})
