"""What waits to be played, what is in flight, what was heard.

The voice of a call is a queue of **pieces**: a phrase, or one audio content (a sentence or two) of the model. A piece
is played from its first byte to its last, and the next one begins. Three counters run through it::

      0 ........ heard ........ sent ........ arrived
                 |  in flight   |   waiting   |

*Sent* runs ahead of the ear by the **lead** (200 ms), topped up in **groups** (100 ms) and measured on our own clock
from the first frame of a run, so that the telephone always holds about a lead of sound however far away it is.
*Heard* is another clock, set right by the telephone: a **mark** goes out behind every piece and every second of a long
one, and its echo says that all before it was played. Between echoes, heard = the last mark echoed + the time since,
never more than was sent.

A **hold** (a clear) empties the telephone: what was in flight waits again, from the first frame not heard. The
telephone then echoes every mark it drops, which proves nothing; so each clear begins a new **epoch**, the epoch is in
the name of every mark, and only the present epoch's marks are believed.

All lengths are bytes of the leg's format, whole frames once a piece has ended (its tail is padded with silence).
Audio that arrived is heard, dropped or still here: `arrived == heard + dropped + unheard`, at any time.
"""

from collections import deque
from dataclasses import dataclass

from app.call.commands import Command, PlayFrames, SendMark
from app.call.setup import Timings

MARK_EVERY_MS = 1_000


@dataclass(slots=True)
class Piece:
    key: str
    audio: bytes | bytearray
    interruptible: bool = True
    reply: bool = False  # the model's, not a phrase
    answers: bool = False  # it answers the caller: the model's, or a phrase that does
    ended: bool = False  # no more audio will come
    broken: bool = False  # ... though there should have been more
    closed: bool = False  # its last mark was sent
    start: int = 0  # of byte 0, in the epoch's count of sent bytes
    sent: int = 0
    heard: int = 0
    marked: int = 0  # where its last mark stands


@dataclass(frozen=True, slots=True)
class Mark:
    name: str
    position: int
    sent_ms: int


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of a piece was heard, in ms; `whole` when it was all there was, `complete` when that was all of it."""

    key: str
    heard_ms: int
    arrived_ms: int
    ended: bool
    broken: bool = False

    @property
    def complete(self) -> bool:
        return self.ended and not self.broken

    @property
    def whole(self) -> bool:
        return self.ended and self.heard_ms >= self.arrived_ms


@dataclass(slots=True)
class Clock:
    """A position that moves with time: `position` bytes at `at_ms`."""

    position: int = 0
    at_ms: int = 0


class Playout:
    def __init__(self, frame_bytes: int, silence: bytes, timings: Timings) -> None:
        self._frame = frame_bytes
        self._silence = silence
        self._timings = timings
        self._pieces: deque[Piece] = deque()
        self._marks: deque[Mark] = deque()  # in the order sent
        self._pace = Clock()
        self._ear = Clock()
        self._sent = 0
        self._last: Piece | None = None  # the piece the last frame came from
        self._marks_named = 0
        self._held = False
        self.late = 0  # frames the last `pump` sent in mid-piece to a telephone that had run dry
        self.answer_left = False  # the last `pump` sent frames that answer the caller
        self.leg: int | None = None
        self.epoch = 0
        self.arrived = 0
        self.heard = 0
        self.dropped = 0

    # --- what is here ---------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing is in flight, no piece is open."""
        return not self._pieces

    @property
    def held(self) -> bool:
        return self._held

    @property
    def interruptible(self) -> bool:
        """May the caller take the floor from what is being played?"""
        return not self._pieces or self._pieces[0].interruptible

    @property
    def has_reply(self) -> bool:
        return any(piece.reply for piece in self._pieces)

    @property
    def reply_unheard(self) -> bool:
        return any(piece.reply and piece.heard < len(piece.audio) for piece in self._pieces)

    @property
    def unheard(self) -> int:
        return sum(len(piece.audio) - piece.heard for piece in self._pieces)

    @property
    def in_flight(self) -> int:
        return sum(piece.sent - piece.heard for piece in self._pieces)

    @property
    def waiting(self) -> int:
        """Whole frames not sent yet, in bytes."""
        return sum(self._unsent(piece) for piece in self._pieces)

    def silent(self, now: int) -> bool:
        """As far as we can tell the caller hears nothing of us, and nothing waits to be sent."""
        return self._ear_position(now) >= self._sent and not self.waiting

    def silent_from(self) -> int:
        """When the caller has heard, or will have heard, all that is here."""
        return self._dry_at() + self._ms(self.waiting)

    def left_ms(self, now: int) -> int:
        """How long what is here will still sound."""
        return self._ms(self._sent - self._ear_position(now) + self.waiting)

    def report(self, now: int) -> list[Heard]:
        """What of each piece still here was heard, by estimate."""
        position = self._ear_position(now)
        return [self._heard_of(piece, self._reach(piece, position)) for piece in self._pieces]

    # --- what comes in --------------------------------------------------------------------------------------------

    def say(self, key: str, audio: bytes, interruptible: bool, first: bool = False, answers: bool = False) -> None:
        """A whole phrase: after all that is here, or before it (only while the telephone holds nothing of ours)."""
        if not first:
            self.end_all()
        piece = Piece(key, self._padded(audio), interruptible, answers=answers, ended=True)
        self.arrived += len(piece.audio)
        if first:
            self._pieces.appendleft(piece)
        else:
            self._pieces.append(piece)

    def append(self, key: str, audio: bytes) -> None:
        """Speech of the model, in any size."""
        piece = self._open_piece(key)
        assert isinstance(piece.audio, bytearray)
        piece.audio += audio
        self.arrived += len(audio)

    def end(self, key: str) -> None:
        """The content has ended: pad it to a whole frame. Unknown keys (no audio ever came) are fine."""
        for piece in self._pieces:
            if piece.key == key:
                self._end(piece)

    def end_all(self) -> None:
        """Whatever was still open will get no more audio."""
        for piece in self._pieces:
            piece.broken |= not piece.ended
            self._end(piece)

    # --- what goes out --------------------------------------------------------------------------------------------

    def pump(self, now: int) -> list[Command]:
        """Frames and marks that are due now."""
        self.answer_left, self.late = False, 0
        if self._held or self.leg is None or not self._pieces:
            return []
        room = self._room(now)
        commands: list[Command] = []
        for piece in self._pieces:
            room -= self._send(piece, room, now, commands)
            if piece.sent < len(piece.audio) or not piece.ended:
                break  # the next one waits until this one has left whole
        return commands

    def deadline(self, now: int) -> int | None:
        """When `pump` or `lapse` has something to do, or an open piece runs dry."""
        if self._held or self.leg is None or not self._pieces:
            return None
        if self.waiting:
            full = self._sent - self._bytes(self._timings.lead - self._timings.group)
            return self._pace.at_ms + self._ms_up(full - self._pace.position)
        dry = self._dry_at()
        if not self._pieces[-1].ended and now < dry:
            return dry
        return self._overdue_at()

    def echoed(self, name: str, now: int) -> list[Heard]:
        """The telephone reached a mark: the pieces that were heard to their end. Marks of another epoch say nothing."""
        if not any(mark.name == name for mark in self._marks):
            return []
        mark = self._marks.popleft()
        while mark.name != name:
            mark = self._marks.popleft()
        self._ear = Clock(mark.position, now)
        return self._settle(mark.position)

    def lapse(self, now: int) -> list[Heard]:
        """Marks that should long have been echoed count as heard: a telephone that loses marks must not stop us."""
        if self._held or self.leg is None or self.waiting:
            return []
        due = self._overdue_at()
        return self.echoed(self._marks[-1].name, now) if due is not None and now >= due else []

    # --- the caller speaks ----------------------------------------------------------------------------------------

    def hold(self, now: int) -> list[Heard]:
        """Take back all that was not heard, from its first whole frame, and send no more until `resume`."""
        if self._held:
            return []
        done = self._settle(self._ear_position(now))
        for piece in self._pieces:
            piece.sent = piece.marked = piece.heard
            piece.closed = False
        self._new_epoch(now)
        self._held = True
        return done

    def resume(self) -> None:
        self._held = False

    def drop(self, now: int) -> tuple[int, list[Heard]]:
        """Cut: all that was not heard is gone. Its length in ms, and what was heard of every piece."""
        done = self.hold(now)
        gone = self.unheard
        done += [self._heard_of(piece, piece.heard) for piece in self._pieces]
        self._pieces.clear()
        self.dropped += gone
        self._held = False
        return self._ms(gone), done

    def drop_waiting(self) -> int:
        """Drop what the telephone has nothing of yet, and keep what is being played. Its length in ms."""
        gone = 0
        while self._pieces and self._pieces[-1].sent == 0:
            gone += len(self._pieces.pop().audio)
        self.dropped += gone
        return self._ms(gone)

    def move(self, leg: int | None, now: int) -> list[Heard]:
        """Another telephone socket, or none: what was not heard is kept for it."""
        done = self.hold(now)
        self._held = leg is None
        self.leg = leg
        return done

    # --- inside ---------------------------------------------------------------------------------------------------

    def _open_piece(self, key: str) -> Piece:
        for piece in self._pieces:
            if piece.key == key and not piece.ended:
                return piece
        self.end_all()  # only the last piece is ever open: an open one would keep those behind it waiting
        piece = Piece(key, bytearray(), reply=True, answers=True)
        self._pieces.append(piece)
        return piece

    def _end(self, piece: Piece) -> None:
        if piece.ended:
            return
        piece.ended = True
        before = len(piece.audio)
        piece.audio = self._padded(piece.audio)
        self.arrived += len(piece.audio) - before

    def _padded(self, audio: bytes | bytearray) -> bytes | bytearray:
        odd = len(audio) % self._frame
        return audio + self._silence * (self._frame - odd) if odd else audio

    def _send(self, piece: Piece, room: int, now: int, commands: list[Command]) -> int:
        """Send what fits of one piece, and the marks that fall due. How many bytes went."""
        assert self.leg is not None
        size = min(room, self._unsent(piece))
        if size > 0:
            if self._ear_position(now) >= self._sent:
                if self._last is piece and now > self._dry_at():
                    self.late += size // self._frame
                self._ear = Clock(self._sent, now)  # the telephone was dry: it starts to play now
            if self._last is not piece:
                piece.start = self._sent - piece.sent
                self._last = piece
            commands.append(PlayFrames(self.leg, bytes(piece.audio[piece.sent : piece.sent + size])))
            piece.sent += size
            self._sent += size
            self.answer_left |= piece.answers
        if piece.ended and not piece.closed and piece.sent == len(piece.audio):
            piece.closed = True
            commands.append(self._mark(piece, now))
        elif piece.sent - piece.marked >= self._bytes(MARK_EVERY_MS):
            commands.append(self._mark(piece, now))
        return max(size, 0)

    def _mark(self, piece: Piece, now: int) -> SendMark:
        assert self.leg is not None
        self._marks_named += 1
        piece.marked = piece.sent
        name = f"{self.epoch}.{self._marks_named}"
        self._marks.append(Mark(name, self._sent, now))
        return SendMark(self.leg, name)

    def _room(self, now: int) -> int:
        """How many bytes may go now: none until a whole group fits under the lead, all of the lead on a dry line."""
        ahead = self._sent - self._pace.position - self._bytes(now - self._pace.at_ms)
        if ahead <= 0:
            self._pace = Clock(self._sent, now)
            ahead = 0
        room = self._bytes(self._timings.lead) - ahead
        return room - room % self._frame if room >= self._bytes(self._timings.group) else 0

    def _settle(self, position: int) -> list[Heard]:
        """All up to `position` was heard. The pieces that are over leave; they are reported."""
        for piece in self._pieces:
            reach = self._reach(piece, position)
            self.heard += reach - piece.heard
            piece.heard = reach
        done: list[Heard] = []
        while self._pieces and self._over(self._pieces[0]):
            piece = self._pieces.popleft()
            done.append(self._heard_of(piece, piece.heard))
        return done

    def _over(self, piece: Piece) -> bool:
        return piece.ended and piece.heard == len(piece.audio)

    def _reach(self, piece: Piece, position: int) -> int:
        """How far into the piece the ear is, in whole frames."""
        if piece.sent == piece.heard:
            return piece.heard
        reach = min(max(position - piece.start, piece.heard), piece.sent)
        return reach - reach % self._frame if reach < piece.sent else reach

    def _unsent(self, piece: Piece) -> int:
        left = len(piece.audio) - piece.sent
        return left - left % self._frame

    def _ear_position(self, now: int) -> int:
        return min(self._sent, self._ear.position + self._bytes(max(0, now - self._ear.at_ms)))

    def _dry_at(self) -> int:
        """When the ear will have reached all that was sent."""
        return self._ear.at_ms + self._ms_up(self._sent - self._ear.position)

    def _overdue_at(self) -> int | None:
        """When the last mark's echo should long have come."""
        if not self._marks:
            return None
        return max(self._dry_at(), self._marks[-1].sent_ms) + self._timings.mark_echo_grace

    def _heard_of(self, piece: Piece, heard: int) -> Heard:
        return Heard(piece.key, self._ms(heard), self._ms(len(piece.audio)), piece.ended, piece.broken)

    def _new_epoch(self, now: int) -> None:
        self.epoch += 1
        self._marks.clear()
        self._sent = 0
        self._last = None
        self._pace = Clock(0, now)
        self._ear = Clock(0, now)

    def _bytes(self, ms: int) -> int:
        return ms * self._frame // self._timings.frame

    def _ms(self, size: int) -> int:
        return size * self._timings.frame // self._frame

    def _ms_up(self, size: int) -> int:
        return -(-size * self._timings.frame // self._frame)
