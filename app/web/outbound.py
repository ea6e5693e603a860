"""Calls that we place: Twilio's webhooks, the first document and who has answered, signed like all others; and how they
ended, for whoever placed them and shares our secret."""

import time

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from app.bridge.desk import FrontDesk
from app.bridge.incoming import Incoming
from app.call.continuation import Answer, HangUpCall
from app.legs.twilio import twiml
from app.legs.twilio.detection import answerer
from app.legs.twilio.orders import ENDED_PATH, BadOrder, unseal, unseal_name
from app.web.twilio import Webhooks

log = structlog.get_logger()


def outbound_routes(desk: FrontDesk, webhooks: Webhooks, secret: str) -> APIRouter:
    """`secret` is what the orders in the addresses are sealed with."""

    async def answered(incoming: Incoming, sealed: str) -> Answer:
        """Nobody hears an apology of ours for a call they did not ask for: what cannot be served is hung up."""
        try:
            order = unseal(secret, sealed, incoming.caller, int(time.time()))
        except BadOrder as bad:
            log.warning("! outbound call refused", call=incoming.call_sid, why=str(bad))
            return HangUpCall()
        return await desk.answer_placed(incoming, order.agent, order.given)

    async def outbound(request: Request) -> Response:
        return await webhooks.answer(request, lambda incoming: answered(incoming, request.path_params["sealed"]))

    async def ended(sealed: str) -> Response:
        try:
            call_sid = unseal_name(secret, sealed, int(time.time()))
        except BadOrder as bad:
            return JSONResponse({"error": str(bad)}, 403)
        return JSONResponse({"call": call_sid, "disposition": await desk.disposition(call_sid)})

    def detected(told: Incoming) -> None:
        desk.answerer_known(told.call_sid, answerer(told.fields.get("AnsweredBy", "")))

    router = APIRouter(include_in_schema=False)
    for path, endpoint in (
        (f"{twiml.OUTBOUND_PATH}/{{sealed}}", outbound),
        (twiml.AMD_PATH, webhooks.noting(detected)),
    ):
        router.add_api_route(path, endpoint, methods=["POST", "GET"], response_model=None)
    router.add_api_route(f"{ENDED_PATH}/{{sealed}}", ended, methods=["GET"], response_model=None)
    return router
