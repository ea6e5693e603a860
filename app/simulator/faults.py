"""Named faults of the model's side: what goes wrong, at which stage of a turn, how often.

A specification is a list with commas, each `kind@stage[:probability][#nth][=milliseconds]`:

    throttle@opening:0.1        one opening in ten is answered by HTTP 429
    drop@speaking#2             the connection is lost in the middle of the second reply
    slow@thinking=1500          every answer comes 1.5 s later
    hang@closing                no session is ever closed from the other side

`#nth` counts how often the stage was reached since the simulator started, over all its sessions. Without a probability
or a number the fault strikes every time. Some faults belong to certain stages only, and the parser says so.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

OPENING, CALLER_SPEAKING, THINKING, SPEAKING, TOOL_RUNNING, CLOSING = STAGES = (
    "opening",  # the request has arrived, nothing was answered
    "caller-speaking",  # the caller has begun to speak
    "thinking",  # what the caller said has been told, nothing of the answer
    "speaking",  # half of the first sentence's audio has been sent
    "tool-running",  # a tool has been asked for
    "closing",  # the client ends the session
)

# What each kind does; the stages are those where it can happen (None: everywhere).
KINDS: dict[str, tuple[str, frozenset[str] | None]] = {
    "throttle": ("ThrottlingException; HTTP 429 at opening", None),
    "instability": ("ValidationException 'System instability detected'; HTTP 400 at opening", None),
    "cut": ("ValidationException 531, as when the service resets the stream behind itself", None),
    "invalid": ("ValidationException 'Invalid input request'", None),
    "idle": ("ValidationException 532, as after a minute without audio", None),
    "tool-parsing": ("ValidationException 'Tool Response parsing error'", None),
    "filter": ("ValidationException of the content filters", None),
    "internal": ("InternalServerException", None),
    "unavailable": ("ServiceUnavailableException", None),
    "timeout": ("ModelTimeoutException", None),
    "stream-error": ("ModelStreamErrorException; in the middle of a word at speaking", None),
    "denied": ("AccessDeniedException, HTTP 403", frozenset({OPENING})),
    "not-found": ("ResourceNotFoundException, HTTP 404", frozenset({OPENING})),
    "refuse-history": ("ValidationException 'Chat history is over max limit'", frozenset({OPENING})),
    "no-answer": ("not even response headers", frozenset({OPENING})),
    "deaf": ("the session accepts everything and says nothing more, until the client ends it", None),
    "stall": ("nothing more that the client sends is taken (flow control), and nothing is said", None),
    "slow": ("headers or audio come later by =milliseconds", frozenset({OPENING, THINKING, SPEAKING})),
    "half-frame": ("half a frame, then the stream is reset", None),
    "bad-crc": ("a frame whose checksum is wrong", None),
    "reset": ("RST_STREAM", None),
    "end": ("the stream ends in order, without a word", None),
    "drop": ("the TCP connection is lost, with every stream on it", None),
    "goaway": ("GOAWAY: what is open goes on, nothing new is taken on this connection", None),
    "hang": ("the end of the stream is never answered", frozenset({CLOSING})),
}

_SPEC = re.compile(
    r"(?P<kind>[a-z-]+)@(?P<stage>[a-z-]+)(?::(?P<probability>[0-9.]+))?(?:#(?P<nth>\d+))?(?:=(?P<ms>\d+))?"
)


class FaultSpecError(ValueError):
    """A fault specification that cannot be meant, and what is possible instead. The user's fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    stage: str
    probability: float = 1.0
    nth: int | None = None
    ms: int = 0


def parse_faults(spec: str) -> tuple[Fault, ...]:
    """Faults of a specification; none of an empty one. Raises `FaultSpecError`."""
    return tuple(_parse_one(part.strip()) for part in spec.split(",") if part.strip())


def _parse_one(part: str) -> Fault:
    match = _SPEC.fullmatch(part)
    if match is None:
        raise FaultSpecError(f"{part!r} is not kind@stage[:probability][#nth][=milliseconds]")
    kind, stage = match["kind"], match["stage"]
    if kind not in KINDS:
        raise FaultSpecError(f"{kind}: no such fault; there are {', '.join(KINDS)}")
    if stage not in STAGES:
        raise FaultSpecError(f"{stage}: no such stage; there are {', '.join(STAGES)}")
    possible = KINDS[kind][1]
    if possible is not None and stage not in possible:
        raise FaultSpecError(f"{kind} can only happen at {', '.join(sorted(possible))}")
    if (kind == "slow") != (match["ms"] is not None):
        raise FaultSpecError(f"{part!r}: slow, and only slow, needs =milliseconds")
    nth = int(match["nth"]) if match["nth"] else None
    if nth == 0:
        raise FaultSpecError(f"{part!r}: #nth counts from 1")
    return Fault(kind, stage, _probability(match["probability"], part), nth, int(match["ms"] or 0))


def _probability(text: str | None, part: str) -> float:
    try:
        value = 1.0 if text is None else float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value <= 1.0:
        raise FaultSpecError(f"{part!r}: a probability is more than 0 and at most 1")
    return value


class FaultPlan:
    """Decides, each time a stage is reached, which fault strikes. Seeded, so that a run can be repeated."""

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 1) -> None:
        self._faults = tuple(faults)
        self._reached: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self.struck: Counter[str] = Counter()

    def may_strike(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self._faults)

    def strike(self, stage: str) -> Fault | None:
        """The first fault named for `stage` that strikes this time."""
        self._reached[stage] += 1
        for fault in self._faults:
            if fault.stage == stage and self._strikes(fault):
                self.struck[f"{fault.kind}@{stage}"] += 1
                return fault
        return None

    def _strikes(self, fault: Fault) -> bool:
        if fault.nth is not None and fault.nth != self._reached[fault.stage]:
            return False
        return fault.probability >= 1.0 or self._chance.random() < fault.probability
