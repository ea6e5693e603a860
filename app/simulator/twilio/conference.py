"""<Conference>: rooms where calls hear one another. (twilio.md 3.3, 5.1, 6.1)

A room is ready when somebody joins it and starts once two are there, one of whom may start it; until then those who
are there hear the wait's document or music. Its callbacks go where the first participant said.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.simulator.twilio.bridging import Junction, Seat
from app.simulator.twilio.callbacks import rfc2822
from app.simulator.twilio.identity import Account, sid
from app.simulator.twilio.legs import Star, until_any
from app.simulator.twilio.tones import beep
from app.simulator.twilio.twiml import Verb
from app.simulator.twilio.verbs import ApplicationError, Goto, Outcome, number
from app.simulator.twilio.waiting import CONFERENCE_VERBS, entertained

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call
    from app.simulator.twilio.plant import Plant

MOST_PARTICIPANTS = 250
EVENTS = frozenset({"start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"})
BEEP_MS = 200


@dataclass(slots=True, eq=False)
class Participant:
    """A call in a room. `url`s are absolute; `wait_url` None is the service's music, "" silence."""

    call: "Call"
    label: str = ""
    starts: bool = True
    ends: bool = False
    beeps: str = "true"
    wait_url: str | None = None
    wait_method: str = "POST"
    hold_url: str | None = None
    hold_method: str = "POST"
    muted: bool = False
    held: bool = False
    coaching: str = ""  # the call it whispers to
    joined_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seat: Seat | None = None  # while it hears the others
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    removed: asyncio.Event = field(default_factory=asyncio.Event)

    def seated(self) -> None:
        """Give the seat what is wished."""
        if self.seat is not None:
            self.seat.muted, self.seat.held = self.muted, self.held


class Conference:
    def __init__(self, plant: "Plant", account: Account, name: str) -> None:
        self.plant = plant
        self.account = account
        self.name = name
        self.sid = sid("CF", plant.rng)
        self.status = "init"  # in-progress, completed
        self.created = self.updated = datetime.now(UTC)
        self.reason_ended = ""
        self.ended_by = ""  # the call that ended it
        self.participants: list[Participant] = []
        self.callback = ""
        self.callback_method = "POST"
        self.events: frozenset[str] = frozenset()
        self._junction = Junction()
        self._sequence = 0
        plant.conferences.append(self)

    def join(self, participant: Participant) -> None:
        self.participants.append(participant)
        self._beep(participant, "onEnter")
        self.tell("participant-join", participant)
        if self.status == "init" and len(self.participants) > 1 and any(p.starts for p in self.participants):
            self.status, self.updated = "in-progress", datetime.now(UTC)
            self.tell("conference-start")
        self._stir()

    def leave(self, participant: Participant) -> None:
        """Out of the room, and the room is over if this was the last, or one whose leaving ends it."""
        if participant not in self.participants:
            return
        self.participants.remove(participant)
        self._beep(participant, "onExit")
        self.tell("participant-leave", participant)
        if self.status == "completed":
            return
        if participant.ends and self.participants:
            self.end("participant-with-end-conference-on-exit-left", participant.call.party.call_sid)
        elif not self.participants:
            self.end("last-participant-left", participant.call.party.call_sid)

    def end(self, reason: str, by: str = "") -> None:
        """All are put out."""
        if self.status == "completed":
            return
        self.status, self.updated, self.reason_ended, self.ended_by = "completed", datetime.now(UTC), reason, by
        self.tell("conference-end")
        for participant in self.participants:
            participant.removed.set()

    def hear(self, participant: Participant) -> None:
        """The participant hears the others from now on."""
        participant.seat = self._junction.join(participant.call.handset)
        coached = self.find(participant.coaching) if participant.coaching else None
        participant.seat.coaches = coached.call.handset if coached is not None else None
        participant.seated()
        participant.call.manners.joined()

    def part(self, participant: Participant) -> None:
        if participant.seat is not None:
            self._junction.leave(participant.call.handset)
            participant.seat = None
            participant.call.manners.parted()

    def update(self, participant: Participant, muted: bool | None = None, held: bool | None = None) -> None:
        """Mute or hold, and tell of what changed."""
        if muted is not None and muted != participant.muted:
            participant.muted = muted
            self.tell("participant-mute" if muted else "participant-unmute", participant)
        if held is not None and held != participant.held:
            participant.held = held
            self.tell("participant-hold" if held else "participant-unhold", participant)
        participant.seated()
        participant.changed.set()

    def find(self, call_sid_or_label: str) -> Participant | None:
        wanted = call_sid_or_label
        return next((p for p in self.participants if wanted in (p.call.party.call_sid, p.label or None)), None)

    def _stir(self) -> None:
        for participant in self.participants:
            participant.changed.set()

    def _beep(self, about: Participant, when: str) -> None:
        """All others that are already talking hear that somebody came or went."""
        if about.beeps in ("true", when):
            for other in self._seated():
                if other is not about:
                    other.call.handset.advance()
                    other.call.handset.buffer.add(beep(BEEP_MS))

    def _seated(self) -> Iterator[Participant]:
        return (p for p in self.participants if p.seat is not None and not p.held)

    def tell(self, event: str, about: Participant | None = None) -> None:
        """Report an event to the room's callback, when it asked for this kind."""
        call = about.call if about is not None else self._teller
        if about is not None:
            self._teller = about.call
        kind = "announcement" if event == "announcement-end" else event.rpartition("-")[2].removeprefix("un")
        assert call is not None
        call.journal.note("conference", event=event, room=self.name)
        self._sequence += 1
        if not self.callback or kind not in self.events:
            return
        fields = {
            "AccountSid": self.account.sid,
            "ConferenceSid": self.sid,
            "FriendlyName": self.name,
            "SequenceNumber": str(self._sequence),
            "StatusCallbackEvent": event,
            "Timestamp": rfc2822(datetime.now(UTC)),
        }
        if about is not None:
            fields |= self._participant_fields(about)
        if event == "conference-end":
            fields |= {"ReasonConferenceEnded": self.reason_ended}
            fields |= {"CallSidEndingConference": self.ended_by} if self.ended_by else {}
        call.callbacks.post("conference", self.callback, self.callback_method, fields)

    def _participant_fields(self, about: Participant) -> dict[str, str]:
        fields = {
            "CallSid": about.call.party.call_sid,
            "Muted": str(about.muted).lower(),
            "Hold": str(about.held).lower(),
            "Coaching": str(bool(about.coaching)).lower(),
            "StartConferenceOnEnter": str(about.starts).lower(),
            "EndConferenceOnExit": str(about.ends).lower(),
        }
        return fields | ({"ParticipantLabel": about.label} if about.label else {})

    _teller: "Call | None" = None  # whose callbacks carry what is nobody's own


def room(plant: "Plant", account: Account, name: str) -> Conference:
    """The room of that name that is not over, or a new one."""
    for conference in plant.conferences:
        if conference.account.sid == account.sid and conference.name == name and conference.status != "completed":
            return conference
    return Conference(plant, account, name)


async def attend(call: "Call", verb: Verb, noun: Verb) -> dict[str, str]:
    """<Dial><Conference>: until the caller is put out or leaves. Returns the fields of the action."""
    unknown = set(noun.get("statusCallbackEvent").split()) - EVENTS
    for event in sorted(unknown):
        call.journal.warn(12200, f"statusCallbackEvent {event:.40} is none of a conference's")
    if noun.get("record", "do-not-record") != "do-not-record":
        call.journal.warn(12200, "this simulator does not record conferences; record the call instead")
    conference = room(call.plant, call.party.account, noun.text)
    if len(conference.participants) >= (number(noun, "maxParticipants", MOST_PARTICIPANTS) or MOST_PARTICIPANTS):
        call.journal.warn(13224, f"the conference {noun.text:.40} is full", level="warning")
        return {"DialCallStatus": "failed", "DialBridged": "false"}
    if not conference.participants and not conference.callback and noun.get("statusCallback"):
        conference.callback = call.absolute(noun.get("statusCallback"))
        conference.callback_method = noun.get("statusCallbackMethod", "POST")
        conference.events = frozenset(noun.get("statusCallbackEvent", "start end").split()) - unknown
    star = Star()
    if verb.get("hangupOnStar") == "true":
        call.handset.listeners.append(star)
    try:
        await take_part(conference, participant_of(call, noun), star.pressed)
    finally:
        if star in call.handset.listeners:
            call.handset.listeners.remove(star)
    return {"DialCallStatus": "answered", "DialBridged": "true"}


def announce(conference: Conference, to: Sequence[Participant], url: str, method: str) -> None:
    """Play a document to these, into whatever they hear."""

    async def play(call: "Call") -> None:
        document = call.documents.url
        try:
            await call.documents.perform(Goto(url, method), CONFERENCE_VERBS)
        except ApplicationError as error:
            call.journal.note("announcement_failed", why=str(error))
        finally:
            call.documents.url = document
        conference.tell("announcement-end")

    for participant in to:
        participant.call.background(play(participant.call))


def participant_of(call: "Call", noun: Verb) -> Participant:
    wait = noun.get("waitUrl")
    return Participant(
        call,
        label=noun.get("participantLabel"),
        starts=noun.get("startConferenceOnEnter", "true") == "true",
        ends=noun.get("endConferenceOnExit") == "true",
        beeps=noun.get("beep", "true"),
        wait_url=None if "waitUrl" not in noun.attributes else (call.absolute(wait) if wait else ""),
        wait_method=noun.get("waitMethod", "POST"),
        muted=noun.get("muted") == "true",
        coaching=noun.get("coach"),
    )


async def take_part(conference: Conference, participant: Participant, left: asyncio.Event | None = None) -> Outcome:
    """Be in the room until put out, or until `left` is set."""
    call, left = participant.call, left or asyncio.Event()
    call.answer()
    conference.join(participant)
    try:
        while not (participant.removed.is_set() or left.is_set()):
            participant.changed.clear()
            await _one_state(conference, participant, left)
    finally:
        conference.part(participant)
        conference.leave(participant)
    return None


async def _one_state(conference: Conference, participant: Participant, left: asyncio.Event) -> None:
    """Wait, be held, or talk, until that changes."""
    events = (participant.changed, participant.removed, left)
    if conference.status == "in-progress" and not participant.held:
        if participant.seat is None:
            conference.hear(participant)
        await until_any(*events)
        return
    conference.part(participant)
    url, method = participant.wait_url, participant.wait_method
    if participant.held:
        url, method = participant.hold_url, participant.hold_method

    def extra() -> dict[str, str]:
        return {"ConferenceSid": conference.sid, "FriendlyName": conference.name}

    async with entertained(participant.call, url, method, extra, CONFERENCE_VERBS):
        await _until_else(conference, participant, events)


async def _until_else(conference: Conference, participant: Participant, events: tuple[asyncio.Event, ...]) -> None:
    """Until the participant is to hear something else than now."""
    held, wait, hold = participant.held, participant.wait_url, participant.hold_url
    while True:
        await until_any(*events)
        talks = conference.status == "in-progress" and not participant.held
        if talks or any(event.is_set() for event in events[1:]):
            return
        if (participant.held, participant.wait_url, participant.hold_url) != (held, wait, hold):
            return
        participant.changed.clear()
