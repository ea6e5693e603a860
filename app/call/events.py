"""What a call is told. Past tense, frozen, and carrying all that `Call.handle` needs to decide.

Events come from four neighbours. Each names its source, so that the machine can ignore what is no longer current:
a leg's events carry the **leg**'s ordinal, an engine's the **session**'s, a tool's the **run** id the model gave.
Times are not in the events: the bridge passes `now_ms` (monotonic, integer milliseconds) beside each of them.
Audio is opaque bytes: caller audio is PCM16 at the engine's input rate, reply audio is already in the leg's format.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.call.onward import OnwardResult
from app.call.prices import Usage


class Failure(StrEnum):
    """Why a model session could not be had or could not go on; whose fault it is decides what follows."""

    UNAVAILABLE = "unavailable"  # every endpoint is known to be down: no try helps now
    THROTTLED = "throttled"  # quota or concurrency: back off
    EXPIRED = "expired"  # the service's 8 minutes or its idle limit: renew with history
    UNSTABLE = "unstable"  # transient at the service: renew
    LOST = "lost"  # the stream or its connection ended without a word
    STALLED = "stalled"  # our writes are not taken
    TIMED_OUT = "timed_out"  # opening took longer than its limit
    HISTORY_TOO_LONG = "history_too_long"  # trim and try once more
    FILTERED = "filtered"  # the service's content filter: once more without the last turn
    BAD_INPUT = "bad_input"  # the service refused something we sent: one renewal, then give up
    MISCONFIGURED = "misconfigured"  # access, region, model or voice: no retry helps


HIDDEN_KEY = "x"


class LegEnd(StrEnum):
    """How a leg ended."""

    STOPPED = "stopped"  # Twilio said `stop`: the caller hung up, or the call got new instructions
    LOST = "lost"  # the socket went without a word: the call may come back through /twilio/next
    CLOSED = "closed"  # we closed it


class Stage(StrEnum):
    """Nova's `generationStage`: planned text before its audio, or the transcript of what was spoken."""

    SPECULATIVE = "speculative"
    FINAL = "final"


class Stop(StrEnum):
    """Nova's `stopReason` of a content."""

    PARTIAL_TURN = "partial_turn"
    END_TURN = "end_turn"
    INTERRUPTED = "interrupted"


# --- from the leg -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LegAttached:
    """A way to the caller is open; frames may be played. The first starts the call, a later one resumes it."""

    leg: int


@dataclass(frozen=True, slots=True)
class CallerAudio:
    """One piece of the caller's line: `audio` is PCM16 at the engine's input rate, `ms` its length."""

    leg: int
    audio: bytes
    ms: int


@dataclass(frozen=True, slots=True)
class CallerSpoke:
    """Our detector decided that speech began `ago_ms` before now. Comes before the `CallerAudio` it was decided on."""

    leg: int
    ago_ms: int = 0


@dataclass(frozen=True, slots=True)
class CallerPaused:
    """Our detector decided that speech ended `ago_ms` before now, after `spoken_ms` of it."""

    leg: int
    spoken_ms: int
    ago_ms: int = 0


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """While the line is guarded the bridge keeps each digit to itself and tells of it as HIDDEN_KEY."""

    leg: int
    key: str  # one of 0-9 * # A-D, or HIDDEN_KEY


@dataclass(frozen=True, slots=True)
class MarkEchoed:
    """The telephone reached a mark, or dropped it at a clear: the machine knows which."""

    leg: int
    name: str


@dataclass(frozen=True, slots=True)
class LegStalled:
    """The leg's outbox is full, or a write was not taken for 500 ms."""

    leg: int


@dataclass(frozen=True, slots=True)
class LegEnded:
    leg: int
    how: LegEnd


class Answerer(StrEnum):
    """Who answered a call that we placed, as the carrier's machine detection has it."""

    PERSON = "person"
    MACHINE = "machine"  # its greeting seems to have ended; people who pause are taken for one
    BEEP = "beep"  # a machine that has beeped: it records now
    FAX = "fax"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AnswererKnown:
    """The carrier's verdict. It comes seconds after the answer, when our greeting has long begun."""

    by: Answerer


@dataclass(frozen=True, slots=True)
class CallCompleted:
    """The carrier says that the telephone call itself is over (status callback), whatever the leg told us."""

    status: str


# --- from the model session ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionAttached:
    """The session asked for by `AttachSession` is lent, has its history, and takes audio from now on. `ends_ms`: when
    it will end by itself (machine time), where that is known."""

    session: int
    cold: bool = False
    ends_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SessionLent:
    """The session asked for by `LendSession` is at hand and knows nothing yet: `BeginSession` makes it the call's.
    Should it die before that, a `SessionFailed` says so."""

    session: int
    ends_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A phrase that answers what the caller said, as the house's matcher decided, with what allows to play it: `spare`
    says that a warm session is at hand to go on from the truth."""

    phrase: str
    confidence: float
    spare: bool = False


@dataclass(frozen=True, slots=True)
class UserText:
    """The engine's transcript of one utterance (always FINAL, one per utterance). The bridge adds what the house makes
    of the words: the known answer, and the declared language they seem to be in ("" where it cannot tell)."""

    session: int
    content: str
    text: str
    known: Known | None = None
    seems: str = ""


@dataclass(frozen=True, slots=True)
class ReplyText:
    session: int
    content: str
    text: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class ReplyTextEnded:
    session: int
    content: str
    stop: Stop


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """An audio content opened: what follows under this content id is one sentence or more of speech."""

    session: int
    content: str


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """Speech of the model. The session gives PCM16 at its output rate; the bridge turns it into the leg's format."""

    session: int
    content: str
    audio: bytes


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """An audio content closed; `END_TURN` ends the model's turn."""

    session: int
    content: str
    stop: Stop


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The engine says the caller broke in (by text marker or by stop reason)."""

    session: int


@dataclass(frozen=True, slots=True)
class EngineHeardSpeech:
    """The engine's own onset (`userSpeechStart`), where the service sends it."""

    session: int


@dataclass(frozen=True, slots=True)
class EngineHeardPause:
    """The engine's own end of speech (`userSpeechEnd`), where the service sends it."""

    session: int


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model asks for a tool; `arguments` is its JSON text as sent: untrusted, perhaps not even JSON."""

    session: int
    run: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class WordSpoken:
    """A listener's account of one utterance: one of the words it listens for, or "" where it is not sure enough."""

    session: int
    word: str


@dataclass(frozen=True, slots=True)
class UsageReported:
    """Tokens since the last report of this session. `where` (`region:model`) says whose they are."""

    session: int
    speech_in: int
    speech_out: int
    text_in: int
    text_out: int
    where: str = ""

    @property
    def usage(self) -> Usage:
        return Usage(self.speech_in, self.speech_out, self.text_in, self.text_out)


@dataclass(frozen=True, slots=True)
class SessionStalled:
    """The session's outbox is full, or a write was not taken for 500 ms."""

    session: int


@dataclass(frozen=True, slots=True)
class SessionFailed:
    """The session could not be opened, or ended though we had not closed it. `detail` is safe for a log."""

    session: int
    failure: Failure
    detail: str = ""


# --- from the tool host -------------------------------------------------------------------------------------------


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    REFUSED = "refused"  # unknown tool, wrong arguments, or an answer that is no
    UNAVAILABLE = "unavailable"  # left alone after failures, or too many at once
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ToolAnswered:
    """`result` is a JSON document for the model, whatever the outcome."""

    run: str
    name: str
    result: str
    outcome: Outcome
    ms: int


# --- from people outside the stream -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PersonAccepted:
    """Whom `RingPerson` rang has heard the whisper and takes the call."""

    attempt: str


@dataclass(frozen=True, slots=True)
class PersonRefused:
    """Whom `RingPerson` rang does not take the call."""

    attempt: str
    result: OnwardResult


@dataclass(frozen=True, slots=True)
class OnwardEnded:
    """The carrier's word on what came of the caller's way outside the stream (`Call.onward`)."""

    attempt: str
    result: OnwardResult


# --- from the house -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallerGuarded:
    """`GuardCaller` is in force for audio, keys and recording (`ok`), or could not be."""

    ok: bool


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The moment of `Call.next_deadline()` has come (or a little later)."""


@dataclass(frozen=True, slots=True)
class EndOrdered:
    """Someone with the right to do so ends the call: an operator, a drain, a cap. The goodbye is still heard."""

    why: str


@dataclass(frozen=True, slots=True)
class MoveOrdered:
    """This process ends: another is to go on with the call, from the next quiet end of a turn, or `at_once` from where
    it stands."""

    at_once: bool = False


type LegEvent = LegAttached | CallerAudio | CallerSpoke | CallerPaused | KeyPressed | MarkEchoed | LegStalled | LegEnded
type SessionEvent = (
    UserText
    | ReplyText
    | ReplyTextEnded
    | ReplyStarted
    | ReplyAudio
    | ReplyEnded
    | Interrupted
    | EngineHeardSpeech
    | EngineHeardPause
    | ToolCalled
    | WordSpoken
    | UsageReported
    | SessionStalled
    | SessionFailed
)
type PersonEvent = PersonAccepted | PersonRefused | OnwardEnded
type Event = (
    LegEvent
    | SessionEvent
    | PersonEvent
    | SessionAttached
    | SessionLent
    | ToolAnswered
    | AnswererKnown
    | CallCompleted
    | CallerGuarded
    | TimePassed
    | EndOrdered
    | MoveOrdered
)

EVENT_TYPES: tuple[type[Event], ...] = (
    LegAttached,
    CallerAudio,
    CallerSpoke,
    CallerPaused,
    KeyPressed,
    MarkEchoed,
    LegStalled,
    LegEnded,
    AnswererKnown,
    CallCompleted,
    SessionAttached,
    SessionLent,
    UserText,
    ReplyText,
    ReplyTextEnded,
    ReplyStarted,
    ReplyAudio,
    ReplyEnded,
    Interrupted,
    EngineHeardSpeech,
    EngineHeardPause,
    ToolCalled,
    WordSpoken,
    UsageReported,
    SessionStalled,
    SessionFailed,
    ToolAnswered,
    PersonAccepted,
    PersonRefused,
    OnwardEnded,
    CallerGuarded,
    TimePassed,
    EndOrdered,
    MoveOrdered,
)
