"""One stream of the operation, from its request to its end.

Three things meet here and nowhere else: the `Intake` that judges what comes in, the `Thinker` whose mind understands
it, and the `Voice` that times what goes out. One timer a stream serves the session's length, the idle limit and the
voice; audio that arrives does not touch it, it only moves the moment at which the idle limit is looked at again.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from app.simulator import faults
from app.simulator.faults import Fault
from app.simulator.mind import Heard, Say, SpeechBegan, SpeechStopped, Thought, UseTool
from app.simulator.sonic import intake, refusals
from app.simulator.sonic.frames import (
    Deframer,
    FrameError,
    error_frame,
    event_frame,
    event_of,
    exception_frame,
)
from app.simulator.sonic.house import House, Wire
from app.simulator.sonic.intake import Intake, Taken
from app.simulator.sonic.journal import SessionRecord
from app.simulator.sonic.output import encode
from app.simulator.sonic.refusals import STREAMED, Refusal, Refused
from app.simulator.sonic.signing import Chain
from app.simulator.sonic.thinker import Thinker
from app.simulator.sonic.voice import Voice

log = structlog.get_logger()

FAULT_REFUSALS = {
    "throttle": refusals.THROTTLED,
    "instability": refusals.INSTABILITY,
    "cut": refusals.STREAM_CUT,
    "invalid": refusals.INVALID_INPUT,
    "idle": refusals.idle(55),
    "tool-parsing": refusals.TOOL_RESPONSE,
    "filter": refusals.CONTENT_FILTER,
    "internal": refusals.INTERNAL,
    "unavailable": refusals.UNAVAILABLE,
    "timeout": refusals.TIMED_OUT,
    "stream-error": refusals.STREAM_ERROR,
    "denied": refusals.ACCESS_DENIED,
    "not-found": refusals.NOT_FOUND,
}


class Exchange:
    """Give it what arrives (`receive`, `input_ended`, `lost`); it answers on its `Wire`."""

    def __init__(self, wire: Wire, house: House, record: SessionRecord, chain: Chain) -> None:
        self._wire = wire
        self._house = house
        self._record = record
        self._chain = chain
        self._loop = asyncio.get_running_loop()
        self._deframer = Deframer()
        self._intake = Intake(house.limits)
        self._voice: Voice | None = None  # from promptStart
        self._thinker = Thinker(house.mind, self._thought, self._mind_failed)
        self._answered = False
        self._answer_due_ms: int | None = None
        self._held: list[bytes] = []  # until the headers have left
        self._mute = False  # nothing more is said
        self._hung = False  # not even the end
        self._refuse_history = False
        self._late_ms = 0
        self._ended = False
        self._closing = False
        self._prompt_closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0
        self._session_due_ms = self._now() + round(house.limits.session_seconds * 1000)
        self._active_ms = self._now()

    def _now(self) -> int:
        return int(self._loop.time() * 1000 + 0.5)

    # ---- what arrives

    def begin(self) -> None:
        """The request is acceptable. Opening events follow."""
        self._house.open_streams[self._record.access_key] += 1
        self._reach(faults.OPENING)
        self._arm()

    def receive(self, data: bytes) -> None:
        if self._ended:
            return
        try:
            for block, payload in self._deframer.feed(data):
                self._message(block, payload)
                if self._ended:
                    return
        except FrameError:
            self._refuse(refusals.INVALID_INPUT)
        except Refused as refused:
            self._refuse(refused.refusal)

    def input_ended(self) -> None:
        """The client sends nothing more. The service stops where it is, and ends the stream too."""
        if self._ended:
            return
        if self._deframer.in_frame:
            self._refuse(refusals.INVALID_INPUT)
        elif self._voice is None:
            self._refuse(refusals.NO_PROMPTS)
        else:
            self._close()

    def lost(self, why: str) -> None:
        """The stream or its connection is gone."""
        self._finish(why)

    def _message(self, block: bytes, payload: bytes) -> None:
        self._chain.check(block, payload, self._house.wall_ms())
        self._record.signatures_verified = self._chain.verified
        if not payload:  # the signed end of the events
            return
        try:
            event = json.loads(event_of(payload).decode())
        except ValueError as error:
            raise Refused(refusals.INVALID_INPUT) from error
        self._record.events_in += 1
        taken = self._intake.take(event, self._now())
        if type(taken) is intake.AudioHeard:
            self._active_ms = self._now()
            self._house.journal.heard(self._record, taken.pcm)
            self._to_mind(taken)
            return
        [(name, body)] = event["event"].items()
        self._house.journal.note(self._record, "<", name, body)
        if name == "textInput" and self._refuse_history and self._intake.brief().history:
            raise Refused(refusals.HISTORY_TOO_LONG)
        if taken is not None:
            self._take(taken)

    def _take(self, taken: Taken) -> None:
        if self._voice is None:  # the intake lets nothing else pass before promptStart
            self._open_prompt()
            return
        match taken:
            case intake.TextRead(_, text):
                self._voice.count_text(text)
            case intake.LiveText():
                self._live_text(self._voice, taken)
            case intake.ToolAnswered(tool_use_id, content, text):
                self._voice.count_text(text)
                self._thinker.take_result(tool_use_id, content)
                self._reach(faults.THINKING)
            case intake.PromptClosed():
                self._close_prompt()
            case intake.SessionClosed():
                self._close()

    # ---- the conversation

    def _open_prompt(self) -> None:
        rate, house = self._intake.output_rate, self._house
        self._voice = Voice(self._intake.prompt, rate, house.manner, self._record, self._emit, self._half_spoken)
        if self._answer_due_ms is None:
            self._answer()
        self._arm()

    def _half_spoken(self) -> None:
        self._reach(faults.SPEAKING)

    def _live_text(self, voice: Voice, live: intake.LiveText) -> None:
        self._active_ms = self._now()
        voice.count_text(live.text)
        if not live.answered:
            if self._thinker.began:
                voice.report_usage()
            return
        voice.interrupt(self._now())
        self._to_mind(live)
        self._reach(faults.THINKING)

    def _to_mind(self, taken: intake.AudioHeard | intake.LiveText) -> None:
        if not self._thinker.began:
            self._start_mind()
        self._thinker.take(taken)

    def _start_mind(self) -> None:
        self._record.brief = self._intake.brief()
        task = self._thinker.begin(self._intake.brief)
        self._house.tasks.add(task)
        task.add_done_callback(self._house.tasks.discard)
        if self._voice is not None:
            self._voice.begin()

    def _mind_failed(self) -> None:
        # A mind that fails is the service failing; the client must see that and nothing else.
        log.exception("mind_failed", session=self._record.number)
        self._refuse(refusals.INTERNAL)

    def _thought(self, thought: Thought) -> None:
        if self._ended or self._prompt_closed or self._voice is None:
            return
        match thought:
            case SpeechBegan(offset_ms):
                self._voice.caller_began(offset_ms)
                self._voice.interrupt(self._now())
                self._reach(faults.CALLER_SPEAKING)
            case SpeechStopped():
                self._voice.caller_stopped(thought)
            case Heard(text):
                self._voice.caller_said(text)
                self._reach(faults.THINKING)
            case Say():
                self._say(self._voice, thought)
            case UseTool():
                self._intake.offer_tool(thought.tool_use_id)
                self._voice.use_tool(thought)
                self._reach(faults.TOOL_RUNNING)

    def _say(self, voice: Voice, say: Say) -> None:
        if self._late_ms:
            voice.stall(self._late_ms, self._now())
            self._late_ms = 0
        voice.say(say, self._now())
        self._speak()

    # ---- what is said

    def _speak(self) -> None:
        if self._voice is not None and not self._prompt_closed:
            self._voice.speak(self._now())
        self._arm()

    def _emit(self, note: str, events: Sequence[bytes], detail: Mapping[str, Any]) -> bool:
        """Send one block of events, and note it under its name if it has one. False where nothing is said any more."""
        if self._mute or self._ended:
            return False
        if note:
            self._house.journal.note(self._record, ">", note, dict(detail))
        for event in events:
            self._send(event_frame(event))
        return True

    def _send(self, frame: bytes) -> None:
        if self._answered:
            self._wire.send(frame)
        else:
            self._held.append(frame)

    def _answer(self) -> None:
        if self._answered or self._hung:
            return
        self._answered = True
        self._answer_due_ms = None
        self._wire.answer()
        for frame in self._held:
            self._wire.send(frame)
        self._held.clear()

    # ---- ends

    def _close_prompt(self) -> None:
        self._reach_closing()
        self._prompt_closed = True
        if self._voice is not None and self._thinker.began:
            self._voice.end()

    def _close(self) -> None:
        self._reach_closing()
        if self._ended or self._hung:
            return
        self._answer()
        self._wire.end()
        self._finish("closed")

    def _refuse(self, refusal: Refusal) -> None:
        """Say why, and end the stream."""
        if self._ended or self._mute:
            return
        if not self._answered:
            self._wire.refuse(refusal)
        else:
            member, words = refusal.member, refusal.worded()
            frame = exception_frame(member, words) if member in STREAMED else error_frame(refusal.error_type, words)
            self._wire.send(frame)
            self._wire.end()
        self._finish(f"refused: {refusal.message}")

    def _finish(self, how: str) -> None:
        if self._ended:
            return
        self._ended = True
        self._house.open_streams[self._record.access_key] -= 1
        if self._timer is not None:
            self._timer.cancel()
        self._thinker.stop()
        self._house.journal.end(self._record, how)

    # ---- time

    def _arm(self) -> None:
        """Set the one timer to the earliest moment at which something may be due."""
        if self._ended or self._mute:
            return
        due = min(self._session_due_ms, self._idle_due_ms())
        if self._answer_due_ms is not None:
            due = min(due, self._answer_due_ms)
        if self._voice is not None and (speech := self._voice.next_deadline()) is not None:
            due = min(due, speech)
        if self._timer is not None:
            if self._timer_ms == due:
                return
            self._timer.cancel()
        self._timer_ms = due
        self._timer = self._loop.call_at(due / 1000, self._wake)

    def _idle_due_ms(self) -> int:
        return self._active_ms + round(self._house.limits.idle_seconds * 1000)

    def _wake(self) -> None:
        self._timer = None
        now = self._now()
        if now >= self._session_due_ms:
            self._refuse(refusals.TIMED_OUT)
        elif now >= self._idle_due_ms():
            self._refuse(refusals.idle(self._house.limits.idle_seconds))
        else:
            if self._answer_due_ms is not None and now >= self._answer_due_ms and self._voice is not None:
                self._answer()
            elif self._answer_due_ms is not None and now >= self._answer_due_ms:
                self._answer_due_ms = None  # the headers wait for the opening events, as ever
            self._speak()

    # ---- faults

    def _reach_closing(self) -> None:
        if not self._closing:
            self._closing = True
            self._reach(faults.CLOSING)

    def _reach(self, stage: str) -> None:
        if self._ended or self._mute:
            return
        fault = self._house.faults.strike(stage)
        if fault is not None:
            self._house.journal.note(self._record, ">", "fault", {"kind": fault.kind, "stage": stage})
            self._suffer(fault)

    def _suffer(self, fault: Fault) -> None:
        match fault.kind:
            case "deaf" | "hang" | "no-answer":
                self._fall_silent(fault)
            case "stall":
                self._wire.shut_window()
                self._fall_silent(fault)
            case "refuse-history":
                self._refuse_history = True
            case "slow":
                self._slow_down(fault)
            case "goaway":
                self._wire.go_away()
            case "half-frame" | "bad-crc":
                self._damage(half=fault.kind == "half-frame")
            case "reset":
                self._wire.reset()
                self._finish("reset")
            case "end":
                self._answer()
                self._wire.end()
                self._finish("end")
            case "drop":
                self._wire.drop()
                self._finish("drop")
            case kind:
                self._refuse(FAULT_REFUSALS[kind])

    def _fall_silent(self, fault: Fault) -> None:
        self._mute = True
        self._hung = fault.kind != "deaf"
        if self._timer is not None:
            self._timer.cancel()

    def _slow_down(self, fault: Fault) -> None:
        if fault.stage == faults.OPENING:
            self._answer_due_ms = self._now() + fault.ms
        elif fault.stage == faults.THINKING:
            self._late_ms = fault.ms
        elif self._voice is not None:
            self._voice.stall(fault.ms, self._now())

    def _damage(self, half: bool) -> None:
        frame = event_frame(encode("usageEvent", {}))
        self._answer()
        if half:
            self._wire.send(frame[: len(frame) // 2])
            self._wire.reset()
            self._finish("half-frame")
        else:
            self._wire.send(frame[:-1] + bytes([frame[-1] ^ 0xFF]))
