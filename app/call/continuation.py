"""What the carrier is told to do with a call: at its first webhook, and each time a stream has ended. Pure."""

from dataclasses import dataclass, replace
from typing import Literal

from app.call.disposition import Disposition


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


type Answer = ConnectStream | SpeakAndHangUp | RejectCall | HangUpCall | DialPerson


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
    record: CallRecord, person_number: str = "", goodbye_text: str = "", language: str = "en-US"
) -> Answer:
    """What /twilio/next answers. The same record gets the same answer, however often the webhook is repeated.

    A call whose caller we gave up as lost is not over if the carrier asks what follows: the caller is still there.
    """
    if record.ended is not None and record.ended != Disposition.CALLER_LOST:
        return HangUpCall()
    if record.short_streams < SHORT_STREAMS and record.resumes < RESUMES:
        return ConnectStream()
    if person_number:
        return DialPerson(person_number, goodbye_text, language)
    return SpeakAndHangUp(goodbye_text, language)
