"""Twilio's webhooks: check who asks, ask the front desk, answer in TwiML.

Whatever goes wrong behind this door, the caller hears a sentence: a failed or slow answer becomes the desk's fallback,
and where that fails too, an apology that needs nobody. Twilio would wait 15 s and then say that an application error
has occurred.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from app.bridge.desk import FrontDesk
from app.bridge.incoming import Incoming
from app.call.continuation import Answer, ConnectStream, SpeakAndHangUp
from app.legs.twilio import twiml
from app.legs.twilio.signature import Fields, body_matches
from app.web.gate import Gate

LARGEST_BODY = 65_536  # a webhook with every token STIR/SHAKEN adds is about 6 KB
MOST_FIELDS = 500
ANSWER_WITHIN_S = 8.0
APOLOGY = SpeakAndHangUp("We are sorry, we cannot take your call right now. Please call again in a few minutes.")

_SID = re.compile(r"[A-Za-z0-9]{1,64}")
_ATTEMPT = re.compile(r"[A-Za-z0-9]{1,64}-[0-9]{1,6}")

log = structlog.get_logger()

type Ask = Callable[[Incoming], Awaitable[Answer]]
type Endpoint = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Webhooks:
    """The routes about calls. A webhook answers TwiML; a status callback is acknowledged with 204 and no body. A route
    about an attempt to give a caller to somebody ends in its name (`app.web.people` has the others)."""

    def __init__(self, desk: FrontDesk, gate: Gate, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._desk = desk
        self._gate = gate
        self._answer_within = answer_within_s

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path, endpoint in (
            (twiml.VOICE_PATH, self.answering(self._desk.answer_call)),
            (twiml.NEXT_PATH, self.answering(self._desk.continue_call)),
            (f"{twiml.NEXT_PATH}/{{attempt}}", self.answering(self._desk.continue_call)),
            (twiml.FALLBACK_PATH, self.answering(self._desk.fall_back)),
            (twiml.STATUS_PATH, self.noting(self._note_call)),
            (twiml.STREAM_STATUS_PATH, self.noting(self._note_stream)),
        ):
            router.add_api_route(path, endpoint, methods=["POST", "GET"], response_model=None)
        return router

    def answering(self, ask: Ask) -> Endpoint:
        """A webhook: what `ask` says, as TwiML."""

        async def endpoint(request: Request) -> Response:
            return await self.answer(request, ask)

        return endpoint

    async def answer(self, request: Request, ask: Ask) -> Response:
        """One request to a webhook."""
        try:
            incoming = await self._incoming(request)
        except Refused as refusal:
            return _refusal(request, refusal)
        document = await self._document(ask, incoming)
        log.info("answered", call=incoming.call_sid, route=_route(request), caller=masked(incoming.caller))
        return Response(document, media_type="text/xml")

    def noting(self, note: Callable[[Incoming], Awaitable[None] | None]) -> Endpoint:
        """A callback: `note` is told, the carrier hears nothing of it."""

        async def endpoint(request: Request) -> Response:
            try:
                incoming = await self._incoming(request)
            except Refused as refusal:
                return _refusal(request, refusal)
            try:
                noted = note(incoming)
                if noted is not None:
                    await noted
            except Exception:
                log.exception("status callback not taken", call=incoming.call_sid, route=_route(request))
            return Response(status_code=204)

        return endpoint

    def echoing(self, tell: Callable[[], Mapping[str, str]]) -> Endpoint:
        """A signed request that is about no call: its `Nonce` comes back, beside what `tell` says. Whoever tries the
        door with a signature that is wrong on purpose is refused without an alarm."""

        async def endpoint(request: Request) -> Response:
            try:
                body = await _body(request)
                if self._gate.is_wrong_on_purpose(request.scope, form_fields(body)):
                    return Response("refused, as it should be\n", 403, media_type="text/plain")
                nonce = dict(self._genuine_fields(request, body)).get("Nonce", "")
            except Refused as refusal:
                return _refusal(request, refusal)
            if _SID.fullmatch(nonce) is None:
                return _refusal(request, Refused(400, "Nonce is not letters and digits, 64 at the most"))
            return JSONResponse({"nonce": nonce, **tell()})

        return endpoint

    async def _incoming(self, request: Request) -> Incoming:
        return incoming_call(
            self._genuine_fields(request, await _body(request)), request.path_params.get("attempt", "")
        )

    def _genuine_fields(self, request: Request, body: bytes) -> Fields:
        query = request.scope["query_string"].decode("latin-1")
        fields = form_fields(body)
        if "bodySHA256=" in query:  # a JSON body: the query vouches for it and is all that was signed
            genuine = self._gate.admits(request.scope) and body_matches(query, body)
        else:
            genuine = self._gate.admits(request.scope, fields)
        if not genuine:
            raise Refused(403, "bad signature")
        return [*form_fields(query.encode("latin-1")), *fields]

    async def _document(self, ask: Ask, incoming: Incoming) -> str:
        for who in (ask, self._desk.fall_back):
            try:
                async with asyncio.timeout(self._answer_within):
                    return self._render(await who(incoming), incoming.call_sid)
            except Exception:
                log.exception("no answer from the desk", call=incoming.call_sid)
        return self._render(APOLOGY, incoming.call_sid)

    def _render(self, answer: Answer, call_sid: str) -> str:
        token = self._desk.stream_token(call_sid) if isinstance(answer, ConnectStream) else ""
        return twiml.render(answer, self._gate.public_url, token)

    def _note_call(self, told: Incoming) -> None:
        self._desk.call_reported(told.call_sid, told.status)

    def _note_stream(self, told: Incoming) -> None:
        stream, event, error = (told.fields.get(name, "") for name in ("StreamSid", "StreamEvent", "StreamError"))
        self._desk.stream_reported(told.call_sid, stream, event, error)


def form_fields(body: bytes) -> Fields:
    """All fields of a form or a query, blanks kept, in the order they came. Raises `Refused`: too many to be honest."""
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refused(400, f"more than {MOST_FIELDS} fields") from None


def incoming_call(pairs: Fields, attempt: str = "") -> Incoming:
    """The call's facts. Raises `Refused` where there is no CallSid, or where it or the attempt is no name: both become
    part of names in the store, of addresses, files and log lines. Nothing else is required."""
    fields = dict(pairs)
    if attempt and _ATTEMPT.fullmatch(attempt) is None:
        raise Refused(404, "there is no such attempt")
    caller, called = ("To", "From") if fields.get("Direction") == "outbound-api" else ("From", "To")
    return Incoming(
        call_sid=_call_sid(fields),
        caller=fields.get(caller, ""),
        called=fields.get(called, ""),
        status=fields.get("CallStatus", ""),
        direction=fields.get("Direction", ""),
        fields=fields,
        attempt=attempt,
    )


def masked(number: str) -> str:
    """What may be written of a telephone number: its last two digits. Names and addresses are not written at all."""
    return f"...{number[-2:]}" if re.fullmatch(r"\+?\d{4,}", number) else "(not a number)"


def _call_sid(fields: Mapping[str, str]) -> str:
    call_sid = fields.get("CallSid", "")
    if not call_sid:
        raise Refused(400, "CallSid is missing")
    if _SID.fullmatch(call_sid) is None:
        raise Refused(400, "CallSid is not letters and digits, 64 at the most")
    return call_sid


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST_BODY:
                raise Refused(413, f"more than {LARGEST_BODY} bytes")
    except ClientDisconnect:  # nobody reads the answer; the log does
        raise Refused(400, "the request broke off") from None
    return bytes(body)


def _route(request: Request) -> str:
    """For a log: the address without what is sealed in it."""
    sealed = request.path_params.get("sealed", "")
    return request.url.path.removesuffix(f"/{sealed}")


def _refusal(request: Request, refusal: Refused) -> Response:
    log.warning("webhook refused", route=_route(request), why=str(refusal))
    return Response(f"{refusal}\n", status_code=refusal.status, media_type="text/plain")
