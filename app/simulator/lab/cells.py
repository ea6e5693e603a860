"""What breaks in a call of the laboratory, at which stage of its turn, and what was promised for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.simulator.faults import CALLER_SPEAKING, KINDS, SPEAKING, THINKING, TOOL_RUNNING
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.streaming import StreamFaults

STAGES = (CALLER_SPEAKING, THINKING, SPEAKING, TOOL_RUNNING)
# Silence that was promised at the most. HEALTHY: before a caller hears that an answer takes its time.
KNOWN_MS, DEAF_MS, STREAM_MS, HEALTHY_MS = 1_500, 4_500, 3_000, 2_500
SLOW_MS = 3_000
# ms of the stream at which each stage is well under way, by the caller's script below
STREAM_TIMES = {CALLER_SPEAKING: 2_200, THINKING: 3_500, SPEAKING: 4_900, TOOL_RUNNING: 4_200}
QUESTION = "where is my order, please"  # 1.5 s of mumbling
CALLER = """
    wait 1500ms
    say "{question}"
    wait {patience}ms
    say "{question}"
    expect speech within 7s
    wait for quiet 1500ms within 12s
    hang up
"""
# All that a model's side can do to an open session, by its name in faults.py.
MODEL = (
    *("throttle", "instability", "cut", "invalid", "idle", "tool-parsing", "filter"),
    *("internal", "unavailable", "timeout", "stream-error"),
    *("half-frame", "bad-crc", "reset", "end", "drop", "goaway", "deaf", "stall", "slow"),
)
LINE = ("line-lost", "line-stalls", "line-garbles", "line-loses")
# What may meet the next opening, where no session is warm: by its name in faults.py.
NEXT_OPENING: Mapping[str, str] = {
    "drop-refused": "throttle",
    "drop-unstable": "instability",
    "drop-cut": "drop",
    "drop-reset": "reset",
    "drop-unanswered": "no-answer",
    "drop-too-long": "refuse-history",
    "drop-denied": "denied",
}
TWICE = ("drop-no-spare", "drop-twice", *NEXT_OPENING)
FAULTS = ("none", *MODEL, *TWICE, *LINE)
WORDS: Mapping[str, str] = {
    "none": "nothing breaks",
    "drop-no-spare": "the connection is lost and no session is warm",
    "drop-twice": "the connection is lost, and again when the caller is answered",
    "drop-refused": "the connection is lost, no session is warm, and the next opening is throttled",
    "drop-unstable": "... and the next opening is refused: HTTP 400, system instability",
    "drop-cut": "... and the next connection is lost before it was answered",
    "drop-reset": "... and the next opening is reset before it was answered",
    "drop-unanswered": "... and the next opening is never answered",
    "drop-too-long": "... and the history is refused as too long",
    "drop-denied": "... and access is denied from now on: HTTP 403, for good",
    "line-lost": "the telephone's socket is lost without a word",
    "line-stalls": "nothing arrives from the telephone for a second, then all of it",
    "line-garbles": "messages from the telephone that nobody can read",
    "line-loses": "one in twenty of the caller's frames never arrives, others in bursts",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A call in which `fault` strikes at `stage`."""

    fault: str
    stage: str

    @property
    def limit_ms(self) -> int:
        """Of silence, from the moment at which it broke or the caller's last word, whichever is later."""
        if self.fault in ("deaf", "stall", "slow"):
            return DEAF_MS
        if self.fault in ("none", "line-loses"):
            return HEALTHY_MS
        return STREAM_MS if self.fault == "line-lost" else KNOWN_MS

    @property
    def spec(self) -> str:
        """For the model's side; "" where nothing breaks there."""
        first = f"@{self.stage}#1"
        match self.fault:
            case "none" | "line-lost" | "line-stalls" | "line-garbles" | "line-loses":
                return ""
            case "slow":
                return f"slow{first}={SLOW_MS}"
            case "drop-no-spare":
                return f"drop{first}"
            case "drop-twice":
                return f"drop{first},drop@speaking#{2 if self.stage == SPEAKING else 1}"
            case kind if kind in NEXT_OPENING:
                return f"drop{first},{NEXT_OPENING[kind]}@opening#2"
            case kind:
                return f"{kind}{first}"

    @property
    def breaks(self) -> int:
        """How often something breaks."""
        return max(1, self.spec.count("@"))

    @property
    def pool_size(self) -> int:
        return 0 if self.fault == "drop-no-spare" or self.fault in NEXT_OPENING else 1

    @property
    def for_good(self) -> bool:
        """No try can help: the caller is told, and the call ends."""
        return self.fault == "drop-denied"

    @property
    def stream_faults(self) -> StreamFaults:
        at = STREAM_TIMES[self.stage]
        match self.fault:
            case "line-lost":
                return StreamFaults(lose_socket_after_ms=at, first_only=True)
            case "line-garbles":
                return StreamFaults(garbage_at_ms=at)
        return StreamFaults()

    @property
    def line(self) -> LineOptions:
        if self.fault == "line-stalls":
            return LineOptions(stall_at_ms=STREAM_TIMES[self.stage], stall_ms=1_000)
        if self.fault == "line-loses":
            return LineOptions(drop_share=0.05, burst_frames=3, late_ms=60)
        return LineOptions()

    @property
    def struck_at_ms(self) -> int | None:
        """On the stream's clock, where the line breaks; None where the model's log tells."""
        return STREAM_TIMES[self.stage] if self.fault in ("line-lost", "line-stalls", "line-garbles") else None

    @property
    def script(self) -> str:
        return CALLER.format(question=QUESTION, patience=19_000 if self._takes_long else 9_500)

    @property
    def _takes_long(self) -> bool:
        """Silence is broken in time, but it may be a while until the answer has been heard."""
        return self.limit_ms == DEAF_MS or self.fault == "drop-unanswered"

    def __str__(self) -> str:
        return f"{self.fault}@{self.stage}"


def matrix(faults: Sequence[str], stages: Sequence[str]) -> Iterator[Cell]:
    """Every cell that can be: some faults have no stage of some names."""
    for fault in faults:
        possible = KINDS[fault][1] if fault in KINDS else None
        for stage in stages:
            if possible is None or stage in possible:
                if fault in ("none", "line-loses") and stage not in (THINKING, TOOL_RUNNING):
                    continue  # they last the whole call
                yield Cell(fault, stage)


def described(fault: str) -> str:
    return WORDS[fault] if fault in WORDS else KINDS[fault][0]
