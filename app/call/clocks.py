"""Clocks that keep a caller from a dead line. They run on evidence, and are not read while the caller speaks.

*Known failure*: the session is known to be gone while something is owed; whenever nothing has sounded for 1.5 s the
caller hears a line, until the answer comes. *Slow answer*: the engine has the caller's turn but sends no audio; a
filler, another, then recovery. *Tool*: the model waits for a tool, the caller for both; "one moment", again and again.
*Deaf*: our detector heard speech and then quiet, and the engine said nothing at all about it.

**Slow or dead?** An engine that works on an answer shows it: texts, tools, usage. So one that owes an answer is given
`give_up_answer` (10 s) while it gives any sign, and only `silent_answer` (6 s) after its last one: four standard
deviations beyond the real service's median, where a healthy engine is hardly ever found, and one that is slower by
its own measure gets twice as long as it is slow at. In mid-reply, where nothing is thought over, `deaf_quiet` will do.
"""

from enum import StrEnum

from app.call.setup import Timings

# A line decided on at 1.5 s is heard later: half a second for what lies between us, the caller's mouth and their ear.
# Between two sounds of ours the way is the same, and only its changes count.
TO_THE_EAR_MS, UNSTEADY_MS = 500, 200
FAILURE_LINES = 3  # into the silence behind one failure


class Alarm(StrEnum):
    FILL = "fill"
    GIVE_UP = "give_up"


class AnswerClock:
    """How long an answer has been owed."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._since: int | None = None
        self._signed = 0
        self._patience = 0
        self._fillers = 0
        self._last_filler = 0

    @property
    def running(self) -> bool:
        return self._since is not None

    @property
    def has_filled(self) -> bool:
        return self.running and self._fillers > 0

    def start(self, now: int, fillers: int = 0) -> None:
        """An answer is owed from now. `fillers`: as if so many had been played already."""
        self._since = now
        self._signed = max(self._signed, now)
        self._patience = max(self._timings.silent_answer, 2 * self._timings.slow_answer)
        self._fillers = fillers
        self._last_filler = now

    def stall(self, now: int) -> None:
        """A reply has stopped in its middle, and all of it was heard: its caller is kept company like that of a deaf
        session, for sentences may stand apart."""
        self.start(now, fillers=1)
        self._last_filler = self._since = now - max(0, self._timings.slow_answer_again - self._timings.deaf_quiet)
        self._patience = self._timings.deaf_quiet

    def sign(self, at: int) -> None:
        """The engine showed that it is there, or cannot show anything before."""
        self._signed = max(self._signed, at)

    def stop(self) -> None:
        self._since = None

    def filled(self, now: int) -> None:
        self._fillers += 1
        self._last_filler = now

    def alarm(self, now: int, patient: bool, line_silent: bool) -> Alarm | None:
        give_up = self.give_up_at(patient)
        if give_up is not None and now >= give_up:
            return Alarm.GIVE_UP
        fill = self.fill_at(patient)
        return Alarm.FILL if line_silent and fill is not None and now >= fill else None

    def give_up_at(self, patient: bool) -> int | None:
        """`patient`: a tool is running or a session is being opened, which have limits of their own; until then the
        caller is kept company."""
        if self._since is None or patient:
            return None
        return min(self._since + self._timings.give_up_answer, self._signed + self._patience)

    def fill_at(self, patient: bool) -> int | None:
        if self._since is None:
            return None
        if self._fillers == 0:
            return self._since + self._timings.slow_answer
        if self._fillers == 1:
            return self._since + self._timings.slow_answer_again
        return self._last_filler + self._timings.slow_answer_again if patient else None


class ToolClock:
    """How long nothing was heard while a tool runs: when to say "one moment", and again, ever more seldom."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._fill_at: int | None = None
        self._interval = 0
        self._quiet = True

    def watch(self, runs: bool, quiet: bool, has_filled: bool, now: int) -> None:
        """`quiet`: nothing of ours sounds and the caller does not speak. The wait is of quiet, and begins again when
        it was broken. `has_filled`: the caller has heard "one moment" since they asked."""
        if not runs:
            self._fill_at = None
        elif self._fill_at is None:
            self._interval = self._timings.tool_wait_again
            self._fill_at = now + (self._interval if has_filled else self._timings.tool_wait)
        elif not (quiet and self._quiet):
            self._fill_at = max(self._fill_at, now + self._timings.tool_wait)
        self._quiet = quiet

    def filled(self, now: int) -> None:
        self._fill_at = now + self._interval
        self._interval += self._interval // 2

    def deadline(self) -> int | None:
        return self._fill_at


class FailureClock:
    """Since when the caller has been waiting on a session that is known to be gone, until they are answered."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._since: int | None = None
        self._lines = 0

    @property
    def running(self) -> bool:
        return self._since is not None

    @property
    def has_spoken(self) -> bool:
        """The caller has heard a line about it."""
        return self._lines > 0

    def start(self, now: int) -> None:
        """A session failed. The lines of this failure are counted anew; the wait goes on."""
        self._lines = 0
        if self._since is None:
            self._since = now

    def spoke(self) -> None:
        """A line was said. Enough of them, and the answer's own clock, which knows the next session, goes on alone."""
        self._lines += 1
        if self._lines >= FAILURE_LINES:
            self.stop()

    def stop(self) -> None:
        self._since = None
        self._lines = 0

    def deadline(self, caller_quiet: int, silent_from: int) -> int | None:
        """When a line is due: the caller has been quiet since, and nothing of ours sounds, or will sound, from then."""
        if self._since is None:
            return None
        most = self._timings.known_failure
        quiet = max(self._since, caller_quiet)
        return max(quiet + max(0, most - TO_THE_EAR_MS), silent_from + max(0, most - UNSTEADY_MS))


class DeafClock:
    """Whether speech that we heard has been followed by any sign of the engine."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._listening = False
        self._spoken_ms = 0
        self._quiet_since: int | None = None

    def spoke(self) -> None:
        self._listening = True
        self._quiet_since = None

    def paused(self, quiet_since: int, spoken_ms: int) -> None:
        if self._listening:
            self._spoken_ms += spoken_ms
            self._quiet_since = quiet_since

    def begin_anew(self, now: int, speaking: bool) -> None:
        """Another engine is to hear what was said until now, and has shown nothing of it yet."""
        self._listening = True
        self._spoken_ms = 0 if speaking else self._timings.deaf_speech
        self._quiet_since = None if speaking else now

    def stop(self) -> None:
        """The engine gave a sign of any kind, or the sound was nothing."""
        self._listening = False
        self._spoken_ms = 0
        self._quiet_since = None

    def deadline(self) -> int | None:
        if self._quiet_since is None or self._spoken_ms < self._timings.deaf_speech:
            return None
        return self._quiet_since + self._timings.deaf_quiet
