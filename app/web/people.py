"""Twilio's webhooks about people outside the stream: who is asked to take a call, who waits, what was recorded.

Each address ends in the name of the attempt it is about (`app.call.onward`). They are signed like all others.
"""

from fastapi import APIRouter

from app.bridge.incoming import Incoming
from app.bridge.people import People
from app.call.continuation import Answer
from app.legs.twilio import twiml
from app.web.twilio import Webhooks


def people_routes(people: People, webhooks: Webhooks) -> APIRouter:
    async def whisper(asked: Incoming) -> Answer:
        return await people.whisper(asked.attempt, asked.call_sid)

    async def accept(asked: Incoming) -> Answer:
        return await people.accept(asked.attempt, asked.fields.get("Digits", ""))

    async def wait(asked: Incoming) -> Answer:
        return people.wait(asked.attempt, asked.fields.get("QueueTime", ""))

    async def recorded(told: Incoming) -> None:
        await people.recorded(told.attempt, told.fields)

    async def person_reported(told: Incoming) -> None:
        await people.person_reported(told.attempt, told.status)

    router = APIRouter(include_in_schema=False)
    for path, endpoint in (
        (twiml.WHISPER_PATH, webhooks.answering(whisper)),
        (twiml.ACCEPT_PATH, webhooks.answering(accept)),
        (twiml.WAIT_PATH, webhooks.answering(wait)),
        (twiml.RECORDING_PATH, webhooks.noting(recorded)),
        (twiml.PERSON_STATUS_PATH, webhooks.noting(person_reported)),
    ):
        router.add_api_route(f"{path}/{{attempt}}", endpoint, methods=["POST", "GET"], response_model=None)
    return router
