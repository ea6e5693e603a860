"""What a call tells of itself while it is made: metrics, spans, and log lines that all name it by `call`.

Never a caller's word, never a whole number.
"""

import structlog

from app.bridge.pace import AnswerPace
from app.call import commands as c
from app.call import events as e
from app.call.setup import CallSetup
from app.engines.engine import EngineError, Session
from app.legs.leg import LineMeasured
from app.metrics.meters import Meters
from app.metrics.trace import CallTrace

log = structlog.get_logger()


class Telling:
    """One call's, in one process. None of it waits."""

    def __init__(self, setup: CallSetup, meters: Meters, trace: CallTrace, pace: AnswerPace) -> None:
        self.log = log.bind(call=setup.facts.call_sid)
        self._setup = setup
        self._meters = meters
        self._trace = trace
        self._pace = pace

    def measured(self, command: c.Measure) -> None:
        match command:
            case c.FirstWordPlayed(ms):
                self._meters.first_word.observe(ms / 1000)
                self._trace.event("first word")
            case c.BargeInMeasured(outcome, held_ms):
                self._meters.barge_ins.labels(outcome).inc()
                self._meters.barge_in.observe(held_ms / 1000)
                self._trace.hold(command)
            case c.TurnMeasured():
                self._turn(command)
            case c.AnsweredByPhrase(phrase, confidence, how):
                self._meters.known_answers.labels(how).inc()
                self.log.info("= answered by a phrase", phrase=phrase, confidence=round(confidence, 2), how=how)
            case c.RanDry(frames):
                self._meters.late_frames.inc(frames)
            case c.CallSpent():
                self._spent(command)
            case c.Note(what, detail):
                self._meters.notes.labels(what).inc()
                self._trace.event(what)
                self.log.info("= " + what, detail=detail)

    def _turn(self, turn: c.TurnMeasured) -> None:
        self._trace.turn(turn)
        self._meters.turns.labels(turn.answered_by).inc()
        if turn.transcript_ms is not None and turn.first_audio_ms is not None and turn.answered_by == "model":
            self._pace.answered(turn.first_audio_ms - turn.transcript_ms)
        if turn.answered_by == "phrase" and turn.transcript_ms is not None and turn.first_frame_ms is not None:
            self._meters.known_answer.observe((turn.first_frame_ms - turn.transcript_ms) / 1000)
        if turn.caller_stopped_ms is None:
            return
        for part, at_ms in turn.parts.items():
            if at_ms >= turn.caller_stopped_ms:
                self._meters.turn.labels(part).observe((at_ms - turn.caller_stopped_ms) / 1000)

    def _spent(self, spent: c.CallSpent) -> None:
        self._meters.count_call(spent)
        self._trace.spent(spent)
        tokens = sum(usage.total for usage in spent.tokens.values())
        cost = {what: "unknown" if amount is None else str(amount) for what, amount in spent.bill.parts.items()}
        currency = self._setup.prices.currency
        self.log.info("= what the call used", seconds=spent.ms // 1000, tokens=tokens, **cost, currency=currency)

    def used(self, usage: e.UsageReported) -> None:
        self._meters.count_tokens(usage)

    def line_measured(self, line: LineMeasured) -> None:
        self._meters.media_gap.observe(line.gap_s)
        self._meters.media_delay.observe(line.delay_s)
        self._meters.media_missing.inc(line.missing)

    def tool_answered(self, answered: e.ToolAnswered) -> None:
        effects = answered.name in self._setup.effects
        labels = answered.name, answered.outcome
        self._meters.tools.labels(*labels).inc()
        self._meters.tool_seconds.labels(*labels, "yes" if effects else "no").observe(answered.ms / 1000)
        self._trace.tool(answered, effects)

    def lent(self, session: Session, took_ms: int = 0, cold: bool = False) -> None:
        self._trace.lend(session.key.model, took_ms, cold)

    def not_lent(self, model: str, took_ms: int, error: EngineError) -> None:
        self._trace.lend(model, took_ms, True, error.failure)

    def session_failed(self, failed: e.SessionFailed) -> None:
        self._meters.session_errors.labels(failed.failure).inc()
        self._trace.event(f"session failed: {failed.failure}")
        self.log.warning("! session failed", session=failed.session, failure=failed.failure, detail=failed.detail)

    def ended(self, disposition: str) -> None:
        self._meters.calls_ended.labels(disposition).inc()
        self._trace.end(disposition)
        self.log.info("x call ended", disposition=disposition)

    def left(self) -> None:
        """The call's life here is over, with or without an end."""
        self._trace.end("")
