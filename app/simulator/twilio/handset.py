"""The caller's telephone: an ear on the play buffer, a mouth with prepared lines, the line between, both tracks kept.

It lives in frames of 20 ms of call time, which it gets by the buffer's account of what was heard: 160 bytes heard are
one frame spoken. A frame is handed over when it is complete, so words decided upon now leave 20 ms later, as from a
real mouth. Whoever transports the caller's audio (a stream, a recording) is a listener; a junction joins it with
others.
"""

import base64
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

import audioop

from app.simulator.caller import LOUD_DB, Act, Caller, Failed, PressKey, Reached, RingOff, Speak
from app.simulator.callscript import LeaveTones, Say
from app.simulator.lines import Utterance
from app.simulator.twilio.bridging import Junction, mixed
from app.simulator.twilio.journal import Journal
from app.simulator.twilio.line import FRAME_BYTES, FRAME_MS, FULL_SCALE, QUIET_FRAME, Line, LineOptions
from app.simulator.twilio.playbuffer import PlayBuffer
from app.simulator.twilio.ticker import Ticker
from app.simulator.twilio.tones import KeyTones, frames_of, hum, is_beep

QUIET_PAYLOAD = base64.b64encode(QUIET_FRAME).decode()
LOUD_RMS = int(FULL_SCALE * 10 ** (LOUD_DB / 20))
BOT_STOPS_AFTER_MS = 300


class Listener(Protocol):
    """Takes part in the call's audio."""

    def frame(self, ended_ms: int, payload: str, heard: bytes) -> None:
        """20 ms that ended at this call time: the caller's audio in base64, and what the caller heard meanwhile."""
        ...

    def digit(self, digit: str) -> None: ...

    def marks(self, names: list[str]) -> None:
        """Marks of the play buffer that were reached."""
        ...


class Handset:
    def __init__(
        self,
        ticker: Ticker,
        journal: Journal,
        caller: Caller | None,
        clips: Mapping[Say, Utterance],
        line: LineOptions,
        keep_audio: bool = True,
    ) -> None:
        self.buffer = PlayBuffer()
        self.listeners: list[Listener] = []
        self.said = bytearray()
        self.heard = bytearray()
        self.audible_ms = 0  # of what was heard
        self.on_ring_off: Callable[[], None] = lambda: None
        self.on_said: Callable[[str, int], None] = lambda text, until_ms: None
        self._ticker = ticker
        self._journal = journal
        self._caller = caller
        self._clips = clips
        self._line = Line(line)
        self._coloured = line.colours_sound
        self._keep = keep_audio
        self.junction: Junction | None = None  # with whom it is joined
        self._mouth: deque[tuple[bytes, str]] = deque()
        self._hum: deque[bytes] = deque()  # turned round and round
        self._keys = KeyTones(line.tone_ms)
        self._ahead: deque[tuple[int, str]] = deque()  # (call time, event) of the sound in the mouth
        self._time_ms = 0
        self._began_ms = 0
        self._loud_since: int | None = None
        self._loud_last = 0
        self._leave: Callable[[], None] = lambda: None

    def pick_up(self) -> None:
        """The call is answered: time begins."""
        self._began_ms = self._ticker.now_ms()
        self._leave = self._ticker.join(self._tick)

    def put_down(self) -> None:
        self._leave()
        if self._loud_since is not None:
            self._bot_stopped()

    def line_dropped(self) -> None:
        """The other side ended the call."""
        if self._caller is not None:
            self._act(self._caller.line_dropped(self._time_ms))

    def now_ms(self) -> int:
        """Call time, counted from picking up."""
        return self._ticker.now_ms() - self._began_ms

    def moment(self, call_ms: int) -> int:
        """A call time on the ticker's scale."""
        return self._began_ms + call_ms

    @property
    def failures(self) -> list[Failed]:
        return self._caller.failures if self._caller is not None else []

    def hum(self, hz: int) -> None:
        """Sing this tone whenever nothing is said; 0 ends it."""
        self._hum = deque(hum(hz)) if hz else deque()

    def utter(self, mulaw: bytes) -> None:
        """Say this, after what is being said."""
        self._mouth.extend((frame, base64.b64encode(frame).decode()) for frame in frames_of(mulaw))

    def press(self, digit: str) -> None:
        """Press a key: who listens is told once the carrier has recognised it."""
        self._journal.note("digit", digit=digit)
        if self._keys.press(digit):
            self._tell_digit(digit)

    def _tell_digit(self, digit: str) -> None:
        for listener in list(self.listeners):
            listener.digit(digit)

    def advance(self) -> int:
        """Play until now, tell the listeners of marks reached, and return the call time."""
        now = self.now_ms()
        reached = self.buffer.advance(now)
        if reached:
            for listener in list(self.listeners):
                listener.marks(reached)
        return now

    def _tick(self, now_ms: int) -> None:
        self.advance()
        while heard := self.buffer.take_heard(FRAME_BYTES):
            self._frame(heard)

    def _frame(self, heard: bytes) -> None:
        self._time_ms += FRAME_MS
        spoken, payload = self._next_spoken()
        if self.junction is not None:
            heard = self.junction.heard(self, heard)
        if self._coloured:
            spoken = self._line.carry(spoken, heard)
            payload = base64.b64encode(spoken).decode()
        if self.junction is not None:
            self.junction.said(self, spoken)
        if self._keep:
            self.said += spoken
            self.heard += heard
        while self._ahead and self._ahead[0][0] <= self._time_ms:
            at, name = self._ahead.popleft()
            self._journal.note(name, at=self.moment(at))
        for listener in list(self.listeners):
            listener.frame(self._time_ms, payload, heard)
        loud = heard != QUIET_FRAME and audioop.rms(audioop.ulaw2lin(heard, 2), 2) > LOUD_RMS
        self._notice_bot(loud, heard)
        if self._caller is not None and not self._caller.done:
            tone = loud and self._caller.wants_beep and is_beep(heard)
            self._act(self._caller.tick(self._time_ms, loud, tone))

    def _next_spoken(self) -> tuple[bytes, str]:
        """The next 20 ms from the mouth, with the tone of a key that is held down."""
        spoken, payload = self._mouth.popleft() if self._mouth else (QUIET_FRAME, QUIET_PAYLOAD)
        if self._hum and spoken is QUIET_FRAME:
            spoken = self._hum[0]
            self._hum.rotate(-1)
        recognised, tone = self._keys.frame()
        if recognised:
            self._tell_digit(recognised)
        if tone:
            spoken = mixed([spoken, tone])
        if tone or self._hum:
            payload = base64.b64encode(spoken).decode()
        return spoken, payload

    def _notice_bot(self, loud: bool, heard: bytes) -> None:
        if loud:
            self.audible_ms += FRAME_MS
            self._loud_last = self._time_ms
            if self._loud_since is None:
                self._loud_since = self._time_ms - FRAME_MS + first_loud_ms(heard)
                self._journal.note("bot_started", at=self.moment(self._loud_since))
        elif self._loud_since is not None and self._time_ms - self._loud_last > BOT_STOPS_AFTER_MS:
            self._bot_stopped()

    def _bot_stopped(self) -> None:
        assert self._loud_since is not None
        self._journal.note("bot_stopped", at=self.moment(self._loud_last), spoke_ms=self._loud_last - self._loud_since)
        self._loud_since = None

    def _act(self, acts: list[Act]) -> None:
        for act in acts:
            match act:
                case Speak():
                    self._speak(act)
                case PressKey(digit=digit):
                    self.press(digit)
                case LeaveTones(ms=ms):
                    self._keys.tone_ms = ms
                case RingOff(gave_up=gave_up):
                    self._journal.note("caller_hung_up", gave_up=gave_up)
                    self.on_ring_off()
                case Reached(where=where):
                    self._journal.note("step", where=where)
                case Failed():
                    self._journal.note("failed", where=act.where, why=act.why)

    def _speak(self, speak: Speak) -> None:
        clip = self._clips[speak.line]
        self._journal.note("caller_speaks", line=speak.line.line, interrupting=speak.interrupting)
        self._mouth.extend(zip(clip.frames, clip.payloads, strict=True))
        if clip.sounds_until_ms:
            self._ahead.append((self._time_ms + clip.onset_ms, "caller_started"))
            self._ahead.append((self._time_ms + clip.sounds_until_ms, "caller_stopped"))
        self.on_said(speak.line.line, self._time_ms + clip.duration_ms)


def first_loud_ms(heard: bytes) -> int:
    """Where in a loud frame the sound begins."""
    for ms in range(FRAME_MS):
        if audioop.max(audioop.ulaw2lin(heard[8 * ms : 8 * ms + 8], 2), 2) > LOUD_RMS:
            return ms
    return 0
