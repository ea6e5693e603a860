"""A stage for the machine: its own time, a telephone that plays and echoes marks, a line that carries numbered audio.

Nothing here waits. Time goes from one thing to the next: what was put on the programme, and the machine's deadlines.
"""

import heapq
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from app.call import commands as c
from app.call import events as e
from app.call.machine import Call
from app.call.prices import Prices
from app.call.setup import (
    CallFacts,
    CallSetup,
    Caps,
    Keypad,
    KnownAnswers,
    Outbound,
    Phrase,
    Target,
    Timings,
    UplinkSettings,
    WithoutModel,
)

FRAME = 160
FRAME_MS = 20
SILENCE = b"\xff"
MS = FRAME // FRAME_MS  # bytes of one ms on the leg
FACTS = CallFacts("CA1", "+15550001", "+15550002", "anna", "ed1", "en-US", 1_700_000_000_000)


def tone(byte: int, ms: int) -> bytes:
    """Sound of one colour, so that what is played can be told by looking."""
    return bytes([byte]) * (ms * MS)


def line_audio(at_ms: int) -> bytes:
    """20 ms of the caller's line that say when they were spoken."""
    return struct.pack("<i", at_ms) * (FRAME_MS * 32 // 4)


def times_in(audio: bytes) -> list[int]:
    """When the frames in this audio were spoken (none for digital silence)."""
    return list(dict.fromkeys(memoryview(audio).cast("i")))


def setup(
    phrases: dict[str, Phrase] | None = None,
    timings: Timings | None = None,
    uplink: UplinkSettings | None = None,
    opening: str = "Facts.",
    greeting_prompt: str = "(Greet the caller.)",
    tongues: Mapping[str, Mapping[str, Phrase]] | None = None,
    known: KnownAnswers | None = None,
    effects: frozenset[str] = frozenset(),
    targets: Mapping[str, Target] | None = None,
    messages: bool = False,
    keypad: Keypad | None = None,
    without_model: WithoutModel | None = None,
    prices: Prices | None = None,
    caps: Caps | None = None,
    outbound: Outbound | None = None,
) -> CallSetup:
    return CallSetup(
        FACTS,
        phrases if phrases is not None else {"greeting": Phrase("greeting", "Hello.", tone(1, 500))},
        opening=opening,
        greeting_prompt=greeting_prompt,
        timings=timings or Timings(),
        uplink=uplink or UplinkSettings(),
        tongues=tongues or {},
        known=known or KnownAnswers(),
        effects=effects,
        targets=targets or {},
        messages=messages,
        keypad=keypad or Keypad(),
        without_model=without_model or WithoutModel(),
        prices=prices or Prices(),
        caps=caps or Caps(),
        outbound=outbound or Outbound(),
    )


@dataclass
class Telephone:
    """Plays what it is sent at 8,000 bytes a second; at a clear it echoes every mark it drops."""

    heard: bytearray = field(default_factory=bytearray)
    _queue: list[tuple[int, bytes]] = field(default_factory=list)  # when each piece begins to sound
    _marks: list[tuple[int, str]] = field(default_factory=list)
    _free_at: int = 0

    def play(self, audio: bytes, now: int) -> None:
        begin = max(self._free_at, now)
        self._queue.append((begin, audio))
        self._free_at = begin + len(audio) // MS

    def mark(self, name: str, now: int) -> int:
        at = max(self._free_at, now)
        self._marks.append((at, name))
        return at

    def listen(self, now: int) -> None:
        """Move what has sounded by now to `heard`."""
        waiting = []
        for begin, audio in self._queue:
            played = min(max(0, now - begin) * MS, len(audio))
            self.heard += audio[:played]
            if played < len(audio):
                waiting.append((begin + played // MS, audio[played:]))
        self._queue = waiting
        self._marks = [mark for mark in self._marks if mark[0] > now]

    def clear(self, now: int) -> list[str]:
        self.listen(now)
        dropped = [name for _, name in self._marks]
        self._queue, self._marks, self._free_at = [], [], now
        return dropped


@dataclass(frozen=True, slots=True)
class Done:
    at: int
    command: c.Command


class Stage:
    """Runs one call. `attach`: sessions come by themselves, `opens_in` ms after they were asked for, and know that they
    end after `life` ms; `line`: it carries audio; `echo`: so do marks."""

    def __init__(
        self,
        call: Call,
        attach: bool = True,
        line: bool = True,
        echo: bool = True,
        opens_in: int = 0,
        life: int | None = None,
    ) -> None:
        self.call = call
        self.now = 0
        self.done: list[Done] = []
        self.telephone = Telephone()
        self.log: list[tuple[int, e.Event, list[c.Command]]] = []
        self.leg = 0
        self._attach = attach
        self._opens_in = opens_in
        self._life = life
        self._echo = echo
        self._line = line
        self._order = count()
        self._programme: list[tuple[int, int, Callable[[], object]]] = []

    # --- the programme --------------------------------------------------------------------------------------------

    def at(self, when: int, what: Callable[[], object]) -> None:
        heapq.heappush(self._programme, (when, next(self._order), what))

    def tell_at(self, when: int, event: e.Event) -> None:
        self.at(when, lambda: self.tell(event))

    def run(self, until: int) -> None:
        """Let everything happen that is due before or at `until`."""
        while (due := self._next()) is not None and due <= until:
            self.now = max(self.now, due)
            deadline = self.call.next_deadline()
            if deadline is not None and deadline <= self.now:
                self.tell(e.TimePassed())
                still = self.call.next_deadline()
                assert still is None or still > self.now, "a deadline that has come must not come again"
            else:
                heapq.heappop(self._programme)[2]()
        self.now = max(self.now, until)

    def _next(self) -> int | None:
        dues = [
            at
            for at in (self.call.next_deadline(), self._programme[0][0] if self._programme else None)
            if at is not None
        ]
        return min(dues, default=None)

    # --- both ends ------------------------------------------------------------------------------------------------

    def attach_leg(self) -> None:
        self.leg += 1
        self.telephone = Telephone(heard=self.telephone.heard)
        self.tell(e.LegAttached(self.leg))
        if self._line:
            self._carry_line(self.leg)

    def _carry_line(self, leg: int) -> None:
        if leg == self.leg:
            self.tell(e.CallerAudio(leg, line_audio(self.now), FRAME_MS))
            self.at(self.now + FRAME_MS, lambda: self._carry_line(leg))

    def tell(self, event: e.Event) -> list[c.Command]:
        commands = self.call.handle(event, self.now)
        self.log.append((self.now, event, commands))
        for command in commands:
            self.done.append(Done(self.now, command))
            self._carry_out(command)
        return commands

    def _carry_out(self, command: c.Command) -> None:
        match command:
            case c.PlayFrames(_, audio):
                self.telephone.play(audio, self.now)
            case c.SendMark(leg, name):
                at = self.telephone.mark(name, self.now)
                if self._echo:
                    self.at(at, lambda: self._reach_mark(leg, name))
            case c.ClearPlayback(leg):
                for name in self.telephone.clear(self.now):
                    self.tell_at(self.now, e.MarkEchoed(leg, name))
            case c.AttachSession(session) | c.AttachListener(session) if self._attach:
                opened = self.now + self._opens_in
                self.tell_at(opened, e.SessionAttached(session, ends_ms=self.ends_ms(opened)))
            case c.LendSession(session) if self._attach:
                opened = self.now + self._opens_in
                self.tell_at(opened, e.SessionLent(session, self.ends_ms(opened)))
            case _:
                pass

    def ends_ms(self, opened_at: int) -> int | None:
        """Of a session that opened then."""
        return None if self._life is None else opened_at + self._life

    def _reach_mark(self, leg: int, name: str) -> None:
        self.telephone.listen(self.now)
        if leg == self.leg:
            self.tell(e.MarkEchoed(leg, name))

    # --- what was done --------------------------------------------------------------------------------------------

    def commands(self, kind: type[c.Command] | None = None) -> list[c.Command]:
        return [done.command for done in self.done if kind is None or type(done.command) is kind]
