"""What the carrier is told to do with a call: at its first webhook, and each time a stream has ended. Pure."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ConnectStream:
    """Join the caller to the bot: a stream, and /twilio/next behind it."""


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
