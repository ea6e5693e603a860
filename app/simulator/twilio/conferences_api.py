"""REST: conferences and who is in them. (twilio.md 5.1, 6.1)"""

from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import JSONResponse, Response

from app.simulator.twilio.call import Call
from app.simulator.twilio.callbacks import rfc2822
from app.simulator.twilio.calls_api import callbacks_of, order_of
from app.simulator.twilio.conference import EVENTS, Conference, Participant, announce, room, take_part
from app.simulator.twilio.exchange import checked_order, checked_url
from app.simulator.twilio.gate import Asked
from app.simulator.twilio.identity import API_VERSION
from app.simulator.twilio.resources import ApiError, Json, account_path, page_json
from app.simulator.twilio.verbs import Outcome

URLS = ("WaitUrl", "HoldUrl", "AnnounceUrl", "ConferenceStatusCallback")
BEEPS = ("true", "false", "onEnter", "onExit")
STATES = {"queued": "queued", "ringing": "ringing", "in-progress": "connected", "failed": "failed"}


async def list_conferences(asked: Asked) -> Response:
    filters = {"FriendlyName": "friendly_name", "Status": "status"}
    items = [conference_json(c) for c in reversed(asked.exchange.plant.conferences) if _ours(asked, c)]
    for name, key in filters.items():
        if name in asked.query:
            items = [item for item in items if item[key] == asked.query[name]]
    return JSONResponse(page_json(asked.uri, "conferences", items, asked.query))


async def show_conference(asked: Asked) -> Response:
    return JSONResponse(conference_json(_conference(asked)))


async def update_conference(asked: Asked) -> Response:
    """Status=completed puts all out; AnnounceUrl is played to all."""
    conference, form = _running(asked), asked.form
    _check_urls(form)
    if form.get("Status", "completed") != "completed":
        raise ApiError(20001, "Status is completed")
    if form.get("AnnounceUrl"):
        announce(conference, conference.participants, form["AnnounceUrl"], form.get("AnnounceMethod", "POST"))
    if form.get("Status"):
        conference.end("conference-ended-via-api")
    return JSONResponse(conference_json(conference))


async def list_participants(asked: Asked) -> Response:
    conference = _running(asked)
    shown = conference.participants
    for name, wanted in (("Muted", "muted"), ("Hold", "held"), ("Coaching", "coaching")):
        if name in asked.query:
            shown = [p for p in shown if str(bool(getattr(p, wanted))).lower() == asked.query[name]]
    items = [participant_json(conference, participant) for participant in shown]
    return JSONResponse(page_json(asked.uri, "participants", items, asked.query))


async def create_participant(asked: Asked) -> Response:
    """Call somebody and take them into the room when they answer; the room is made when there is none."""
    form = asked.form
    to, caller = checked_order(asked.exchange, asked.account, form)
    _check_urls(form)
    if form.get("Beep", "true") not in BEEPS:
        raise ApiError(20001, f"Beep is one of {', '.join(BEEPS)}")
    wanted = asked.path["conference"]
    by_sid = next((c for c in asked.exchange.plant.conferences if c.sid == wanted and _ours(asked, c)), None)
    if wanted.startswith("CF") and len(wanted) == 34 and (by_sid is None or by_sid.status == "completed"):
        raise ApiError(20404, asked.uri)
    conference = by_sid or room(asked.exchange.plant, asked.account, wanted)
    if not conference.callback and form.get("ConferenceStatusCallback"):
        events = set(" ".join(asked.lists.get("ConferenceStatusCallbackEvent", ["start end"])).split())
        if events - EVENTS:
            raise ApiError(20001, f"ConferenceStatusCallbackEvent {min(events - EVENTS)}")
        conference.callback, conference.events = form["ConferenceStatusCallback"], frozenset(events)
        conference.callback_method = form.get("ConferenceStatusCallbackMethod", "POST")
    order = order_of(asked, callbacks_of(asked), _into(conference, form))
    call = await asked.exchange.call_out(asked.account, to, caller, order)
    return JSONResponse(participant_json(conference, participant_of(call, form)), 201)


def _into(conference: Conference, form: Mapping[str, str]) -> Callable[[Call], Awaitable[Outcome]]:
    async def attend(call: Call) -> Outcome:
        return await take_part(conference, participant_of(call, form))

    return attend


def participant_of(call: Call, form: Mapping[str, str]) -> Participant:
    return Participant(
        call,
        label=form.get("Label", ""),
        starts=form.get("StartConferenceOnEnter", "true") == "true",
        ends=form.get("EndConferenceOnExit") == "true",
        beeps=form.get("Beep", "true"),
        wait_url=form.get("WaitUrl"),
        wait_method=form.get("WaitMethod", "POST"),
        muted=form.get("Muted") == "true",
        coaching=form.get("CallSidToCoach", "") if form.get("Coaching") == "true" else "",
    )


async def show_participant(asked: Asked) -> Response:
    return JSONResponse(participant_json(*_participant(asked)))


async def update_participant(asked: Asked) -> Response:
    conference, participant = _participant(asked)
    form = asked.form
    _check_urls(form)
    if "HoldUrl" in form:
        participant.hold_url, participant.hold_method = form["HoldUrl"], form.get("HoldMethod", "POST")
    if "WaitUrl" in form:
        participant.wait_url, participant.wait_method = form["WaitUrl"], form.get("WaitMethod", "POST")
    if "EndConferenceOnExit" in form:
        participant.ends = form["EndConferenceOnExit"] == "true"
    if "Coaching" in form or "CallSidToCoach" in form:
        participant.coaching = form.get("CallSidToCoach", "") if form.get("Coaching", "true") == "true" else ""
    conference.update(participant, _flag(form, "Muted"), _flag(form, "Hold"))
    if form.get("AnnounceUrl"):
        announce(conference, [participant], form["AnnounceUrl"], form.get("AnnounceMethod", "POST"))
    return JSONResponse(participant_json(conference, participant))


async def remove_participant(asked: Asked) -> Response:
    _, participant = _participant(asked)
    participant.removed.set()
    return Response(status_code=204)


def _flag(form: Mapping[str, str], name: str) -> bool | None:
    return form[name] == "true" if name in form else None


def _check_urls(form: Mapping[str, str]) -> None:
    for name in URLS:
        if form.get(name):
            checked_url(form[name])


def _ours(asked: Asked, conference: Conference) -> bool:
    return conference.account.sid == asked.account.sid


def _conference(asked: Asked) -> Conference:
    """By its sid; one that runs also by its name."""
    wanted = asked.path["conference"]
    for conference in reversed(asked.exchange.plant.conferences):
        running = conference.status != "completed"
        if _ours(asked, conference) and (conference.sid == wanted or (running and conference.name == wanted)):
            return conference
    raise ApiError(20404, asked.uri)


def _running(asked: Asked) -> Conference:
    conference = _conference(asked)
    if conference.status == "completed":
        raise ApiError(20404, asked.uri)
    return conference


def _participant(asked: Asked) -> tuple[Conference, Participant]:
    conference = _running(asked)
    participant = conference.find(asked.path["call"])
    if participant is None:
        raise ApiError(20404, asked.uri)
    return conference, participant


def conference_json(conference: Conference) -> Json:
    uri = f"{account_path(conference.account.sid)}/Conferences/{conference.sid}"
    return {
        "sid": conference.sid,
        "account_sid": conference.account.sid,
        "api_version": API_VERSION,
        "friendly_name": conference.name,
        "status": conference.status,
        "region": "us1",
        "reason_conference_ended": conference.reason_ended or None,
        "call_sid_ending_conference": conference.ended_by or None,
        "date_created": rfc2822(conference.created),
        "date_updated": rfc2822(conference.updated),
        "uri": f"{uri}.json",
        "subresource_uris": {"participants": f"{uri}/Participants.json", "recordings": f"{uri}/Recordings.json"},
    }


def participant_json(conference: Conference, participant: Participant) -> Json:
    call = participant.call
    account, call_sid = conference.account.sid, call.party.call_sid
    return {
        "account_sid": account,
        "call_sid": call_sid,
        "label": participant.label or None,
        "conference_sid": conference.sid,
        "coaching": bool(participant.coaching),
        "call_sid_to_coach": participant.coaching or None,
        "muted": participant.muted,
        "hold": participant.held,
        "start_conference_on_enter": participant.starts,
        "end_conference_on_exit": participant.ends,
        "status": STATES.get(call.status, "complete"),
        "queue_time": str(call.queue_ms),
        "date_created": rfc2822(participant.joined_at),
        "date_updated": rfc2822(participant.joined_at),
        "uri": f"{account_path(account)}/Conferences/{conference.sid}/Participants/{call_sid}.json",
    }
