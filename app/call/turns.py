"""Who has the floor.

Five states, moved by eight signs; what a table does not name changes nothing, so every state takes every sign.

A **hold** is the doubt between the first sound of the caller while we speak and the proof of what it was. We stop at
once and keep our words. Proof that it was a turn (the engine's transcript, a key, a new reply of an engine that said
`interrupted`) drops them. Three silences bring them back, from the first frame not heard:

* a **blip**: speech under 400 ms, then 300 ms of quiet;
* a **false alarm**: longer speech, but no sign of a turn for the engine's endpointing time + 0.7 s of quiet;
* **no words**: the engine said `interrupted`, but sent no transcript for 2 s.

Noise may keep a detector "hearing speech" for ever. If the engine shows no sign for 10 s, the hold ends all the same:
our own mistake must not leave a dead line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.call.setup import Timings


class Floor(StrEnum):
    QUIET = "quiet"  # nobody
    CALLER = "caller"  # the caller speaks, we have nothing in hand
    OWED = "owed"  # the caller's turn seems over: an answer is owed
    BOT = "bot"  # we speak
    HELD = "held"  # we spoke, the caller made a sound, our words are kept


class Sign(StrEnum):
    SPOKE = "spoke"  # our detector, or the engine's, heard speech begin
    PAUSED = "paused"  # ... and end
    OVERLAPPED = "overlapped"  # a reply came while the caller speaks of what the engine has not taken in
    INTERRUPTED = "interrupted"  # the engine says the caller broke in
    TURNED = "turned"  # the engine's transcript of an utterance
    TOOK = "took"  # a key, or a new reply, proves a barge-in
    PLAYED = "played"  # our first frame left
    RESUMED = "resumed"  # the hold was nothing
    HEARD = "heard"  # all of ours was heard


FLOOR: Mapping[tuple[Floor, Sign], Floor] = {
    (Floor.QUIET, Sign.SPOKE): Floor.CALLER,
    (Floor.QUIET, Sign.TURNED): Floor.OWED,
    (Floor.QUIET, Sign.PLAYED): Floor.BOT,
    (Floor.CALLER, Sign.PAUSED): Floor.OWED,
    (Floor.CALLER, Sign.TURNED): Floor.OWED,
    (Floor.CALLER, Sign.OVERLAPPED): Floor.HELD,
    (Floor.CALLER, Sign.PLAYED): Floor.BOT,
    (Floor.OWED, Sign.SPOKE): Floor.CALLER,
    (Floor.OWED, Sign.PLAYED): Floor.BOT,
    (Floor.BOT, Sign.SPOKE): Floor.HELD,
    (Floor.BOT, Sign.INTERRUPTED): Floor.HELD,
    (Floor.BOT, Sign.TURNED): Floor.OWED,
    (Floor.BOT, Sign.TOOK): Floor.QUIET,
    (Floor.BOT, Sign.HEARD): Floor.QUIET,
    (Floor.HELD, Sign.TURNED): Floor.OWED,
    (Floor.HELD, Sign.TOOK): Floor.QUIET,
    (Floor.HELD, Sign.RESUMED): Floor.BOT,
}


@dataclass(slots=True)
class Hold:
    """The doubt about one sound of the caller. `sign_ms` is the engine's word that it was a barge-in."""

    onset_ms: int
    spoke_ms: int  # the last onset: the speech may come in pieces
    spoken_ms: int = 0
    quiet_since: int | None = None  # None while the speech goes on
    sign_ms: int | None = None
    incomplete: bool = False  # the engine broke off a reply it had not finished

    def plays_on_at(self, timings: Timings, attached_at: int | None) -> int | None:
        """When our words come back if nothing else happens; None while only an event can tell."""
        if self.sign_ms is not None:
            return self._without_words_at(timings, self.sign_ms)
        if self.quiet_since is None:
            return self.spoke_ms + timings.give_up_answer
        if self.spoken_ms < timings.blip:
            return self.quiet_since + timings.resume_after_blip
        if attached_at is None:
            return None  # an engine that is not there yet cannot show a sign; opening it has its own limit
        return max(self.quiet_since, attached_at) + timings.endpointing + timings.no_turn_grace

    def _without_words_at(self, timings: Timings, sign_ms: int) -> int | None:
        if self.quiet_since is None:
            return None  # they speak, the engine says so too: this is a turn
        at = sign_ms + timings.interrupted_without_words
        if not self.spoken_ms:
            return at
        # A transcript comes after the engine's endpointing: to play on before that would be to interrupt the caller.
        return max(at, self.quiet_since + timings.endpointing + timings.no_turn_grace)


class Turns:
    def __init__(self) -> None:
        self.floor = Floor.QUIET
        self.hold: Hold | None = None
        self.speaking = False  # by our own detector
        self.spoke_at = 0
        self.quiet_since = 0  # by our own detector, where nobody speaks
        self.turned_at = -1  # when the engine last showed that it had taken in the caller's speech

    @property
    def unheeded(self) -> bool:
        """The caller speaks, and the engine has shown no sign that it knows."""
        return self.speaking and self.spoke_at > self.turned_at

    def sign(self, sign: Sign) -> None:
        self.floor = FLOOR.get((self.floor, sign), self.floor)
        if self.floor is Floor.QUIET and self.speaking:
            self.floor = Floor.CALLER

    def spoke(self, onset_ms: int) -> None:
        """Our detector heard speech begin."""
        self.speaking = True
        self.spoke_at = onset_ms
        if self.hold is not None:
            self.hold.spoke_ms = onset_ms
            self.hold.quiet_since = None

    def paused(self, quiet_since: int, spoken_ms: int) -> None:
        """Our detector, which is sure of it, heard speech end."""
        self.speaking = False
        self.quiet_since = quiet_since
        if self.hold is not None:
            self.hold.spoken_ms += spoken_ms
            self.hold.quiet_since = quiet_since
        self.sign(Sign.PAUSED)

    def engine_paused(self, now: int) -> None:
        """The engine heard speech end: believed where our detector heard nothing."""
        if self.speaking:
            return
        self.sign(Sign.PAUSED)
        if self.hold is not None and self.hold.quiet_since is None:
            self.hold.spoken_ms += max(0, now - self.hold.spoke_ms)
            self.hold.quiet_since = now

    def begin_hold(self, onset_ms: int, sign: Sign) -> None:
        self.sign(sign)
        self.hold = Hold(onset_ms, onset_ms)

    def interrupted(self, now: int, incomplete: bool) -> None:
        """The engine's word about the present hold. The first one counts."""
        assert self.hold is not None
        self.turned_at = now
        if self.hold.sign_ms is None:
            self.hold.sign_ms = now
            self.hold.incomplete = incomplete
        if not self.speaking and self.hold.quiet_since is None:
            self.hold.quiet_since = now

    def end_hold(self, sign: Sign) -> Hold | None:
        """The doubt is over; what it was about, if there was one."""
        hold, self.hold = self.hold, None
        self.sign(sign)
        return hold

    def leave(self) -> None:
        """The line is gone, and with it whoever was speaking on it."""
        self.floor = Floor.QUIET
        self.hold = None
        self.speaking = False


class Silence:
    """Neither side speaks: how long, and how often we have asked."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._since: int | None = None
        self.asked = 0

    def watch(self, silent: bool, now: int) -> None:
        if not silent:
            self._since = None
        elif self._since is None:
            self._since = now

    def caller_is_there(self) -> None:
        self.asked = 0

    def due(self, now: int) -> bool:
        deadline = self.deadline()
        return deadline is not None and now >= deadline

    def ask(self, now: int) -> bool:
        """Ask once more: False when we have asked often enough."""
        self._since = now
        self.asked += 1
        return self.asked <= self._timings.silence_prompts

    def deadline(self) -> int | None:
        return None if self._since is None else self._since + self._timings.silence_prompt
