"""What a call wants done. Imperative, frozen; the bridge's `carry_out` obeys each without waiting.

Order matters and is kept: the commands of one answer are carried out one after another, before the next event is
looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.call.history import Line

# --- to the leg ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayFrames:
    """Whole frames in the leg's format, to be played after all that was sent before."""

    leg: int
    audio: bytes


@dataclass(frozen=True, slots=True)
class SendMark:
    leg: int
    name: str


@dataclass(frozen=True, slots=True)
class ClearPlayback:
    """Empty the leg's outbox and the telephone's buffer. Goes out ahead of everything."""

    leg: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the leg; what the caller gets next is decided at /twilio/next."""

    leg: int


# --- to the model session -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttachSession:
    """Lend a session (or open one) and give it this history. Answered by `SessionAttached` or `SessionFailed`."""

    session: int
    history: Sequence[Line]


@dataclass(frozen=True, slots=True)
class SendToEngine:
    """Caller audio for the session: PCM16 at the engine's input rate."""

    session: int
    audio: bytes


@dataclass(frozen=True, slots=True)
class SendText:
    """Live text, answered by the model as a user turn. Sent only while both sides are quiet."""

    session: int
    text: str


@dataclass(frozen=True, slots=True)
class AnswerTool:
    """Exactly one for each `ToolCalled`; `result` is a JSON document."""

    session: int
    run: str
    result: str


@dataclass(frozen=True, slots=True)
class CloseSession:
    session: int


# --- to the tool host ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunTool:
    run: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class CancelTool:
    run: str


# --- to the house -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeepSnapshot:
    """A turn has ended: write `Call.snapshot()` where another process can find it."""


@dataclass(frozen=True, slots=True)
class TurnMeasured:
    """The waterfall of one answered turn, each part a machine time in ms, None where the part was not seen.

    `answered_by` says who spoke: the model, or a rendered phrase.
    """

    turn: int
    caller_stopped_ms: int | None
    transcript_ms: int | None
    first_text_ms: int | None
    first_audio_ms: int | None
    first_frame_ms: int | None
    answered_by: Literal["model", "phrase"] = "model"


type BargeInOutcome = Literal["confirmed", "resumed"]


@dataclass(frozen=True, slots=True)
class BargeInMeasured:
    """What became of a hold; `held_ms` from onset to the outcome, `cut_ms` the reply's audio that was never heard."""

    outcome: BargeInOutcome
    held_ms: int
    cut_ms: int


@dataclass(frozen=True, slots=True)
class FirstWordPlayed:
    """`ms` from the leg's start to the first frame of any speech."""

    ms: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a log line, a journal line and perhaps a counter; never the caller's words."""

    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EndCall:
    """The last command: nothing of the call remains to be done."""

    disposition: str


type Command = (
    PlayFrames
    | SendMark
    | ClearPlayback
    | HangUp
    | AttachSession
    | SendToEngine
    | SendText
    | AnswerTool
    | CloseSession
    | RunTool
    | CancelTool
    | KeepSnapshot
    | TurnMeasured
    | BargeInMeasured
    | FirstWordPlayed
    | Note
    | EndCall
)
