"""What the carrier is told to do with a call: at its first webhook, and each time a stream has ended. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from app.call.disposition import Disposition
from app.call.onward import Destination, Onward
from app.call.setup import CallFacts


@dataclass(frozen=True, slots=True)
class ConnectStream:
    """Join the caller to the bot: a stream, and /twilio/next behind it. `record`: the carrier begins to record the
    call, and goes on over all its streams."""

    record: bool = False


@dataclass(frozen=True, slots=True)
class SpeakAndHangUp:
    """Let the carrier's own voice say `text`, then hang up."""

    text: str
    language: str = "en-US"


@dataclass(frozen=True, slots=True)
class RejectCall:
    """Refuse before answering: free of charge, the caller hears the busy tone."""

    reason: Literal["busy", "rejected"] = "busy"


@dataclass(frozen=True, slots=True)
class HangUpCall:
    """Nothing more to say."""


@dataclass(frozen=True, slots=True)
class DialPerson:
    """Say `text`, then ring a person at a configured number."""

    number: str
    text: str = ""
    language: str = "en-US"


# --- out of the stream, and back by the word about `attempt` ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DialTarget:
    """Ring a configured target, and ask what follows. `whisper`: whoever answers is told about the caller first, and
    asked whether they take the call."""

    attempt: str
    destination: Destination
    caller_id: str
    whisper: bool


@dataclass(frozen=True, slots=True)
class JoinConference:
    """Meet in the conference named by the attempt: the caller waits for the person, who begins it. It ends with the
    first who leaves."""

    attempt: str
    who: Literal["caller", "person"]


@dataclass(frozen=True, slots=True)
class WaitInQueue:
    """Wait for one of several people, in a queue or as a TaskRouter task with these attributes."""

    attempt: str
    destination: Destination
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """Record the caller after a tone. `text` is said before it where no phrase of ours was."""

    attempt: str
    text: str = ""
    longest_s: int = 180
    language: str = "en-US"


# --- to the person who is rung, and to a caller who waits -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WhisperToPerson:
    """Tell whoever answered `text`, and ask for a key; none is a no."""

    attempt: str
    text: str
    language: str = "en-US"


@dataclass(frozen=True, slots=True)
class LetThrough:
    """Nothing more to say on this leg: the caller is joined to it."""


@dataclass(frozen=True, slots=True)
class KeepWaiting:
    """Said to a caller in a queue, again and again."""

    text: str
    language: str = "en-US"


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """They have waited long enough."""


type Answer = (
    ConnectStream
    | SpeakAndHangUp
    | RejectCall
    | HangUpCall
    | DialPerson
    | DialTarget
    | JoinConference
    | WaitInQueue
    | RecordMessage
    | WhisperToPerson
    | LetThrough
    | KeepWaiting
    | LeaveQueue
)


_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_WHISPERED = (("summary", ""), ("reason", "They want: "), ("tried", "Tried: "), ("promised", "Promised: "))

SHORT_STREAM_MS = 5_000
SHORT_STREAMS = 3
RESUMES = 10


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is known of a call between two of its streams. A call nobody knows has a fresh record: it starts afresh."""

    ended: str | None = None  # its disposition, once the machine has ended it
    streams: int = 0
    short_streams: int = 0  # of them, those that lived under 5 s
    resumes: int = 0

    def stream_ended(self, lived_ms: int) -> "CallRecord":
        short = self.short_streams + (lived_ms < SHORT_STREAM_MS)
        return replace(self, streams=self.streams + 1, short_streams=short)


def after_stream(
    record: CallRecord,
    person_number: str = "",
    goodbye_text: str = "",
    language: str = "en-US",
    way_out: Answer | None = None,
) -> Answer:
    """What /twilio/next answers. The same record gets the same answer, however often the webhook is repeated.
    `way_out` is where a caller is to go who leaves the stream for a while (`way_out_of`).

    A call whose caller we gave up as lost is not over if the carrier asks what follows: the caller is still there.
    """
    if record.ended is not None and record.ended != Disposition.CALLER_LOST:
        return HangUpCall()
    if way_out is not None:
        return way_out
    if record.short_streams < SHORT_STREAMS and record.resumes < RESUMES:
        return ConnectStream()
    if person_number:
        return DialPerson(person_number, goodbye_text, language)
    return SpeakAndHangUp(goodbye_text, language)


def way_out_of(onward: Onward, destination: Destination | None, facts: CallFacts, ask_text: str = "") -> Answer | None:
    """How a caller gets where the machine has decided. None where that is not configured (any more). `ask_text` is
    what a caller must still be told before a message is recorded."""
    if onward.way == "voicemail":
        return RecordMessage(onward.attempt, ask_text, language=facts.language)
    if onward.way == "join":
        return JoinConference(onward.attempt, "caller")
    if destination is None:
        return None
    if destination.kind in ("queue", "workflow"):
        return WaitInQueue(onward.attempt, destination, task_attributes(onward, destination, facts))
    return DialTarget(onward.attempt, destination, destination.caller_id or own_number(facts), destination.warm)


def own_number(facts: CallFacts) -> str:
    """The number that was called, where it is one: the only caller ID we are sure to own."""
    return facts.called if _NUMBER.fullmatch(facts.called) else ""


def task_attributes(onward: Onward, destination: Destination, facts: CallFacts) -> Mapping[str, str]:
    """Of a TaskRouter task: what staff configured, and what an agent's screen shows of the call."""
    told = {"caller": facts.caller, "called": facts.called, "language": facts.language, "attempt": onward.attempt}
    return {**told, **onward.about, **destination.attributes}


def whisper_text(about: Mapping[str, str], caller: str) -> str:
    """Who calls, why, what was tried and promised: for the ear of the person who is asked to take the call."""
    who = (
        f"from {' '.join(caller.lstrip('+'))}"
        if _NUMBER.fullmatch(caller)
        else "from a caller who does not show a number"
    )
    told = [f"{lead}{about[key]}".rstrip(". ") + "." for key, lead in _WHISPERED if about.get(key)]
    return " ".join([f"A call {who}.", *told, "Press 1 to take it, or hang up."])
