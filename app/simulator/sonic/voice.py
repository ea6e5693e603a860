"""What a session says: thoughts in, blocks of events out, with the usage that they cost.

`emit(note, events, detail)` sends the events of one block and notes the block under one name ("" for audio, which is
not noted piece by piece); it answers False where the session says nothing any more. `half_spoken` is called in the
middle of the first sentence of each reply.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.simulator.mind import Say, SpeechStopped, UseTool
from app.simulator.sonic.journal import SessionRecord
from app.simulator.sonic.manner import Manner
from app.simulator.sonic.output import INTERRUPTED_MARKER, Outlet
from app.simulator.sonic.speaker import Chunk, FinalText, HalfSpoken, SentenceBegan, SentenceEnded, Speaker, Utterance
from app.simulator.sonic.usage import Meter, speech_tokens, text_tokens

Emit = Callable[[str, Sequence[bytes], Mapping[str, Any]], bool]


class Voice:
    """One prompt's output. Time comes in as milliseconds."""

    def __init__(
        self,
        prompt: str,
        output_rate: int,
        manner: Manner,
        record: SessionRecord,
        emit: Emit,
        half_spoken: Callable[[], None],
    ) -> None:
        self._outlet = Outlet(prompt, output_rate)
        self._speaker = Speaker(manner, output_rate)
        self._rate = output_rate
        self._manner = manner
        self._record = record
        self._emit = emit
        self._half_spoken = half_spoken
        self._meter = Meter()
        self._audio_open = False
        self._content_bytes = 0
        self._speech_began_ms = 0

    # ---- the session

    def begin(self) -> None:
        self._emit("completionStart", [self._outlet.completion_start()], {})
        self.report_usage()

    def end(self) -> None:
        """All late texts, the last usage, and the end of the completion."""
        for final in self._speaker.flush_finals():
            self._utter(final)
        self.report_usage()
        self._emit("completionEnd", [self._outlet.completion_end()], {})

    def count_text(self, text: str) -> None:
        """The client sent this text: it costs, answered or not."""
        self._meter.count("input", text=text_tokens(text))

    def report_usage(self) -> None:
        self._record.usage = self._meter.total
        report = self._meter.report()
        if report is not None:
            self._emit("usageEvent", [self._outlet.usage(report)], {})

    # ---- the caller

    def caller_began(self, offset_ms: int) -> None:
        self._speech_began_ms = offset_ms
        if self._manner.user_speech_events:
            event = self._outlet.user_speech("userSpeechStart", inputAudioOffsetMs=offset_ms)
            self._emit("userSpeechStart", [event], {"offset": offset_ms})

    def caller_stopped(self, stopped: SpeechStopped) -> None:
        self._meter.count("input", speech=speech_tokens(stopped.offset_ms - self._speech_began_ms))
        if self._manner.user_speech_events:
            offsets = {"inputAudioOffsetMs": stopped.offset_ms, "inputAudioDetectionOffsetMs": stopped.detected_ms}
            event = self._outlet.user_speech("userSpeechEnd", **offsets)
            self._emit("userSpeechEnd", [event], {"offset": stopped.offset_ms})

    def caller_said(self, text: str) -> None:
        self._emit("userText", self._outlet.text("USER", "FINAL", text), {"text": text})
        self.report_usage()

    # ---- the model

    def use_tool(self, use: UseTool) -> None:
        double = self._manner.double_encoded_tools
        events = self._outlet.tool_use(use.tool_use_id, use.name, use.arguments, double)
        self._meter.count("output", text=text_tokens(json.dumps(use.arguments)))
        detail = {"id": use.tool_use_id, "name": use.name, "arguments": dict(use.arguments)}
        self._emit("toolUse", events, detail)

    def say(self, say: Say, now_ms: int) -> None:
        self._speaker.say(say, now_ms)

    def stall(self, ms: int, now_ms: int) -> None:
        self._speaker.stall(ms, now_ms)

    def interrupt(self, now_ms: int) -> None:
        """Give up the reply, and say so if some of it is out and not yet played."""
        if not self._speaker.interrupt(now_ms):
            return
        self._emit("interrupted", self._outlet.interrupted(), {"text": INTERRUPTED_MARKER})
        if self._audio_open:
            self._end_audio("END_TURN")

    def next_deadline(self) -> int | None:
        return self._speaker.next_deadline()

    def speak(self, now_ms: int) -> None:
        """Send all that is due."""
        for utterance in self._speaker.due(now_ms):
            self._utter(utterance)

    def _utter(self, utterance: Utterance) -> None:
        match utterance:
            case Chunk(pcm):
                if self._emit("", [self._outlet.audio(pcm)], {}):
                    self._content_bytes += len(pcm)
                    self._record.said_bytes += len(pcm)
            case SentenceBegan(text):
                self._emit("speculativeText", self._outlet.text("ASSISTANT", "SPECULATIVE", text), {"text": text})
                self._emit("audioStart", [self._outlet.audio_start()], {})
                self._audio_open, self._content_bytes = True, 0
            case HalfSpoken():
                self._half_spoken()
            case SentenceEnded(end_of_turn, text):
                self._end_audio(_stop(end_of_turn), text)
            case FinalText(text, end_of_turn):
                events = self._outlet.text("ASSISTANT", "FINAL", text, _stop(end_of_turn))
                self._emit("finalText", events, {"text": text})

    def _end_audio(self, stop: str, text: str = "") -> None:
        self._audio_open = False
        self._emit("audioEnd", [self._outlet.audio_end(stop)], {"stop": stop, "bytes": self._content_bytes})
        ms = self._content_bytes * 500 // self._rate
        self._meter.count("output", speech=speech_tokens(ms), text=text_tokens(text))
        self.report_usage()


def _stop(end_of_turn: bool) -> str:
    return "END_TURN" if end_of_turn else "PARTIAL_TURN"
