"""Clocks that keep a caller from a dead line. They run on evidence, and are not read while the caller speaks.

*Known failure*: the session is known to be gone while something is owed; a line (or the rest of the reply) follows
within 1.5 s. *Slow answer*: the engine has the caller's turn but sends no audio; a filler, another, then recovery.
*Tool*: the model waits for a tool, and the caller for both; "one moment", again and again.
*Deaf*: our detector heard speech and then quiet, and the engine said nothing at all about it.
"""

from enum import StrEnum

from app.call.setup import Timings

# A line decided on at 1.5 s is heard later: half a second for what lies between us and the ear.
TO_THE_EAR_MS = 500


class Alarm(StrEnum):
    FILL = "fill"
    GIVE_UP = "give_up"


class AnswerClock:
    """How long an answer has been owed."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._since: int | None = None
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
        self._fillers = fillers
        self._last_filler = now

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
        return None if self._since is None or patient else self._since + self._timings.give_up_answer

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
    """Since when the caller has been waiting on a session that is known to be gone."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._since: int | None = None

    @property
    def running(self) -> bool:
        return self._since is not None

    def start(self, now: int) -> None:
        if self._since is None:
            self._since = now

    def stop(self) -> None:
        self._since = None

    def deadline(self) -> int | None:
        return None if self._since is None else self._since + max(0, self._timings.known_failure - TO_THE_EAR_MS)


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
