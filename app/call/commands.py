"""What a call wants done. Imperative, frozen; the bridge's `carry_out` obeys each without waiting.

Order matters and is kept: the commands of one answer are carried out one after another, before the next event is
looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.call.history import Line
from app.call.prices import Bill, Usage

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
    """Lend a session of this language (or open one) and give it this history. Answered by `SessionAttached` or
    `SessionFailed`. An empty language is the call's first."""

    session: int
    history: Sequence[Line]
    language: str = ""


@dataclass(frozen=True, slots=True)
class AttachListener:
    """No model serves the call: have the words of its menus heard, and nothing else. Answered by `SessionAttached` or
    `SessionFailed`; what is understood comes as `WordSpoken`."""

    session: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class LendSession:
    """Have a session of this language at hand beside the present one, and begin nothing: `BeginSession` does, or
    `CloseSession` gives it back. Answered by `SessionLent` (in the same step where one is warm) or `SessionFailed`."""

    session: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class BeginSession:
    """Give the session that was lent this history: it is the call's in the same step, and audio may follow."""

    session: int
    history: Sequence[Line]


@dataclass(frozen=True, slots=True)
class ExpectSession:
    """An `AttachSession` will follow within seconds: have one of this language at hand."""

    language: str = ""


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
class SendNote:
    """Text the model reads and does not answer (a non-interactive USER block in mid-session)."""

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


# --- to people outside the stream ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RingPerson:
    """Ring a configured target, tell them `about` the caller and ask whether they take the call; the caller holds.
    Answered by `PersonAccepted` or `PersonRefused`."""

    attempt: str
    target: str
    about: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StopRinging:
    """The caller is gone or waits no longer."""

    attempt: str


@dataclass(frozen=True, slots=True)
class LeaveWord:
    """Keep a wish for staff: a call-back. `about` holds what the model was told; the house adds the caller's own
    number."""

    kind: Literal["call_back"]
    about: Mapping[str, str]


# --- to the house -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GuardCaller:
    """From now on (or no longer) nobody may learn what the caller enters: their audio is silence, frame for frame, for
    everything behind the leg, a recording is paused, digits are kept in the house's vault and told as HIDDEN_KEY.
    `on=True` is answered by `CallerGuarded`."""

    on: bool


@dataclass(frozen=True, slots=True)
class SealSecret:
    """The digits entered so far are a secret by this token: a tool that is given the token gets the digits."""

    token: str


@dataclass(frozen=True, slots=True)
class DropSecret:
    """Forget the digits entered so far."""


@dataclass(frozen=True, slots=True)
class KeepSnapshot:
    """A turn has ended: write `Call.snapshot()` where another process can find it."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Nothing more is done with the call here: write `Call.snapshot()`, and only when it is kept, or cannot be, close
    the leg (if there is one). Whichever process the carrier asks next goes on."""


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

    @property
    def parts(self) -> dict[str, int]:
        """When each part that was seen came, by the name that metrics and traces give it."""
        times = {
            "transcript": self.transcript_ms,
            "first_text": self.first_text_ms,
            "first_audio": self.first_audio_ms,
            "first_frame": self.first_frame_ms,
        }
        return {part: at for part, at in times.items() if at is not None}


type Kept = Literal["swapped", "hushed", "plain"]


@dataclass(frozen=True, slots=True)
class AnsweredByPhrase:
    """A phrase answers what the caller said. How the model was kept from answering it, too: its session was closed
    for another (`swapped`), nobody hears it (`hushed`), or there was no need (`plain`)."""

    phrase: str
    confidence: float
    how: Kept


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
class RanDry:
    """The telephone had nothing left to play in the middle of a piece, until these frames came."""

    frames: int


@dataclass(frozen=True, slots=True)
class CallSpent:
    """What the whole call has used and cost: tokens by the place that served it, in every process that had it."""

    ms: int
    tokens: Mapping[str, Usage]
    bill: Bill


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a log line, a journal line and perhaps a counter; never the caller's words."""

    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EndCall:
    """The last command: nothing of the call remains to be done."""

    disposition: str


type Measure = TurnMeasured | AnsweredByPhrase | BargeInMeasured | FirstWordPlayed | RanDry | CallSpent | Note
type Command = (
    PlayFrames
    | SendMark
    | ClearPlayback
    | HangUp
    | AttachSession
    | AttachListener
    | LendSession
    | BeginSession
    | ExpectSession
    | SendToEngine
    | SendText
    | SendNote
    | AnswerTool
    | CloseSession
    | RunTool
    | CancelTool
    | RingPerson
    | StopRinging
    | LeaveWord
    | GuardCaller
    | SealSecret
    | DropSecret
    | KeepSnapshot
    | HandOver
    | Measure
    | EndCall
)
