"""More callers than a server carries: some hear that all lines are busy, and those who were taken hear no difference.

The server shares its core with busy neighbours of its own priority, which lowers what it carries to what a small
machine's telephones can outnumber. Callers ring one after another and stay. The knee is where the server itself puts
it: at the calls it has taken when the others are refused. Whether that was right is seen from outside: by the late
frames of those it took (too many calls), and by how much of its share of the core it used (too few).
"""

import json
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from app.simulator.load.figures import Row, Target
from app.simulator.load.processes import Server
from app.simulator.load.rows import limits
from app.simulator.load.stages import Measured, Plan, conversation

BEYOND = 1.5  # so many times the calls that are taken have to ring
TARGET = 1.0  # %
EVERY_S = 0.5  # a caller
SETTLE_S = 8.0
LOOKS_EVERY_S = 0.5
BUSY = "takes no more calls"
NO_BY_REASON = "offhook_calls_refused_total{"


@dataclass(slots=True)
class Storm:
    """What became of it. `lateness_ms` is the server's own, as its admission saw it, in the order of time."""

    measured: Measured
    neighbours: int
    pinned: bool
    lateness_ms: Sequence[float] = field(default_factory=list)

    @property
    def refused(self) -> int:
        return sum(1 for trouble in self.measured.result.troubles() if BUSY in trouble)

    @property
    def lost(self) -> list[str]:
        """What happened to calls besides a refusal."""
        return [trouble for trouble in self.measured.result.troubles() if BUSY not in trouble]

    @property
    def taken(self) -> int:
        return self.measured.calls - self.refused

    @property
    def beyond(self) -> bool:
        """Did enough of them ring?"""
        return 0 < BEYOND * self.taken <= self.measured.calls

    @property
    def enough(self) -> int:
        """How many should."""
        return math.ceil(BEYOND * max(self.taken, 1))


def storm(plan: Plan, calls: int) -> Storm:
    """`plan` says on which core, beside how many neighbours."""
    lateness: list[float] = []

    @contextmanager
    def looking(house: Server) -> Iterator[None]:
        over = threading.Event()

        def look() -> None:
            while not over.wait(LOOKS_EVERY_S):
                state = json.loads(house.get("/readyz")[1] or "{}")
                if state.get("calls"):
                    lateness.append(float(state["lateness_ms"]))

        thread = threading.Thread(target=look, name="lateness", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    gradual = replace(plan, ramp_s=calls * EVERY_S, settle_s=SETTLE_S, memory_after_s=0.0, turns=0, beside=looking)
    return Storm(conversation(gradual, calls), plan.neighbours, bool(plan.server_cpu), lateness)


def row(storm: Storm) -> Row:
    """No figure where too few rang: then nothing is known of what lies beyond the knee."""
    tallies = [call.tally for call in storm.measured.result.calls]
    heard = sum(tally.heard_frames for tally in tallies)
    late = sum(tally.late_frames for tally in tallies)
    return Row(
        "overload",
        "Late at 1.5 x the knee",
        "late frames of the calls that were taken, while half as many again ring as the server takes",
        "%",
        storm.measured.calls,
        heard,
        {"value": 100 * late / heard} if heard and storm.beyond else {},
        (Target("value", TARGET),),
        "; ".join(_notes(storm, late)),
    )


def _notes(storm: Storm, late: int) -> Iterator[str]:
    measured = storm.measured
    yield f"{measured.calls} rang, {storm.taken} were taken, {storm.refused} refused{_reasons(measured)}"
    if not storm.beyond:
        yield f"too few rang: {storm.enough} would be {BEYOND:g} times the knee"
    if storm.lost:
        yield f"{len(storm.lost)} calls in trouble: {storm.lost[0]}"
    share = 1 / (storm.neighbours + 1)
    where = f"the server on one core with {storm.neighbours} busy processes of its priority" if storm.pinned else ""
    yield f"{where or 'not pinned'}: it used {measured.server_cpu:.2f} of a core" + (
        f", its share is {share:.2f}" if storm.pinned else ""
    )
    if late_by_own := measured.notes.get("offhook_late_frames_total"):
        yield f"{late} late frames, {late_by_own:.0f} by the server's own count"
    if storm.lateness_ms:
        ordered = sorted(storm.lateness_ms)
        yield f"its lateness: median {ordered[len(ordered) // 2]:.0f} ms, most {ordered[-1]:.0f} ms"
    if limited := limits(measured):
        yield f"generator-limited: {limited}"


def _reasons(measured: Measured) -> str:
    counts = {s.split('"')[1]: n for s, n in measured.notes.items() if s.startswith(NO_BY_REASON) and n}
    return f" ({', '.join(f'{why} {count:.0f}' for why, count in counts.items())})" if counts else ""
