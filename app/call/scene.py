"""All that is known of a call at this moment.

A **part** (`playout`, `turns`, `uplink`, `attachment`, the clocks ...) keeps one small thing right and knows of nobody
else. A **subject** (`floor`, `leg`, `session`, `model`, `transfer`, `quiet`, `ending`) joins parts into what a call
does: plain functions over the scene. What no part owns stands here, and each of these fields is set by the module named
beside it.
"""

from collections.abc import Iterable

from app.call import commands as c
from app.call.answering import Answering
from app.call.attachment import Attachment
from app.call.capped import Capped
from app.call.clocks import AnswerClock, DeafClock, FailureClock, ToolClock
from app.call.closing import Closing
from app.call.course import Course, Phase
from app.call.departure import Departure
from app.call.digest import Digest
from app.call.disposition import Disposition
from app.call.pad import Pad
from app.call.prices import Bill, Spent
from app.call.renewal import Renewal
from app.call.replies import Replies
from app.call.rungs import Rungs
from app.call.runs import Runs
from app.call.setup import CallSetup
from app.call.texts import Texts
from app.call.turns import Silence, Turns
from app.call.uplink import Uplink
from app.call.voice import Voice
from app.call.waterfall import Waterfall


class Scene:
    def __init__(self, setup: CallSetup) -> None:
        timings = setup.timings
        self.setup = setup
        self.timings = timings
        self.now = 0  # machine
        self.resumed = ""  # machine: why, where another process had the call before
        self.elapsed_before = 0  # machine: ... and how long
        self.known_until: int | None = None  # machine, leg: ... up to when it was known what the caller said
        self.moving = False  # moving: another process is to have the call
        self.course = Course()
        self.leg: int | None = None  # leg, transfer: the present one
        self.last_leg = 0  # leg
        self.stalled_at: int | None = None  # leg
        self.away_since = 0  # leg, transfer
        self.began: int | None = None  # leg: machine time of the first one
        self.seemed = ""  # language: the other language that the caller's last words seemed to be in
        self.tool_called_at = -1  # model
        self.replied_at = -1  # model: ... that it began to speak
        self.first_word = False  # floor, machine: it was played
        self.answering = Answering()
        self.departure = Departure(setup.facts.call_sid)
        self.closing: Closing | None = None  # ending
        self.disposition: Disposition | None = None  # ending, machine
        # What we say, and what was heard of it.
        self.voice = Voice(setup, self.note)
        self.playout = self.voice.playout
        self.account = self.voice.account
        self.digest = Digest()
        self.replies = Replies()
        # Who speaks.
        self.turns = Turns()
        self.silence = Silence(timings)
        self.pad = Pad(timings)
        # The model session.
        self.rungs = Rungs()
        self.attachment = Attachment(timings, setup.facts.call_sid)
        self.renewal = Renewal(timings)
        self.uplink = Uplink(setup.uplink, timings)
        self.texts = Texts()
        self.runs = Runs()
        # What is owed, and since when.
        self.answer = AnswerClock(timings)
        self.tool = ToolClock(timings)
        self.failure = FailureClock(timings)
        self.deaf = DeafClock(timings)
        self.waterfall = Waterfall()
        self.spent = Spent()
        self.capped = Capped()
        self._commands: list[c.Command] = []

    # --- what to do -----------------------------------------------------------------------------------------------

    def do(self, command: c.Command) -> None:
        self._commands.append(command)

    def do_all(self, commands: Iterable[c.Command]) -> None:
        self._commands.extend(commands)

    def note(self, what: str, detail: str = "") -> None:
        self._commands.append(c.Note(what, detail))

    def take_commands(self) -> list[c.Command]:
        """All that is to be done, in order, once."""
        commands, self._commands = self._commands, []
        return commands

    @property
    def phase(self) -> Phase:
        return self.course.phase

    # --- what several subjects ask --------------------------------------------------------------------------------

    def due(self, at: int | None) -> bool:
        return at is not None and self.now >= at

    @property
    def interruptible(self) -> bool:
        """What we have in hand may be cut. A goodbye never is, nor what is said to a caller who leaves."""
        return self.closing is None and not self.departure.under_way and self.playout.interruptible

    @property
    def elapsed(self) -> int:
        """How long the call has lasted, in ms, in this process and those before."""
        return self.elapsed_before + (0 if self.began is None else self.now - self.began)

    @property
    def bill(self) -> Bill:
        """What the call has cost until now."""
        streamed = max(0, self.elapsed - self.departure.outside_until(self.now))
        return self.spent.bill(self.setup.prices, self.elapsed, streamed)
