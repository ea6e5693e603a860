"""REST: calls, their recordings and their one-way streams. (twilio.md 5.1)"""

from starlette.responses import JSONResponse, Response

from app.simulator.twilio.call import Call, Handlers
from app.simulator.twilio.exchange import checked_order, checked_twiml, checked_url
from app.simulator.twilio.gate import Asked
from app.simulator.twilio.resources import ApiError, Json, account_path, call_json, page_json, recording_json
from app.simulator.twilio.twiml import Verb

EVENTS = ("initiated", "ringing", "answered", "completed")


async def create_call(asked: Asked) -> Response:
    form = asked.form
    to, caller = checked_order(asked.exchange, asked.account, form)
    if form.get("ApplicationSid"):
        raise ApiError(21218, form["ApplicationSid"])
    url, twiml = form.get("Url", ""), form.get("Twiml", "")
    if url:
        checked_url(url)
    elif twiml:
        checked_twiml(twiml)
    else:
        raise ApiError(21205, "")
    handlers = Handlers(
        url=url,
        twiml="" if url else twiml,
        method=form.get("Method", "POST"),
        fallback_url=form.get("FallbackUrl", ""),
        fallback_method=form.get("FallbackMethod", "POST"),
        status_callback=checked_url(form["StatusCallback"]) if form.get("StatusCallback") else "",
        status_callback_method=form.get("StatusCallbackMethod", "POST"),
        status_events=_events(asked.lists.get("StatusCallbackEvent", ["completed"])),
    )
    call = await asked.exchange.call_out(asked.account, to, caller, handlers)
    if form.get("Record") == "true":
        call.recordings.from_answer = 2 if form.get("RecordingChannels") == "dual" else 1
    return JSONResponse(call_json(call, asked.exchange.placed[call.party.call_sid].queue_ms), 201)


def _events(wanted: list[str]) -> tuple[str, ...]:
    strange = set(wanted) - set(EVENTS)
    if strange:
        raise ApiError(20001, f"StatusCallbackEvent {min(strange)}")
    return tuple(wanted)


async def list_calls(asked: Asked) -> Response:
    filters = {"To": "to", "From": "from", "ParentCallSid": "parent_call_sid", "Status": "status"}
    calls = [
        call_json(placed.call, placed.queue_ms)
        for placed in reversed(asked.exchange.placed.values())
        if placed.call.party.account is asked.account
    ]
    for name, key in filters.items():
        if name in asked.query:
            calls = [call for call in calls if call[key] == asked.query[name]]
    return JSONResponse(page_json(asked.uri, "calls", calls, asked.query))


async def show_call(asked: Asked) -> Response:
    placed = asked.placed()
    return JSONResponse(call_json(placed.call, placed.queue_ms))


async def update_call(asked: Asked) -> Response:
    placed = asked.placed()
    asked.exchange.update(placed.call, asked.form)
    return JSONResponse(call_json(placed.call, placed.queue_ms))


async def create_recording(asked: Asked) -> Response:
    call = asked.placed().call
    return JSONResponse(recording_json(call, asked.exchange.record(call, asked.form)), 201)


async def list_recordings(asked: Asked) -> Response:
    call = asked.placed().call
    items = [recording_json(call, recording) for recording in call.recordings.all]
    return JSONResponse(page_json(asked.uri, "recordings", items, asked.query))


async def show_recording(asked: Asked) -> Response:
    return JSONResponse(recording_json(*asked.recording()))


async def update_recording(asked: Asked) -> Response:
    call, recording = asked.recording()
    if call.ended is not None or recording.status == "completed":
        raise ApiError(21220, "record")
    match asked.form.get("Status"):
        case "paused":
            recording.pause(call.handset.advance(), asked.form.get("PauseBehavior") == "skip")
        case "in-progress":
            recording.resume(call.handset.advance())
        case "stopped":
            call.recordings.stop(recording)
        case _:
            raise ApiError(20001, "Status")
    return JSONResponse(recording_json(call, recording))


async def hear_recording(asked: Asked) -> Response:
    _, recording = asked.recording()
    if recording.status != "completed":
        raise ApiError(20404, asked.uri)
    return Response(recording.audio, media_type="audio/x-wav")


async def create_stream(asked: Asked) -> Response:
    call, form = asked.placed().call, asked.form
    if call.ended is not None or not call.answered:
        raise ApiError(21220, "stream")
    named = {
        name[0].lower() + name[1:]: form[name] for name in ("Url", "Name", "Track", "StatusCallback") if name in form
    }
    parameters = tuple(
        Verb("Parameter", {"name": form[f"Parameter{i}.Name"], "value": form.get(f"Parameter{i}.Value", "")})
        for i in range(1, 100)
        if f"Parameter{i}.Name" in form
    )
    name = call.streams.fork(Verb("Stream", named, children=parameters))
    return JSONResponse(_stream_json(asked, call, name, "in-progress"), 201)


async def stop_stream(asked: Asked) -> Response:
    call = asked.placed().call
    if not await call.streams.end_forks(asked.path["stream"]):
        raise ApiError(20404, asked.uri)
    return JSONResponse(_stream_json(asked, call, asked.path["stream"], "stopped"))


def _stream_json(asked: Asked, call: Call, name: str, status: str) -> Json:
    return {
        "sid": name,
        "account_sid": asked.account.sid,
        "call_sid": call.party.call_sid,
        "name": name,
        "status": status,
        "date_updated": None,
        "uri": f"{account_path(asked.account.sid)}/Calls/{call.party.call_sid}/Streams/{name}.json",
    }
