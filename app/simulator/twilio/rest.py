"""The REST subset as one application: which path is whose."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from app.simulator.twilio import calls_api as calls
from app.simulator.twilio import conferences_api as conferences
from app.simulator.twilio import numbers_api as numbers
from app.simulator.twilio import queues_api as queues
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.gate import Gate
from app.simulator.twilio.own_api import Own


def create_app(exchange: Exchange, most_at_once: int = 100) -> Starlette:
    """The REST subset over `exchange`, whose calls end with the application."""
    gate = Gate(exchange, most_at_once)
    call = "/{account}/Calls/{call}"

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        await exchange.aclose()

    rooms, room = "/{account}/Conferences", "/{account}/Conferences/{conference}"
    queue = "/{account}/Queues/{queue}"
    routes = [
        gate.route(rooms + ".json", GET=conferences.list_conferences),
        gate.route(room + "/Participants.json", GET=conferences.list_participants, POST=conferences.create_participant),
        gate.route(
            room + "/Participants/{call}.json",
            GET=conferences.show_participant,
            POST=conferences.update_participant,
            DELETE=conferences.remove_participant,
        ),
        gate.route(room + ".json", GET=conferences.show_conference, POST=conferences.update_conference),
        gate.route("/{account}/Queues.json", GET=queues.list_queues, POST=queues.create_queue),
        gate.route(queue + "/Members.json", GET=queues.list_members),
        gate.route(queue + "/Members/{call}.json", GET=queues.show_member, POST=queues.dequeue_member),
        gate.route(queue + ".json", GET=queues.show_queue, POST=queues.update_queue),
        gate.route("/{account}/Calls.json", GET=calls.list_calls, POST=calls.create_call),
        gate.route(call + "/Recordings.json", GET=calls.list_recordings, POST=calls.create_recording),
        gate.route(call + "/Recordings/{recording}.json", GET=calls.show_recording, POST=calls.update_recording),
        gate.route(call + "/Streams.json", POST=calls.create_stream),
        gate.route(call + "/Streams/{stream}.json", POST=calls.stop_stream),
        gate.route(call + ".json", GET=calls.show_call, POST=calls.update_call),
        gate.route("/{account}/Recordings/{recording}.wav", GET=calls.hear_recording),
        gate.route("/{account}/Recordings/{recording}.json", GET=calls.show_recording),
        gate.route("/{account}/IncomingPhoneNumbers.json", GET=numbers.list_numbers, POST=numbers.buy_number),
        gate.route(
            "/{account}/IncomingPhoneNumbers/{number}.json",
            GET=numbers.show_number,
            POST=numbers.update_number,
            DELETE=numbers.release_number,
        ),
        gate.route("/{account}/AvailablePhoneNumbers/{country}/Local.json", GET=numbers.available_numbers),
        gate.route("/{account}.json", GET=numbers.show_account),
    ]
    return Starlette(routes=[*routes, *Own(exchange, gate).routes()], lifespan=life)
