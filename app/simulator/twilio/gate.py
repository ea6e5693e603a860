"""The way into the REST subset: Basic auth, form fields, error envelopes, the limit on requests at once."""

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator.twilio.call import Call
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import API_VERSION, Account
from app.simulator.twilio.recording import Recording
from app.simulator.twilio.resources import ApiError, Number


@dataclass(slots=True)
class Asked:
    """An authenticated request. `form` has the last value of each field, `lists` all of them."""

    exchange: Exchange
    account: Account
    path: dict[str, Any]
    query: dict[str, str]
    form: dict[str, str]
    lists: dict[str, list[str]]
    uri: str

    @property
    def calls(self) -> list[Call]:
        """All of the account's, legs that were dialled too, oldest first."""
        return [c for c in self.exchange.plant.calls.values() if c.party.account.sid == self.account.sid]

    def call(self) -> Call:
        call = self.exchange.plant.calls.get(self.path["call"])
        if call is None or call.party.account.sid != self.account.sid:
            raise ApiError(20404, self.uri)
        return call

    def recording_form(self) -> dict[str, str]:
        """The form with the events of a recording's callback as one text."""
        events = self.lists.get("RecordingStatusCallbackEvent")
        return self.form | ({"RecordingStatusCallbackEvent": " ".join(events)} if events else {})

    def number(self) -> Number:
        number = self.exchange.numbers.get(self.path["number"])
        if number is None or number.account_sid != self.account.sid:
            raise ApiError(20404, self.uri)
        return number

    def recording(self) -> tuple[Call, Recording]:
        wanted = self.path["recording"]
        for call in self.calls:
            for recording in reversed(call.recordings.all):
                current = wanted == "Twilio.CURRENT" and not recording.over
                here = self.path.get("call") in (None, call.party.call_sid)
                if here and (current or recording.sid == wanted):
                    return call, recording
        raise ApiError(20404, self.uri)


Handler = Callable[[Asked], Awaitable[Response]]


class Gate:
    """Lets requests in: authentication, and the limit on requests at once (20429)."""

    def __init__(self, exchange: Exchange, most_at_once: int) -> None:
        self._exchange = exchange
        self._most = most_at_once
        self._running = 0
        self.refuse = 0  # so many requests are answered with 429 next

    def route(self, path: str, **handlers: Handler) -> Route:
        async def answer(request: Request) -> Response:
            handler = handlers.get(request.method)
            try:
                if handler is None:
                    raise ApiError(20004)
                return await self._admitted(request, handler)
            except ApiError as error:
                return JSONResponse(error.envelope(), error.status)

        return Route(f"/{API_VERSION}/Accounts{path}", answer, methods=["GET", "POST", "DELETE"])

    async def _admitted(self, request: Request, handler: Handler) -> Response:
        if self.refuse or self._running >= self._most:
            self.refuse = max(0, self.refuse - 1)
            raise ApiError(20429)
        account = self._account(request)
        self._running += 1
        try:
            lists = parse_qs((await request.body()).decode(), keep_blank_values=True)
            form = {name: values[-1] for name, values in lists.items()}
            query = dict(request.query_params)
            path = dict(request.path_params)
            return await handler(Asked(self._exchange, account, path, query, form, lists, request.url.path))
        finally:
            self._running -= 1

    def _account(self, request: Request) -> Account:
        """Whose path it is, if the credentials open it: the account's token or one of its API keys."""
        user, password = credentials(request.headers.get("authorization", ""))
        known = self._exchange.accounts
        account = known.get(request.path_params.get("account", user))
        owner = known.get(user) or next((a for a in known.values() if user in a.api_keys), None)
        if owner is None:
            raise ApiError(20003)
        secret = owner.token if user == owner.sid else owner.api_keys[user]
        if not secrets.compare_digest(secret.encode(), password.encode()):
            raise ApiError(20003)
        if account is None:
            raise ApiError(20404, request.url.path)
        if account is not owner:
            raise ApiError(20003)
        return account


def credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (user, password) if scheme.lower() == "basic" else ("", "")
