"""REST: calls, their recordings and their one-way streams. (twilio.md 5.1)"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from starlette.responses import JSONResponse, Response

from app.simulator.twilio.call import Call
from app.simulator.twilio.exchange import Order, checked_order, checked_twiml, checked_url, recording_order
from app.simulator.twilio.gate import Asked
from app.simulator.twilio.orders import Handlers
from app.simulator.twilio.people import detection
from app.simulator.twilio.resources import ApiError, Json, account_path, call_json, page_json, recording_json
from app.simulator.twilio.twiml import Verb
from app.simulator.twilio.verbs import KEYS, Outcome

EVENTS = ("initiated", "ringing", "answered", "completed")
LONGEST_DIGITS = 32
TIMEOUT_BUFFER_MS = 5_000  # the service rings about so much longer than it was told


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
    handlers = replace(
        callbacks_of(asked),
        url=url,
        twiml="" if url else twiml,
        method=form.get("Method", "POST"),
        fallback_url=form.get("FallbackUrl", ""),
        fallback_method=form.get("FallbackMethod", "POST"),
    )
    call = await asked.exchange.call_out(asked.account, to, caller, order_of(asked, handlers))
    return JSONResponse(call_json(call), 201)


def callbacks_of(asked: Asked) -> Handlers:
    """Whom an outbound call's progress is told. Raises `ApiError` 20001, 21205."""
    form = asked.form
    return Handlers(
        status_callback=checked_url(form["StatusCallback"]) if form.get("StatusCallback") else "",
        status_callback_method=form.get("StatusCallbackMethod", "POST"),
        status_events=_events(asked.lists.get("StatusCallbackEvent", ["completed"])),
    )


def order_of(asked: Asked, handlers: Handlers, conference: Callable[[Call], Awaitable[Outcome]] | None = None) -> Order:
    """An outbound call as the form asks for it. Raises `ApiError` 20001, 21205."""
    form = asked.form
    digits = form.get("SendDigits", "")
    if len(digits) > LONGEST_DIGITS or not set(digits) <= KEYS:
        raise ApiError(20001, f"SendDigits holds at most {LONGEST_DIGITS} keys, w and W")
    asynchronous, callback = form.get("AsyncAmd") == "true", form.get("AsyncAmdStatusCallback", "")
    if callback:
        checked_url(callback)
    try:
        amd = detection(
            form, asynchronous, callback if asynchronous else "", form.get("AsyncAmdStatusCallbackMethod", "")
        )
    except ValueError as error:
        raise ApiError(20001, str(error)) from None
    return Order(
        handlers,
        ring_ms=_seconds(form, "Timeout", 60, 600) * 1000 + TIMEOUT_BUFFER_MS,
        limit_ms=_seconds(form, "TimeLimit", 0, 86_400) * 1000,
        detection=amd,
        record=recording_order(asked.recording_form()) if form.get("Record") == "true" else None,
        send_digits=digits,
        conference=conference,
    )


def _seconds(form: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = form.get(name, str(default))
    if not text.isdigit() or not int(text) <= most:
        raise ApiError(20001, f"{name} is a number of seconds up to {most}")
    return int(text)


def _events(wanted: list[str]) -> tuple[str, ...]:
    strange = set(wanted) - set(EVENTS)
    if strange:
        raise ApiError(20001, f"StatusCallbackEvent {min(strange)}")
    return tuple(wanted)


async def list_calls(asked: Asked) -> Response:
    filters = {"To": "to", "From": "from", "ParentCallSid": "parent_call_sid", "Status": "status"}
    calls = [call_json(call) for call in reversed(asked.calls)]
    for name, key in filters.items():
        if name in asked.query:
            calls = [call for call in calls if call[key] == asked.query[name]]
    return JSONResponse(page_json(asked.uri, "calls", calls, asked.query))


async def show_call(asked: Asked) -> Response:
    return JSONResponse(call_json(asked.call()))


async def update_call(asked: Asked) -> Response:
    call = asked.call()
    asked.exchange.update(call, asked.form)
    return JSONResponse(call_json(call))


async def create_recording(asked: Asked) -> Response:
    call = asked.call()
    return JSONResponse(recording_json(call, asked.exchange.record(call, asked.recording_form())), 201)


async def list_recordings(asked: Asked) -> Response:
    call = asked.call()
    items = [recording_json(call, recording) for recording in call.recordings.all]
    return JSONResponse(page_json(asked.uri, "recordings", items, asked.query))


async def show_recording(asked: Asked) -> Response:
    return JSONResponse(recording_json(*asked.recording()))


async def update_recording(asked: Asked) -> Response:
    call, recording = asked.recording()
    if recording.over:
        raise ApiError(21220, "record")
    match asked.form.get("Status"):
        case "paused":
            behaviour = asked.form.get("PauseBehavior", "silence")
            if behaviour not in ("silence", "skip"):
                raise ApiError(20001, "PauseBehavior is silence or skip")
            recording.pause(call.handset.advance(), behaviour == "skip")
        case "in-progress":
            recording.resume(call.handset.advance())
        case "stopped":
            call.recordings.stop(recording)
        case _:
            raise ApiError(20001, "Status")
    return JSONResponse(recording_json(call, recording))


async def hear_recording(asked: Asked) -> Response:
    _, recording = asked.recording()
    if not recording.over:
        raise ApiError(20404, asked.uri)
    return Response(recording.audio, media_type="audio/x-wav")


async def create_stream(asked: Asked) -> Response:
    call, form = asked.call(), asked.form
    if not call.live:
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
    call = asked.call()
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
