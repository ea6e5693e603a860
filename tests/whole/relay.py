"""Calls that outlive many sessions: a real pool, the real SDK and a local Nova Sonic whose sessions last six seconds.

Every 20 ms of a caller's line are different from all others, so what a session of the model heard can be laid beside
what was sent, frame by frame. `Relay.check` does that for one call, and says what it found.

What must hold is counted in frames and bytes, so that no busy machine can break it: which frames a session heard, how
many of the line had not been sent on when a swap was done, whether our own words stand in the telephone's track as they
came from the model. What depends on the machine as well (ms until a frame is at the model, breaks in our words) is
measured beside the same of the time without renewals, and shown.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.audio.g711 import encode
from app.audio.transcoder import Transcoder
from app.bridge.pace import AnswerPace
from app.bridge.session import CallLife, NoEars, Outside
from app.bridge.ticker import Ticker
from app.call import commands as c
from app.call import events as e
from app.call.history import MOST_LINES, Line
from app.call.machine import Call
from app.call.setup import CallFacts, CallSetup, Phrase, Timings
from app.engines.engine import SessionSpec
from app.legs.leg import MULAW_8K, AudioFormat, LegReport, LineAudio
from app.metrics.meters import Meters
from app.pool.pool import Pool
from app.simulator.prepared_audio import babble
from app.simulator.sonic.journal import SessionRecord
from app.tools.host import ToolHost

FRAME_S = 0.02
PCM = 640  # of one frame at 16 kHz
PATIENCE_S = 12.0
LONG = MOST_LINES - 3  # lines of a history that is trimmed
SOON_S = 2.0  # behind a renewal
SOON = round(SOON_S * 8_000)  # in bytes of ours
HELD_BACK_MS = 20  # of the caller's line, at the most, when an orderly swap is done
HISS = 24  # of the line, so that no two frames are alike


@dataclass(slots=True)
class Turn:
    first: int  # frames of the caller's line
    after: int
    answered_ns: int = 0  # its answer began to arrive


class NumberedLine:
    """A telephone: it sends a frame every 20 ms, plays what it gets, and echoes marks when they were reached. Its
    caller speaks, waits for the answer, and speaks again a little later."""

    format: AudioFormat = MULAW_8K
    ordinal = 1

    def __init__(self, seed: int) -> None:
        self.turns: list[Turn] = []
        self.frames = 0
        self.sent_ns: list[int] = []
        self.over = False
        self.breaks: list[tuple[int, float]] = []  # within our own words: ns, ms
        self.played = bytearray()
        self.clears: list[int] = []  # where in what was played
        self._chance = random.Random(seed)
        self._noise = np.random.default_rng(seed)
        self._playing_until = 0.0
        self._epoch = 0
        self._speaking = False
        self._marks: list[tuple[float, str]] = []

    # --- what the caller does -------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[LegReport]:
        loop = asyncio.get_running_loop()
        yield e.LegAttached(self.ordinal)
        mouth: list[np.ndarray] = []
        due, speaks_at = loop.time(), 80
        while not self.over:
            for _, name in [mark for mark in self._marks if mark[0] <= loop.time()]:
                yield e.MarkEchoed(self.ordinal, name)
            self._marks = [mark for mark in self._marks if mark[0] > loop.time()]
            waiting = self.turns and not self.turns[-1].answered_ns and self._patient()
            if not mouth and self.frames >= speaks_at and not waiting and loop.time() > self._playing_until + 0.5:
                mouth = self._words()
                self.turns.append(Turn(self.frames, self.frames + len(mouth)))
                speaks_at = self.frames + len(mouth) + self._chance.randrange(40, 120)
            spoken = mouth.pop(0) if mouth else np.zeros(160)
            frame = encode((spoken + self._noise.integers(-HISS, HISS, 160)).astype("<i2").tobytes())
            self.frames += 1
            self.sent_ns.append(_now_ns())
            yield LineAudio(self.ordinal, frame)
            due = max(due + FRAME_S, loop.time() - 0.2)
            await asyncio.sleep(max(0.0, due - loop.time()))
        yield e.LegEnded(self.ordinal, e.LegEnd.STOPPED)

    def _patient(self) -> bool:
        return self.frames - self.turns[-1].after < PATIENCE_S / FRAME_S

    def _words(self) -> list[np.ndarray]:
        length = self._chance.choice((0.6, 0.8, 1.2, 2.0))
        sound = np.frombuffer(babble(length, 8_000), "<i2").astype(float) * 0.8
        return list(sound[: len(sound) // 160 * 160].reshape(-1, 160))

    # --- what the telephone does ----------------------------------------------------------------------------------

    def send_frames(self, audio: bytes) -> None:
        now = asyncio.get_running_loop().time()
        if self._speaking and now > self._playing_until:
            self.breaks.append((_now_ns(), (now - self._playing_until) * 1000))
        self._playing_until = max(now, self._playing_until) + len(audio) / 8_000
        self._speaking = True
        self.played += audio

    def send_mark(self, name: str) -> None:
        self._marks.append((self._playing_until, name))
        self._speaking = False  # the end of a sentence, or a second of it: the next one may follow later

    def clear(self) -> None:
        now = asyncio.get_running_loop().time()
        self._marks = [(now, name) for _, name in self._marks]
        self._playing_until, self._speaking = now, False
        self.clears.append(len(self.played))

    def hang_up(self) -> None:
        self.over = True


@dataclass(slots=True)
class Swap:
    """A working session followed by the next one."""

    ns: int
    quiet: bool
    held_back_ms: int  # of the caller's line: not yet sent on when it was done
    content: str = ""  # of the model's, being heard then
    played: int = 0  # bytes of ours until then


@dataclass(slots=True)
class Findings:
    """What laying one call beside the model's log came to."""

    turns: int = 0
    renewals: int = 0  # a working session followed by the next one
    forced: int = 0
    recoveries: int = 0
    faults: list[str] = field(default_factory=list)
    ended: str = ""
    orderly_late_ms: list[float] = field(default_factory=list)  # frames of the second behind an orderly renewal
    usual_late_ms: list[float] = field(default_factory=list)
    held_back_ms: list[int] = field(default_factory=list)  # when an orderly swap was done
    breaks_ms: list[float] = field(default_factory=list)  # in our own words, soon after a renewal
    usual_breaks_ms: list[float] = field(default_factory=list)  # ... and at any other time
    spoken_over: int = 0  # renewals while our words were heard
    soon_s: float = 0.0  # how long it was soon after a renewal
    lasted_s: float = 0.0


class Relay:
    """One call, and all that happened to it."""

    def __init__(self, number: int, spec: SessionSpec, pool: Pool, ticker: Ticker, now_ms: Callable[[], int]) -> None:
        self.name = f"caller number {number} of the relay"
        facts = CallFacts(f"CA{number}", "+1", "+2", "desk", "edition", "en-US", 0)
        greeting = Phrase("greeting", "Hello.", bytes(range(1, 161)) * 25)
        timings = Timings(session_life=6_000, deaf_quiet=1_200, silence_prompt=900_000)
        setup = CallSetup(facts, {"greeting": greeting}, opening=f"({self.name})", timings=timings)
        self.line = NumberedLine(number)
        self.pcm = bytearray()  # of the line, as the call heard it
        self.serving: int | None = None
        self.begun: list[tuple[int, Sequence[Line]]] = []  # when (ns), and what the session was told
        self.swaps: list[Swap] = []
        self.replies: dict[str, bytearray] = {}  # by content: what came of it
        self.recoveries = 0
        self.life = CallLife(
            setup,
            {"en-US": spec},
            NoEars(),
            pool,
            ToolHost({}),
            _Nobody(),
            ticker,
            Meters(),
            _Nobody(),
            now_ms,
            AnswerPace(2_500),
            Call(setup),
            self._watch,
        )

    def _watch(self, at_ms: int, event: e.Event, commands: list[c.Command]) -> None:
        if isinstance(event, e.CallerAudio):
            self.pcm += event.audio
        if isinstance(event, e.ReplyAudio) and event.session == self.serving:
            self.replies.setdefault(event.content, bytearray()).extend(event.audio)
            if self.line.turns and self.line.frames >= self.line.turns[-1].after:
                self.line.turns[-1].answered_ns = self.line.turns[-1].answered_ns or _now_ns()
        for command in commands:
            if isinstance(command, c.AttachSession | c.BeginSession):
                self.serving = command.session
                self.begun.append((_now_ns(), command.history))
            if isinstance(command, c.CloseSession) and command.session == self.serving:
                self.serving = None
            if isinstance(command, c.Note) and command.what == "session renewed":
                self._note_swap(command.detail, commands)
            self.recoveries += isinstance(command, c.Note) and command.what == "session failed"

    def _note_swap(self, how: str, commands: list[c.Command]) -> None:
        sent = [command.audio for command in commands if isinstance(command, c.SendToEngine)]
        at = self.pcm.rfind(sent[-1][-PCM:]) if sent else -PCM
        swap = Swap(_now_ns(), how == "in quiet", (len(self.pcm) - at - PCM) // 32)
        if how == "bot" and self.replies:
            swap.content, swap.played = next(reversed(self.replies)), len(self.line.played)
        self.swaps.append(swap)

    async def live(self, seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.life.run())
            served = group.create_task(self.life.serve(self.line, Transcoder("mulaw", 8_000, 16_000, 8_000)))
            await asyncio.wait({served}, timeout=seconds)
            self.line.over = True

    # --- what came of it ------------------------------------------------------------------------------------------

    def check(self, sessions: list[SessionRecord]) -> Findings:
        """`sessions`: all of the model's. Every fault found is a line of its own."""
        found = Findings(len(self.line.turns), len(self.swaps), recoveries=self.recoveries)
        found.forced = sum(not swap.quiet for swap in self.swaps)
        found.ended = self.life.disposition or ""
        number = {bytes(self.pcm[at : at + PCM]): at // PCM for at in range(0, len(self.pcm) - PCM + 1, PCM)}
        mine = [s for s in sessions if s.brief and s.brief.history and self.name in s.brief.history[0][1]]
        mine.sort(key=lambda session: session.positions[1] if session.positions else session.opened_ns)
        heard = [_frames(session, number, found.faults) for session in mine]
        for place, frames in enumerate(heard):
            if frames != sorted(set(frames)):
                found.faults.append(f"session {place + 1}: frames twice or out of order")
        for turn in self.line.turns[:-1]:
            self._check_turn(turn, mine, heard, found)
        for session in mine:
            self._check_history(session, found)
        for swap in self.swaps:
            self._check_swap(swap, found)
        self._measure(mine, heard, found)
        self._measure_breaks(found)
        return found

    def _check_turn(self, turn: Turn, mine: list[SessionRecord], heard: list[list[int]], found: Findings) -> None:
        spoken = set(range(turn.first, turn.after))
        who = [place for place, frames in enumerate(heard) if spoken & set(frames)]
        late = [place for place in who if mine[place].positions[1] > turn.answered_ns]
        if turn.answered_ns and late:
            found.faults.append(f"turn at frame {turn.first} was answered, and sent again to session {late[0] + 1}")
        if not turn.answered_ns:
            found.faults.append(f"turn at frame {turn.first} was never answered")
        elif not who:
            found.faults.append(f"turn at frame {turn.first} reached nobody")
        elif not spoken <= set(heard[who[-1]]):
            missing = len(spoken - set(heard[who[-1]]))
            found.faults.append(f"turn at frame {turn.first}: {missing} frames did not reach the last to hear of it")

    def _check_history(self, session: SessionRecord, found: Findings) -> None:
        """It was told what the call knew, and the call knew every turn that had been answered by then."""
        assert session.brief is not None
        told = [(role, text) for role, text in session.brief.history]
        begun = [(ns, lines) for ns, lines in self.begun if _same(told, [(x.role.upper(), x.text) for x in lines])]
        if not begun:
            found.faults.append(f"session {session.number} was told something else than the call knew")
            return
        ns, lines = begun[0]
        turns = sum(0 < turn.answered_ns < ns for turn in self.line.turns)
        known = sum(line.text.count("utterance") for line in lines if line.role == "user")
        if known < turns and len(lines) < LONG:
            found.faults.append(f"session {session.number} was told {known} of {turns} turns")

    def _check_swap(self, swap: Swap, found: Findings) -> None:
        if swap.quiet:
            found.held_back_ms.append(swap.held_back_ms)
            if swap.held_back_ms > HELD_BACK_MS:
                found.faults.append(f"an orderly renewal held {swap.held_back_ms} ms of the caller back")
        if swap.content and swap.ns + SOON_S * 1e9 < self.line.sent_ns[-1]:  # the call did not end meanwhile
            said = bytes(self.replies[swap.content])
            at = self.line.played.find(said, max(0, swap.played - len(said)), swap.played + 2 * len(said) + SOON)
            if at >= 0:
                found.spoken_over += 1
            elif not any(swap.played - len(said) <= cleared <= swap.played + SOON for cleared in self.line.clears):
                found.faults.append(f"what we said during a renewal ({len(said) // 8} ms) was not played in one piece")

    def _measure(self, mine: list[SessionRecord], heard: list[list[int]], found: Findings) -> None:
        """How late each frame was at the model: soon after an orderly renewal, and else."""
        orderly = [swap.ns for swap in self.swaps if swap.quiet]
        for session, frames in zip(mine, heard, strict=True):
            arrivals = session.audio_arrivals()
            if not arrivals:
                continue
            began = arrivals[0][1]
            renewed = max((ns for ns in orderly if ns <= began and began - ns < 1e9), default=None)
            at = 0
            for place, frame in enumerate(frames):
                while at < len(arrivals) and arrivals[at][0] < (place + 1) * PCM:
                    at += 1
                if at == len(arrivals) or frame >= len(self.line.sent_ns):
                    break
                sent, late_ms = self.line.sent_ns[frame], (arrivals[at][1] - self.line.sent_ns[frame]) / 1e6
                if renewed is not None and renewed <= sent < renewed + 1e9:
                    found.orderly_late_ms.append(late_ms)
                elif sent > began + 1e9:  # what waited for a session is no measure
                    found.usual_late_ms.append(late_ms)

    def _measure_breaks(self, found: Findings) -> None:
        for at, ms in self.line.breaks:
            soon = any(0 <= at - swap.ns < SOON_S * 1e9 for swap in self.swaps)
            (found.breaks_ms if soon else found.usual_breaks_ms).append(ms)
        found.lasted_s = self.line.frames * FRAME_S
        found.soon_s = min(found.lasted_s, SOON_S * len(self.swaps))


def _same(told: list[tuple[str, str]], known: list[tuple[str, str]]) -> bool:
    """Of a long history the engine may leave out a line more of the oldest."""
    return told == known or (len(told) >= LONG and known[-LONG + 2 :] == told[-LONG + 2 :])


def _frames(session: SessionRecord, number: dict[bytes, int], faults: list[str]) -> list[int]:
    """The numbers of the frames that a session heard; silence of the engine's own has none."""
    found = []
    for at in range(0, len(session.audio) - PCM + 1, PCM):
        frame = bytes(session.audio[at : at + PCM])
        if frame in number:
            found.append(number[frame])
        elif any(frame):
            faults.append(f"session {session.number}: a frame that was never sent")
    return found


def _now_ns() -> int:
    return round(asyncio.get_running_loop().time() * 1e9)


class _Nobody(Outside):
    def keep(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None: ...

    def hand_over(self, call_sid: str, snapshot: dict[str, Any], longest_ms: int) -> None: ...

    def ring(self, facts: CallFacts, command: c.RingPerson) -> None: ...

    def stop(self, attempt: str) -> None: ...

    def leave_word(self, facts: CallFacts, command: c.LeaveWord) -> None: ...
