"""Between the machine and the world: one door (`step`) and one pair of hands (`carry_out`).

Both are plain functions that never await. asyncio runs one callback at a time, so an event is decided and carried out
before the next one is looked at; a single await between two commands would let another step overtake (play, clear,
play). What takes time is started as a task of the call and comes back as an event.

No decision about the call is made here: an `if` about its state belongs in `app.call`.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol

from app.audio.transcoder import Transcoder
from app.audio.vad import SpeechBegan
from app.bridge.vault import Vault
from app.call import commands as c
from app.call import events as e
from app.call.machine import Call
from app.engines.engine import EngineError, Session
from app.legs.leg import Leg, LegReport, LineAudio, LineMeasured

type Watch = Callable[[int, e.Event, list[c.Command]], None]
type Opener = Callable[[str], Awaitable[Session]]  # of a language
type Wanted = c.AttachSession | c.AttachListener | c.LendSession


class House(Protocol):
    """What one call may ask of the rest of the process. None of it waits."""

    def make_out(self, heard: e.UserText) -> e.UserText:
        """With what the house makes of the words: the known answer, and the language they seem to be in."""
        ...

    def expect_session(self, language: str) -> None: ...

    def lend_session(self, language: str) -> Session | None: ...

    async def open_session(self, language: str) -> Session:
        """Raises `EngineError`."""
        ...

    async def open_listener(self, language: str) -> Session:
        """Raises `EngineError`."""
        ...

    def close_session(self, session: Session) -> None: ...

    async def run_tool(self, run: str, name: str, arguments: str) -> e.ToolAnswered: ...

    def ring_person(self, command: c.RingPerson) -> None: ...

    def stop_ringing(self, attempt: str) -> None: ...

    def leave_word(self, command: c.LeaveWord) -> None: ...

    def guard_recording(self, on: bool) -> None:
        """Pause what the carrier records; answered by `CallerGuarded`."""
        ...

    def keep_snapshot(self, snapshot: dict[str, Any]) -> None: ...

    def hand_over(self, snapshot: dict[str, Any]) -> None:
        """Keep it, and when that is done leave the call: `Bridge.let_go`."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> Callable[[], object]:
        """Run as a task of this call; what comes back cancels it."""
        ...

    def measured(self, command: c.Measure) -> None: ...

    def used(self, usage: e.UsageReported) -> None: ...

    def line_measured(self, line: LineMeasured) -> None: ...

    def session_failed(self, failed: e.SessionFailed) -> None: ...

    def ended(self, disposition: str) -> None: ...


@dataclass(slots=True)
class Line:
    """The leg in use and the filters between its format and the engine's."""

    leg: Leg
    transcoder: Transcoder


class Bridge:
    """One call's. `due_ms` is when `tick` wants to be called."""

    def __init__(self, call: Call, house: House, now_ms: Callable[[], int], watch: Watch | None = None) -> None:
        self.call = call
        self.due_ms: int | None = None
        self.sessions: dict[int, Session] = {}
        self.vault = Vault()
        self._house = house
        self._now_ms = now_ms
        self._watch = watch
        self._line: Line | None = None
        self._waiting: deque[e.Event] = deque()
        self._stepping = False
        self._let_go = False
        self._cancel_tool: dict[str, Callable[[], object]] = {}

    # --- what comes in --------------------------------------------------------------------------------------------

    def attach_leg(self, leg: Leg, transcoder: Transcoder) -> None:
        self._line = Line(leg, transcoder)

    def hear_leg(self, report: LegReport) -> None:
        if isinstance(report, LineAudio):
            self._hear_caller(report)
        elif isinstance(report, LineMeasured):
            self._house.line_measured(report)
        elif isinstance(report, e.KeyPressed):
            self.step(replace(report, key=self.vault.take(report.key)))
        else:
            self.step(report)

    def hear_session(self, event: e.SessionEvent) -> None:
        if isinstance(event, e.ReplyAudio):
            if self._line is None:
                return
            event = replace(event, audio=self._line.transcoder.reply(event.audio))
        elif isinstance(event, e.ReplyStarted) and self._line is not None:
            self._line.transcoder.reset_reply()
        elif isinstance(event, e.UserText):
            event = self._house.make_out(event)
        elif isinstance(event, e.UsageReported):
            self._house.used(event)
        elif isinstance(event, e.SessionFailed):
            self._house.session_failed(event)
        self.step(event)

    def tick(self) -> None:
        self.step(e.TimePassed())

    def _hear_caller(self, report: LineAudio) -> None:
        line = self._line
        if line is None or line.leg.ordinal != report.leg:
            return
        # Before anything listens: a telephone may leave the tones of its keys in its sound.
        silence = line.leg.format.silence
        heard = line.transcoder.push(silence * len(report.audio) if self.vault.guarded else report.audio)
        edge = heard.edge
        if edge is not None:
            if isinstance(edge, SpeechBegan):
                self.step(e.CallerSpoke(report.leg, edge.ago_ms))
            else:
                self.step(e.CallerPaused(report.leg, edge.spoken_ms, edge.ago_ms))
        if heard.pcm:
            self.step(e.CallerAudio(report.leg, heard.pcm, heard.ms))

    def let_go(self) -> None:
        """The call is not ours any more: nothing that happens from now on is its news. Its leg and sessions close."""
        self._let_go, self.due_ms = True, None
        self._close_sessions()
        self.vault.empty()
        if self._line is not None:
            self._line.leg.hang_up()

    def step(self, event: e.Event) -> None:
        """Decide and do. An event raised while another is being carried out waits its turn."""
        if self._let_go:
            return
        self._waiting.append(event)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._waiting:
                self._step_one(self._waiting.popleft())
        finally:
            self._stepping = False
        self.due_ms = self.call.next_deadline()

    def _step_one(self, event: e.Event) -> None:
        now = self._now_ms()
        commands = self.call.handle(event, now)
        for command in commands:
            self.carry_out(command)
        if self._watch is not None:
            self._watch(now, event, commands)

    # --- what goes out --------------------------------------------------------------------------------------------

    def carry_out(self, command: c.Command) -> None:
        HANDS[type(command)](self, command)

    def _leg(self, ordinal: int) -> Leg | None:
        return self._line.leg if self._line is not None and self._line.leg.ordinal == ordinal else None

    def _play(self, command: c.PlayFrames) -> None:
        if self._line is not None and (leg := self._leg(command.leg)) is not None:
            leg.send_frames(command.audio)
            self._line.transcoder.played(command.audio)

    def _mark(self, command: c.SendMark) -> None:
        if (leg := self._leg(command.leg)) is not None:
            leg.send_mark(command.name)

    def _clear(self, command: c.ClearPlayback) -> None:
        if self._line is not None and (leg := self._leg(command.leg)) is not None:
            leg.clear()
            self._line.transcoder.cleared()

    def _hang_up(self, command: c.HangUp) -> None:
        if (leg := self._leg(command.leg)) is not None:
            leg.hang_up()

    def _attach(self, command: c.AttachSession) -> None:
        session = self._house.lend_session(command.language)
        if session is None:
            self._open(self._house.open_session, command, lambda session: self._begin(command, session, cold=True))
        else:
            self._begin(command, session, cold=False)

    def _expect(self, command: c.ExpectSession) -> None:
        self._house.expect_session(command.language)

    def _listen(self, command: c.AttachListener) -> None:
        attach = c.AttachSession(command.session, ())
        self._open(self._house.open_listener, command, lambda session: self._begin(attach, session, cold=True))

    def _begin(self, command: c.AttachSession, session: Session, cold: bool) -> None:
        session.begin(command.session, command.history)
        self._take_up(command.session, session)
        self.step(e.SessionAttached(command.session, cold, session.ends_ms))

    def _lend(self, command: c.LendSession) -> None:
        session = self._house.lend_session(command.language)
        if session is None:
            self._open(self._house.open_session, command, lambda session: self._lent(command.session, session))
        else:
            self._lent(command.session, session)

    def _open(self, opener: Opener, wanted: Wanted, opened: Callable[[Session], None]) -> None:
        self._house.spawn(self._until_open(opener, wanted, opened), f"open session {wanted.session}")

    async def _until_open(self, opener: Opener, wanted: Wanted, opened: Callable[[Session], None]) -> None:
        try:
            session = await opener(wanted.language)
        except EngineError as error:
            self.step(e.SessionFailed(wanted.session, error.failure, error.detail))
        else:
            opened(session)

    def _lent(self, ordinal: int, session: Session) -> None:
        """It is listened to from now on: it may die before it is begun."""
        self._take_up(ordinal, session)
        self.step(e.SessionLent(ordinal, session.ends_ms))

    def _begin_lent(self, command: c.BeginSession) -> None:
        if (session := self.sessions.get(command.session)) is not None:
            session.begin(command.session, command.history)

    def _take_up(self, ordinal: int, session: Session) -> None:
        self.sessions[ordinal] = session
        self._house.spawn(self._read(ordinal, session), f"read session {ordinal}")

    async def _read(self, ordinal: int, session: Session) -> None:
        try:
            async for event in session.events():
                if isinstance(event, e.SessionFailed):
                    event = replace(event, session=ordinal)  # one that was never begun does not know its number
                self.hear_session(event)
        except Exception:
            self.step(e.SessionFailed(ordinal, e.Failure.LOST, "its reader failed"))
            raise

    def _send_to_engine(self, command: c.SendToEngine) -> None:
        if (session := self.sessions.get(command.session)) is not None:
            session.send_audio(command.audio)

    def _send_text(self, command: c.SendText) -> None:
        if (session := self.sessions.get(command.session)) is not None:
            session.send_text(command.text)

    def _send_note(self, command: c.SendNote) -> None:
        if (session := self.sessions.get(command.session)) is not None:
            session.send_note(command.text)

    def _answer_tool(self, command: c.AnswerTool) -> None:
        if (session := self.sessions.get(command.session)) is not None:
            session.answer_tool(command.run, command.result)

    def _close_session(self, command: c.CloseSession) -> None:
        if (session := self.sessions.pop(command.session, None)) is not None:
            self._house.close_session(session)

    def _run_tool(self, command: c.RunTool) -> None:
        self._cancel_tool[command.run] = self._house.spawn(self._tool(command), f"tool {command.name}")

    async def _tool(self, command: c.RunTool) -> None:
        try:
            self.step(await self._house.run_tool(command.run, command.name, command.arguments))
        finally:
            self._cancel_tool.pop(command.run, None)

    def _stop_tool(self, command: c.CancelTool) -> None:
        if (cancel := self._cancel_tool.pop(command.run, None)) is not None:
            cancel()

    def _ring(self, command: c.RingPerson) -> None:
        self._house.ring_person(command)

    def _stop_ringing(self, command: c.StopRinging) -> None:
        self._house.stop_ringing(command.attempt)

    def _leave_word(self, command: c.LeaveWord) -> None:
        self._house.leave_word(command)

    def _guard(self, command: c.GuardCaller) -> None:
        self.vault.guard(command.on)
        self._house.guard_recording(command.on)

    def _seal(self, command: c.SealSecret) -> None:
        self.vault.seal(command.token)

    def _drop_secret(self, command: c.DropSecret) -> None:
        self.vault.drop()

    def _snapshot(self, command: c.KeepSnapshot) -> None:
        self._house.keep_snapshot(self.call.snapshot())

    def _hand_over(self, command: c.HandOver) -> None:
        self._close_sessions()
        self._house.hand_over(self.call.snapshot())

    def _measured(self, command: c.Measure) -> None:
        self._house.measured(command)

    def _end(self, command: c.EndCall) -> None:
        self._close_sessions()
        self.vault.empty()
        self._house.ended(command.disposition)

    def _close_sessions(self) -> None:
        for session in self.sessions.values():
            self._house.close_session(session)
        self.sessions.clear()


HANDS: dict[type[c.Command], Callable[[Bridge, Any], None]] = {
    c.PlayFrames: Bridge._play,
    c.SendMark: Bridge._mark,
    c.ClearPlayback: Bridge._clear,
    c.HangUp: Bridge._hang_up,
    c.AttachSession: Bridge._attach,
    c.AttachListener: Bridge._listen,
    c.LendSession: Bridge._lend,
    c.BeginSession: Bridge._begin_lent,
    c.ExpectSession: Bridge._expect,
    c.SendToEngine: Bridge._send_to_engine,
    c.SendText: Bridge._send_text,
    c.SendNote: Bridge._send_note,
    c.AnswerTool: Bridge._answer_tool,
    c.CloseSession: Bridge._close_session,
    c.RunTool: Bridge._run_tool,
    c.CancelTool: Bridge._stop_tool,
    c.RingPerson: Bridge._ring,
    c.StopRinging: Bridge._stop_ringing,
    c.LeaveWord: Bridge._leave_word,
    c.GuardCaller: Bridge._guard,
    c.SealSecret: Bridge._seal,
    c.DropSecret: Bridge._drop_secret,
    c.KeepSnapshot: Bridge._snapshot,
    c.HandOver: Bridge._hand_over,
    c.TurnMeasured: Bridge._measured,
    c.AnsweredByPhrase: Bridge._measured,
    c.BargeInMeasured: Bridge._measured,
    c.FirstWordPlayed: Bridge._measured,
    c.CallSpent: Bridge._measured,
    c.RanDry: Bridge._measured,
    c.Note: Bridge._measured,
    c.EndCall: Bridge._end,
}
