"""The telephone's account and the model's, laid side by side. Pure.

Audio is matched by byte position: the frame that a telephone sent as its k-th ends at byte (k + 1) * 640 of what the
model hears (160 bytes of mu-law at 8 kHz are 640 of PCM16 at 16 kHz). A caller's last frames are speech, of which
nothing is held back, so in the end the model has all of a call; or all but its beginning, where the session was
attached so late that more waited for it than is kept (5 s). That shifts every position. A call of which anything else
is missing cannot be matched by position: its loss is told, and its delays are not.

The resampler makes a sound `FILTER_MS` later in the stream of bytes than it was: added to every match.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.simulator.load.figures import MS
from app.simulator.load.orders import CallResult
from app.simulator.load.sonic_log import Heard
from app.simulator.load.speech import FRAME
from app.simulator.load.talker import Turn, sound_at

MODEL_BYTES = 640  # a frame of 20 ms at 16 kHz
FILTER_MS = 2.0
WAITING_BYTES = 5_000 * 32  # what is kept for a session that is not there yet
BURST_MS = 50
CLOSED_WITHIN_MS = 200  # of the phrase's first frame; callers stay on the line longer than that
DETECTED_FRAMES = 5  # from its first sound a caller's speech flows at once after 100 ms at the latest


@dataclass(slots=True)
class Delays:
    """ms, of one call."""

    speech: list[float] = field(default_factory=list)
    onset: list[float] = field(default_factory=list)  # the first 100 ms of speech, part of it out of a quiet batch
    quiet: list[float] = field(default_factory=list)
    lost_ms: int = 0  # sent and never heard by the model, though a session was there


def uplink_delays(call: CallResult, heard: Heard, window: tuple[int, int]) -> Delays:
    """From the writing of a frame to the model having it, for the frames written within `window`.

    Frames from before the session was attached wait for it by design and are left out."""
    delays = Delays()
    missing = len(call.sent) * MODEL_BYTES - heard.heard_bytes
    positions = [so_far for so_far, _ in heard.arrivals]
    attached = heard.arrivals[0][1]
    if missing and not _overflowed(heard):
        delays.lost_ms = missing * 20 // MODEL_BYTES
        return delays
    kinds = _kinds(call.turns, len(call.sent))
    for index, sent in enumerate(call.sent):
        if sent < attached or not window[0] <= sent < window[1]:
            continue
        at = bisect_left(positions, (index + 1) * MODEL_BYTES - missing)
        if at < len(positions):
            late = (heard.arrivals[at][1] - sent) / MS + FILTER_MS
            (delays.quiet, delays.onset, delays.speech)[kinds[index]].append(late)
    return delays


def _overflowed(heard: Heard) -> bool:
    """Did as much wait for the session as is kept? It comes in one burst when the session is attached."""
    began = heard.arrivals[0][1]
    return any(so_far >= WAITING_BYTES for so_far, at in heard.arrivals if at <= began + BURST_MS * MS)


def _kinds(turns: Sequence[Turn], frames: int) -> bytearray:
    """For each frame of the line: 0 quiet, 1 the onset of speech, 2 speech in flow."""
    kinds = bytearray(frames)
    for turn in turns:
        first = turn.frame + turn.first_sound // FRAME
        last = turn.frame + turn.last_sound // FRAME
        for index in range(first, min(last + 1, frames)):
            kinds[index] = 1 if index < first + DETECTED_FRAMES else 2
    return kinds


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered turn; ms."""

    turn: float  # the caller's last sound -> the first media of the answer
    engine: float | None  # ... -> the first audio of the answer at the model
    down: float | None  # from there to the telephone


def answers(call: CallResult, replies: Sequence[int], window: tuple[int, int]) -> list[Answer]:
    """Turns whose last sound lies in `window`, matched with the reply that the model began after that sound."""
    found = []
    for turn in call.turns:
        if not turn.answered or turn.talked_over:
            continue
        spoken = ended_at(call, turn)
        if not window[0] <= spoken < window[1]:
            continue
        at = bisect_left(replies, spoken)
        began = replies[at] if at < len(replies) and replies[at] <= turn.answered else None
        engine, down = (None, None) if began is None else ((began - spoken) / MS, (turn.answered - began) / MS)
        found.append(Answer((turn.answered - spoken) / MS, engine, down))
    return found


def ended_at(call: CallResult, turn: Turn) -> int:
    """When the turn's last sound was."""
    index = turn.frame + turn.last_sound // FRAME
    return sound_at(call.sent[index], turn.last_sound)


def began_at(call: CallResult, turn: Turn) -> int:
    """When the turn's first sound over -40 dBFS was."""
    index = turn.frame + turn.first_sound // FRAME
    return sound_at(call.sent[index], turn.first_sound)


@dataclass(frozen=True, slots=True)
class Quick:
    """One answered turn and the words that the model sent of it; ms."""

    endpointing: float  # the caller's last sound -> the model sends the words
    answer: float  # ... -> the first media of the answer
    by_phrase: bool  # the model had not begun to answer by then
    closed: bool  # its session was closed before it could begin


def quick_answers(call: CallResult, sessions: Sequence[Heard], window: tuple[int, int]) -> list[Quick]:
    """Turns whose last sound lies in `window`, matched with the last words that a session of the call sent for them."""
    texts = sorted((at, number) for number, heard in enumerate(sessions) for at in heard.texts)
    found = []
    for turn in call.turns:
        if not turn.answered or turn.talked_over or not window[0] <= ended_at(call, turn) < window[1]:
            continue
        index = bisect_left(texts, (turn.answered, 0)) - 1
        if index < 0 or texts[index][0] < ended_at(call, turn):
            continue
        said_at, number = texts[index]
        heard = sessions[number]
        begun = any(said_at <= at for at in heard.replies)
        by_phrase = not any(said_at <= at <= turn.answered for at in heard.replies)
        closed = by_phrase and not begun and said_at <= heard.ended_at <= turn.answered + CLOSED_WITHIN_MS * MS
        endpointing, answer = said_at - ended_at(call, turn), turn.answered - said_at
        found.append(Quick(endpointing / MS, answer / MS, by_phrase, closed))
    return found


def barge_ins(call: CallResult, window: tuple[int, int]) -> tuple[list[float], int]:
    """First sound -> clear, ms, of each interruption begun within `window`; and how many were not heeded at all."""
    said = [turn for turn in call.turns if turn.interrupts and turn.frame + turn.first_sound // FRAME < len(call.sent)]
    made = [turn for turn in said if window[0] <= began_at(call, turn) < window[1]]
    heeded = [(turn.cleared - began_at(call, turn)) / MS for turn in made if turn.cleared]
    return heeded, len(made) - len(heeded)


def echo_delays(call: CallResult, window: tuple[int, int]) -> list[float]:
    """Round trips through a bare echo, ms."""
    pairs = zip(call.sent, call.returned, strict=False)
    return [(back - sent) / MS for sent, back in pairs if window[0] <= sent < window[1]]
