"""A scripted caller: hears whether the other side is loud, decides what to say, press, or when to hang up.

A pure machine over time. Each 20 ms it is told the call's time in ms and whether the frame just heard was loud, and it
answers with acts. It holds no audio: it knows how long each of its lines is, and the telephone plays them.

Loudness flickers between words, so the bot *speaks* once 60 ms of a spurt were loud, and *is quiet* for as long as no
frame has been loud.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.simulator.callscript import (
    ExpectHeard,
    ExpectQuiet,
    ExpectSilence,
    HangUp,
    Interrupt,
    LeaveTones,
    Press,
    Say,
    Script,
    Step,
    Wait,
    WaitForBeep,
    WaitForHangUp,
    WaitForQuiet,
    WaitForSpeech,
)

FRAME_MS = 20
LOUD_DB = -45.0  # an RMS level over this in 20 ms is loud
SPEAKS_AFTER_MS = 60
SPURT_ENDS_MS = 300  # a pause longer than this between words ends a spurt of talk
KEY_EVERY_MS = 250
BEEP_MS = 200  # a steady tone so long is a beep
GIVE_UP_MS = 15_000  # an interruption waits so long for a bot that speaks


@dataclass(frozen=True, slots=True)
class Speak:
    line: Say
    interrupting: bool = False


@dataclass(frozen=True, slots=True)
class PressKey:
    digit: str


@dataclass(frozen=True, slots=True)
class RingOff:
    """The caller hangs up."""

    gave_up: bool = False  # because a wait was not fulfilled


@dataclass(frozen=True, slots=True)
class Reached:
    """A step was begun; for whoever watches."""

    where: str


@dataclass(frozen=True, slots=True)
class Failed:
    """An expectation was not met."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


Act = Speak | PressKey | LeaveTones | RingOff | Reached | Failed


class Ear:
    """What a caller makes of loud and quiet frames."""

    def __init__(self) -> None:
        self.last_loud_ms: int | None = None
        self.spurt_began_ms: int | None = None
        self.loud_in_spurt_ms = 0
        self.heard_ms = 0  # loud time since the caller last acted
        self.beep_ms = 0  # of the steady tone that sounds now
        self.beep_ended_ms = -1  # when the last one that was long enough ended; -1 for none

    def listen(self, now_ms: int, loud: bool, tone: bool = False) -> None:
        if not tone and self.beep_ms >= BEEP_MS:
            self.beep_ended_ms = now_ms
        self.beep_ms = self.beep_ms + FRAME_MS if tone else 0
        if self.quiet_for(now_ms) > SPURT_ENDS_MS:
            self.spurt_began_ms, self.loud_in_spurt_ms = None, 0
        if not loud:
            return
        if self.spurt_began_ms is None:
            self.spurt_began_ms = now_ms - FRAME_MS
        self.loud_in_spurt_ms += FRAME_MS
        self.heard_ms += FRAME_MS
        self.last_loud_ms = now_ms

    @property
    def bot_speaks(self) -> bool:
        return self.loud_in_spurt_ms >= SPEAKS_AFTER_MS

    def quiet_for(self, now_ms: int) -> int:
        return now_ms - self.last_loud_ms if self.last_loud_ms is not None else now_ms

    @property
    def spoken_ms(self) -> int:
        """How long the bot has spoken in this spurt, up to its last sound; 0 when it does not speak."""
        if self.spurt_began_ms is None or self.last_loud_ms is None or not self.bot_speaks:
            return 0
        return self.last_loud_ms - self.spurt_began_ms


class Caller:
    """`tick` once for each 20 ms of the call; `line_dropped` when the other side ended it."""

    def __init__(self, script: Script, durations: Mapping[Say, int]) -> None:
        self._steps = list(script.steps)
        self._durations = durations
        self._ear = Ear()
        self._began_ms: int | None = None  # of the step at hand
        self._busy_until_ms = 0
        self._keys = ""
        self.failures: list[Failed] = []
        self.done = not self._steps

    @property
    def step(self) -> Step | None:
        return self._steps[0] if self._steps else None

    @property
    def wants_beep(self) -> bool:
        """Whether a beep is awaited, so that somebody must tell tones from words."""
        return bool(self._steps) and isinstance(self._steps[0].action, WaitForBeep)

    def tick(self, now_ms: int, loud: bool, tone: bool = False) -> list[Act]:
        """`tone`: the frame was a single steady tone; told while `wants_beep`."""
        self._ear.listen(now_ms, loud, tone)
        acts: list[Act] = []
        # Steps that need no time follow one another within one frame.
        while self._steps and not self.done:
            if not self._advance(now_ms, acts):
                break
        self.done = self.done or not self._steps
        return acts

    def line_dropped(self, now_ms: int) -> list[Act]:
        """The other side hung up: what was still to be done fails, unless it was to see just that."""
        acts: list[Act] = []
        if self._steps and (isinstance(self._steps[0].action, WaitForHangUp) or self._all_pressed):
            self._steps.pop(0)
        left = [step for step in self._steps if not isinstance(step.action, (HangUp, WaitForHangUp))]
        if left and not self.done:
            self._fail(left[0], "the line went dead before", acts)
        self._steps, self.done = [], True
        return acts

    def _advance(self, now_ms: int, acts: list[Act]) -> bool:
        """Work on the step at hand; True when it is finished."""
        step = self._steps[0]
        if self._began_ms is None:
            self._began_ms = now_ms
            acts.append(Reached(step.where))
            self._begin(step, now_ms, acts)
        if not self._finished(step, now_ms, acts):
            return False
        self._began_ms = None
        if self._steps:
            self._steps.pop(0)
        return True

    def _begin(self, step: Step, now_ms: int, acts: list[Act]) -> None:
        if isinstance(step.action, Say):
            self._speak(Speak(step.action), now_ms, acts)
        elif isinstance(step.action, Press):
            self._keys = step.action.digits
            self._ear.heard_ms = 0
            self._busy_until_ms = now_ms
        elif isinstance(step.action, LeaveTones):
            acts.append(step.action)
        elif isinstance(step.action, WaitForBeep):
            self._ear.beep_ended_ms = -1

    def _speak(self, speak: Speak, now_ms: int, acts: list[Act]) -> None:
        acts.append(speak)
        self._ear.heard_ms = 0
        self._busy_until_ms = now_ms + self._durations[speak.line]

    def _finished(self, step: Step, now_ms: int, acts: list[Act]) -> bool:
        assert self._began_ms is not None
        waited = now_ms - self._began_ms
        match step.action:
            case Wait(ms=ms):
                return waited >= ms
            case Say():
                return now_ms >= self._busy_until_ms
            case LeaveTones():
                return True
            case WaitForBeep(within_ms=within):
                beeped = self._ear.beep_ended_ms >= 0
                return beeped or self._overdue(step, waited, within, True, "no beep was heard", acts)
            case Press():
                return self._press(now_ms, acts)
            case Interrupt() as interrupt:
                return self._interrupt(step, interrupt, now_ms, waited, acts)
            case HangUp():
                acts.append(RingOff())
                self.done = True
                return True
            case ExpectHeard(ms=ms):
                if self._ear.heard_ms < ms:
                    self._fail(step, f"heard {self._ear.heard_ms} ms", acts)
                return True
            case ExpectSilence(ms=ms):
                return self._silence(step, ms, now_ms, waited, acts)
            case WaitForSpeech(within_ms=within, required=required):
                return self._ear.bot_speaks or self._overdue(step, waited, within, required, "nobody spoke", acts)
            case WaitForQuiet(quiet_ms=quiet, within_ms=within):
                enough = min(self._ear.quiet_for(now_ms), waited) >= quiet
                return enough or self._overdue(step, waited, within, True, "it never was quiet", acts)
            case ExpectQuiet(within_ms=within):
                enough = self._ear.quiet_for(now_ms) > SPURT_ENDS_MS
                spoke_ms = waited - self._ear.quiet_for(now_ms)
                if not enough and spoke_ms > within:
                    return self._overdue(step, spoke_ms, within, False, "the bot went on speaking", acts)
                return enough
            case WaitForHangUp(within_ms=within, required=required):
                return self._overdue(step, waited, within, required, "the line is still open", acts)

    @property
    def _all_pressed(self) -> bool:
        """The last key of the step at hand is down: it may have been what made the other side hang up."""
        return self._began_ms is not None and isinstance(self._steps[0].action, Press) and not self._keys

    def _press(self, now_ms: int, acts: list[Act]) -> bool:
        if now_ms < self._busy_until_ms:
            return False
        if not self._keys:
            return True
        acts.append(PressKey(self._keys[0]))
        self._keys = self._keys[1:]
        self._busy_until_ms = now_ms + KEY_EVERY_MS
        return False

    def _interrupt(self, step: Step, interrupt: Interrupt, now_ms: int, waited: int, acts: list[Act]) -> bool:
        if self._busy_until_ms > self._began_at:  # our words have begun
            return now_ms >= self._busy_until_ms
        if self._ear.spoken_ms >= interrupt.after_ms:
            self._speak(Speak(Say(interrupt.line), interrupting=True), now_ms, acts)
            return False
        return self._overdue(step, waited, GIVE_UP_MS + interrupt.after_ms, True, "the bot did not speak so long", acts)

    @property
    def _began_at(self) -> int:
        return self._began_ms or 0

    def _silence(self, step: Step, ms: int, now_ms: int, waited: int, acts: list[Act]) -> bool:
        if self._ear.bot_speaks and self._ear.quiet_for(now_ms) == 0:
            self._fail(step, f"the bot spoke after {waited} ms", acts)
            return True
        return waited >= ms

    def _overdue(self, step: Step, waited: int, within: int, required: bool, why: str, acts: list[Act]) -> bool:
        if waited < within:
            return False
        self._fail(step, f"{why} (waited {waited} ms)", acts)
        if required:
            acts.append(RingOff(gave_up=True))
            self._steps, self.done = [], True
        return True

    def _fail(self, step: Step, why: str, acts: list[Act]) -> None:
        failed = Failed(step.where, why)
        self.failures.append(failed)
        acts.append(failed)
