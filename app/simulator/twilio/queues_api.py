"""REST: queues and who waits in them. (twilio.md 5.1)"""

from starlette.responses import JSONResponse, Response

from app.simulator.twilio.callbacks import rfc2822
from app.simulator.twilio.exchange import checked_url
from app.simulator.twilio.gate import Asked
from app.simulator.twilio.queues import LONGEST_NAME, MOST_WAITING, Member, Queue, queue_named
from app.simulator.twilio.resources import ApiError, Json, account_path, page_json
from app.simulator.twilio.verbs import Goto


async def list_queues(asked: Asked) -> Response:
    queues = [q for q in asked.exchange.plant.queues.values() if q.account.sid == asked.account.sid]
    return JSONResponse(page_json(asked.uri, "queues", [queue_json(queue) for queue in queues], asked.query))


async def create_queue(asked: Asked) -> Response:
    name, most = asked.form.get("FriendlyName", ""), asked.form.get("MaxSize", "100")
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ApiError(20001, f"FriendlyName has 1 to {LONGEST_NAME} characters")
    return JSONResponse(
        queue_json(queue_named(asked.exchange.plant, asked.account, name, _size(most))),
        201,
    )


async def show_queue(asked: Asked) -> Response:
    return JSONResponse(queue_json(_queue(asked)))


async def update_queue(asked: Asked) -> Response:
    queue = _queue(asked)
    if "MaxSize" in asked.form:
        queue.most = _size(asked.form["MaxSize"])
    return JSONResponse(queue_json(queue))


async def list_members(asked: Asked) -> Response:
    queue = _queue(asked)
    items = [member_json(queue, member) for member in queue.members]
    return JSONResponse(page_json(asked.uri, "queue_members", items, asked.query))


async def show_member(asked: Asked) -> Response:
    queue = _queue(asked)
    return JSONResponse(member_json(queue, _member(asked, queue)))


async def dequeue_member(asked: Asked) -> Response:
    """Send the caller at the front, or a certain one, to another document."""
    queue = _queue(asked)
    member = _member(asked, queue)
    goto = Goto(checked_url(asked.form.get("Url", "")), asked.form.get("Method") or "POST")
    document = member_json(queue, member)
    member.call.redirect(goto)
    return JSONResponse(document)


def _size(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 5 * MOST_WAITING:
        raise ApiError(20001, f"MaxSize is 1 to {5 * MOST_WAITING}")
    return int(text)


def _queue(asked: Asked) -> Queue:
    for queue in asked.exchange.plant.queues.values():
        if queue.sid == asked.path["queue"] and queue.account.sid == asked.account.sid:
            return queue
    raise ApiError(20404, asked.uri)


def _member(asked: Asked, queue: Queue) -> Member:
    wanted = asked.path["call"]
    for member in queue.members:
        if wanted == "Front" or member.call.party.call_sid == wanted:
            return member
    raise ApiError(20404, asked.uri)


def queue_json(queue: Queue) -> Json:
    return {
        "sid": queue.sid,
        "account_sid": queue.account.sid,
        "friendly_name": queue.name,
        "current_size": len(queue.members),
        "max_size": queue.most,
        "average_wait_time": queue.average_s,
        "date_created": rfc2822(queue.created),
        "date_updated": rfc2822(queue.created),
        "uri": f"{account_path(queue.account.sid)}/Queues/{queue.sid}.json",
    }


def member_json(queue: Queue, member: Member) -> Json:
    call_sid = member.call.party.call_sid
    return {
        "call_sid": call_sid,
        "queue_sid": queue.sid,
        "date_enqueued": rfc2822(member.queued_at),
        "position": queue.members.index(member) + 1,
        "wait_time": queue.waited_ms(member) // 1000,
        "uri": f"{account_path(queue.account.sid)}/Queues/{queue.sid}/Members/{call_sid}.json",
    }
