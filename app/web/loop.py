"""The loop: a signed request that is about no call and changes nothing, for whoever asks whether Twilio could reach us.

It is signed like every other route, over PUBLIC_URL, so that the answer proves address, proxy, token and certificate.
"""

from collections.abc import Mapping

from fastapi import APIRouter

from app.legs.twilio.twiml import LOOP_PATH
from app.web.health import Ready
from app.web.twilio import Webhooks


def loop_routes(webhooks: Webhooks, ready: Ready) -> APIRouter:
    def told() -> Mapping[str, str]:
        return {"edition": str(ready()[1].get("edition", ""))}

    router = APIRouter(include_in_schema=False)
    router.add_api_route(LOOP_PATH, webhooks.echoing(told), methods=["POST"], response_model=None)
    return router
