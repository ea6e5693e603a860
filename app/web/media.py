"""The socket route: from Twilio's handshake to a leg that the front desk serves.

Three checks, each before anything behind it is trusted: the signature before the handshake is accepted, the audio's
format and the stream's token before the first frame is used.
"""

import asyncio
from collections.abc import Awaitable

import structlog
from starlette.types import Receive, Scope, Send

from app.bridge.desk import FrontDesk
from app.legs.twilio.media import TwilioLeg
from app.legs.twilio.messages import MessageError, Started, parse
from app.web.gate import Gate
from app.web.line import EXTENSION, TakeText

POLICY, UNSUPPORTED, TOO_LARGE, BROKEN = 1008, 1003, 1009, 1011
START_WITHIN_S = 5.0

log = structlog.get_logger()


class Refused(Exception):
    """This stream will not be served; `code` closes the socket."""

    def __init__(self, code: int, why: str, call_sid: str = "") -> None:
        super().__init__(why)
        self.code = code
        self.call_sid = call_sid


class MediaSocket:
    """An ASGI application for `websocket` scopes."""

    def __init__(self, desk: FrontDesk, gate: Gate, start_within_s: float = START_WITHIN_S) -> None:
        self._desk = desk
        self._gate = gate
        self._start_within = start_within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if not self._gate.admits(scope):
            log.warning("socket refused: bad signature")
            await send({"type": "websocket.close", "code": POLICY})  # before accept: HTTP 403
            return
        await send({"type": "websocket.accept"})
        try:
            started = await self._first_words(receive)
            ordinal = await self._claim(started)
        except Refused as refusal:
            log.error(
                "stream refused",
                call=refusal.call_sid or None,
                why=str(refusal),
                code=refusal.code,
                exc_info=refusal.__cause__,
            )
            await _close(send, refusal.code)
        except ConnectionError:
            log.warning("stream gone before it started")
        else:
            leg = TwilioLeg(ordinal, started, lambda text: _write(send, text), lambda code: _close(send, code))
            await self._serve(leg, started, scope, receive, send)

    async def _first_words(self, receive: Receive) -> Started:
        """Wait for `start`; `connected` and what else may come before it is passed over."""
        try:
            async with asyncio.timeout(self._start_within):
                while not isinstance(message := _parsed(await _text(receive)), Started):
                    pass
        except TimeoutError:
            raise Refused(POLICY, f"no start within {self._start_within:g} s") from None
        if not message.is_mulaw_8k:
            shape = f"{message.encoding} {message.rate}/{message.channels}"
            raise Refused(UNSUPPORTED, f"the stream is {shape}, not audio/x-mulaw 8000/1", message.call_sid)
        return message

    async def _claim(self, started: Started) -> int:
        try:
            async with asyncio.timeout(self._start_within):
                ordinal = await self._desk.claim_leg(
                    started.call_sid, started.stream_sid, started.parameters.get("token", "")
                )
        except Exception as error:  # closed, the call goes to /twilio/next; left open, the caller would hear nothing
            raise Refused(BROKEN, "no answer from the desk", started.call_sid) from error
        if ordinal is None:
            raise Refused(POLICY, "the stream's token is not good for this call", started.call_sid)
        return ordinal

    async def _serve(self, leg: TwilioLeg, started: Started, scope: Scope, receive: Receive, send: Send) -> None:
        """The call's life over this leg. Reader, call and leg end together, whichever ends first."""
        code = 1000
        reading = asyncio.create_task(_read(scope, receive, leg, started.call_sid), name=f"read {started.call_sid}")
        try:
            await self._desk.serve_leg(started.call_sid, leg)
        except Exception:
            code = BROKEN
            log.exception("the call over this leg failed", call=started.call_sid, leg=leg.ordinal)
        finally:
            reading.cancel()
            await asyncio.wait([reading])
            await leg.release()
        await _close(send, code)


async def _read(scope: Scope, receive: Receive, leg: TwilioLeg, call_sid: str) -> None:
    hand_over = scope.get("extensions", {}).get(EXTENSION)
    if hand_over is not None:
        take: TakeText = leg.take
        hand_over(take)
    while (message := await receive())["type"] != "websocket.disconnect":
        leg.take(message.get("text"))
    if (code := message.get("code")) in (POLICY, TOO_LARGE):
        log.warning("! closed for what it sent", call=call_sid, leg=leg.ordinal, code=code, why=message.get("reason"))
    leg.lost()


async def _text(receive: Receive) -> str:
    message = await receive()
    if message["type"] == "websocket.disconnect":
        raise ConnectionError
    return message.get("text") or ""


def _parsed(text: str) -> object:
    try:
        return parse(text)
    except MessageError:
        return None


def _write(send: Send, text: str) -> Awaitable[None]:
    return send({"type": "websocket.send", "text": text})


async def _close(send: Send, code: int) -> None:
    """Close; nothing is wrong where the socket is closed or gone already, and one that hangs is the kernel's to end."""
    try:
        async with asyncio.timeout(1):
            await send({"type": "websocket.close", "code": code})
    except (OSError, RuntimeError):
        pass
