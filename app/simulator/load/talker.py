"""A caller in a load run, as a pure machine over time.

A caller hears the greeting out, then goes round: talks, waits for the answer, listens to its end, is silent for a
while, talks again. One that interrupts does not listen to the end. `frame` is asked once for each 20 ms of the line,
`media` and `cleared` tell what the server sent. The caller's own account is kept in `turns` and `tally`.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from app.simulator.load.figures import MS
from app.simulator.load.playback import Playback
from app.simulator.load.speech import FRAME, FRAME_MS, RATE, Speech, Utterance

GIVE_UP = 10_000 * MS  # of waiting for an answer
FAREWELL_FRAMES = 25
FRAME_BYTES = 160
TALK, LISTEN, SILENT = 0.35, 0.45, 0.20  # shares of a conversation's time
SHORTEST_PAUSE_MS = 500


@dataclass(frozen=True, slots=True)
class Habits:
    """How a caller converses; ms. `interrupts_after` counts from the first sound of an answer."""

    talk_ms: int
    pause_ms: int  # quiet after the other side has ended
    listen_ms: int  # how long answers must be
    interrupts_after: tuple[int, ...] = ()  # in turn; none: hears answers out
    key: str = ""  # pressed once, over what is played or `pause_ms` after it; such a caller never talks

    @classmethod
    def for_shares(cls, think_ms: int) -> "Habits":
        """Talking, listening and silence in their shares, where an answer comes `think_ms` after the last sound."""
        silent = max(2_000, think_ms + SHORTEST_PAUSE_MS)
        cycle = silent / SILENT
        return cls(round(cycle * TALK / FRAME_MS) * FRAME_MS, silent - think_ms, round(cycle * LISTEN))


@dataclass(slots=True)
class Turn:
    """Something the caller said, from line frame `frame` on, and what came of it (ns, 0: nothing)."""

    frame: int
    first_sound: int  # samples from the start of that frame
    last_sound: int
    interrupts: bool = False
    cleared: int = 0
    answered: int = 0
    talked_over: bool = False  # the server spoke meanwhile: it took the turn to be over, or did not stop


@dataclass(slots=True)
class Tally:
    talking: int = 0  # frames of the line within the window
    listening: int = 0
    silent: int = 0
    heard_frames: int = 0  # frames of speech the server sent, the first message of each reply not counted
    late_frames: int = 0
    needless_clears: int = 0
    unanswered: int = 0


@dataclass(slots=True)
class KeyPress:
    """The one key of a caller who presses one (ns, 0: not yet)."""

    pressed: int = 0
    over_speech: bool = False  # which the server has to clear before anything else can be heard
    cleared: int = 0
    answered: int = 0

    def media(self, now: int) -> None:
        if self.pressed and not self.answered and (self.cleared or not self.over_speech):
            self.answered = now


class State(Enum):
    WAITING = auto()
    HEARING = auto()
    TALKING = auto()
    LEAVING = auto()


@dataclass(slots=True)
class Talker:
    speech: Speech
    habits: Habits
    number: int
    window: tuple[int, int] = (0, 0)  # ns: in which shares are counted
    playback: Playback = field(default_factory=Playback)
    turns: list[Turn] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    first_media: int = 0
    key: KeyPress = field(default_factory=KeyPress)
    state: State = State.WAITING
    _since: int = 0  # the state's beginning, ns
    _frames: int = 0  # of the line, so far
    _saying: Utterance | None = None
    _at: int = 0  # frames of it said
    _was_cleared: bool = False

    @property
    def gone(self) -> bool:
        """Has said a last word: hang up."""
        return self.state is State.LEAVING and self._at >= FAREWELL_FRAMES

    def frame(self, now: int) -> str:
        """The next 20 ms of the line, base64."""
        if self._wants_to_talk(now):
            self._begin(now)
        self._count(now)
        self._frames += 1
        if self._saying is None:
            return self.speech.silence[self._frames % len(self.speech.silence)]
        payload = self._saying.payloads[self._at % len(self._saying.payloads)]
        self._at += 1
        if self.state is State.TALKING and self._at == len(self._saying.payloads):
            self._enter(State.WAITING, now)
            self._saying = None
        return payload

    def presses(self, now: int) -> str:
        """The key that is pressed now, or "". The caller is to note when it left."""
        if not self.habits.key or self.key.pressed or self.state is not State.HEARING or not self._has_heard(now):
            return ""
        self.key.pressed, self.key.over_speech = now, self.playback.playing(now)
        return self.habits.key

    def leave(self, now: int) -> None:
        """Say something once more, so that the server holds nothing of the line back, and hang up over it."""
        if self.state is not State.LEAVING:
            self._enter(State.LEAVING, now)
            self._saying, self._at = self.speech.utterances[0], 0

    def resume(self, now: int) -> None:
        """The line broke and is back: wait for what the server says."""
        self.playback, self._saying = Playback(), None
        self._enter(State.WAITING, now)

    def media(self, size: int, now: int) -> None:
        """Speech of the server: bytes of mu-law."""
        dry = self.playback.add(size, now)
        self.key.media(now)
        cleared, self._was_cleared = self._was_cleared, False
        if self.state is State.WAITING:
            self.first_media = self.first_media or now
            if self.turns:
                self.turns[-1].answered = now
            self._enter(State.HEARING, now)
        elif self.state is State.HEARING:
            frames = -(-size // FRAME_BYTES)
            self.tally.heard_frames += frames
            self.tally.late_frames += frames if dry and not cleared else 0
        elif self.state is State.TALKING and (self.turns[-1].cleared or not self.turns[-1].interrupts):
            self.turns[-1].talked_over = True

    def clear(self, now: int) -> list[str]:
        """The server cleared the line. The marks to be echoed."""
        self._was_cleared = True
        if self.key.pressed and not self.key.cleared:
            self.key.cleared = now
            return self.playback.clear(now)
        turn = self.turns[-1] if self.turns else None
        if self.state is State.TALKING and turn is not None and turn.interrupts and not turn.cleared:
            turn.cleared = now
        elif self.state is not State.LEAVING:
            self.tally.needless_clears += 1
        return self.playback.clear(now)

    def _wants_to_talk(self, now: int) -> bool:
        if self.habits.key:
            return False
        if self.state is State.HEARING:
            return self._has_heard(now)
        if self.state is State.WAITING and now - self._since >= GIVE_UP and self._since:
            self.tally.unanswered += 1
            return True
        return False

    def _has_heard(self, now: int) -> bool:
        """Enough of what is played: all of it, or, for one who interrupts, so much. The greeting is heard out by those
        who talk."""
        afters = self.habits.interrupts_after
        if afters and (self.turns or self.habits.key):
            after = afters[(len(self.turns) + self.number) % len(afters)]
            if now - self._since >= after * MS:
                return True
        return now - self.playback.dry_at >= self.habits.pause_ms * MS

    def _begin(self, now: int) -> None:
        words = self.speech.utterances[(self.number + len(self.turns)) % len(self.speech.utterances)]
        interrupts = self.playback.playing(now)
        self.turns.append(Turn(self._frames, words.first_sound, words.last_sound, interrupts))
        self._saying, self._at = words, 0
        self._enter(State.TALKING, now)

    def _enter(self, state: State, now: int) -> None:
        self.state, self._since = state, now

    def _count(self, now: int) -> None:
        if not self.window[0] <= now < self.window[1]:
            return
        if self.state is State.TALKING:
            self.tally.talking += 1
        elif self.playback.playing(now):
            self.tally.listening += 1
        else:
            self.tally.silent += 1


def sound_at(sent: int, samples: int) -> int:
    """When sample `samples` (from the start of a frame) of a frame that left at `sent` sounded: a frame leaves when its
    last sample has been heard."""
    return sent - (FRAME - samples % FRAME) * 1_000_000_000 // RATE
