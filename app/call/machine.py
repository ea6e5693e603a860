"""The theory of a call.

A call is a pure machine. `handle` is told what happened, and when; it answers what to do, in order. `next_deadline`
says when it wants to be told that time has passed. It owns no task, socket, clock or queue, so a call can be read,
tested and replayed without a telephone.

**Phases.** A call is *ringing* until its first leg, *live* while it has one, *away* while a lost leg may come back
(20 s), *closing* while a last line is heard to its end, and then *ended*, where nothing moves it any more.

**The floor** (`turns`) says who speaks. A sound of the caller while we speak is no interruption yet: it is a **hold**.
We stop within the same step and keep our words (`playout`); a transcript, a key or a new reply confirms that it was a
turn and drops them, quiet brings them back. Each clear begins an **epoch** of marks, because a telephone that drops its
buffer echoes every mark in it.

**What is current.** Legs and sessions are numbered; events of another number are not ours, except FINAL texts, which
come late and still tell the truth. The protocol has no way to stop a reply, so `replies` knows which contents may be
heard, by their ids and never by time.

**What was heard** is what was said: `history` takes a sentence into the account when its audio begins, and counts as
much of it as reached the ear.

**Nothing owed is forgotten.** `clocks` run from evidence (a transcript, a tool, a text we sent, a failure, speech the
engine was deaf to) until the first audio of the answer. A session that fails is followed by another with the corrected
history and the caller's unanswered audio; three in a row that fail, or one that cannot succeed, end in an apology.

Each event is handled in two strokes: its handler changes what is known, then `_advance` does all that has fallen due by
now, always in the order of `_STEPS`, and sends the frames there is room for. Caller audio, 50 times a second, changes
nothing but the uplink and takes a short way.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from app.call import commands as c
from app.call import events as e
from app.call import runs, snapshots, texts
from app.call.attachment import Attachment
from app.call.clocks import Alarm, AnswerClock, DeafClock, FailureClock
from app.call.closing import Closing
from app.call.disposition import END_CALL, Disposition, disposition_of, end_reason
from app.call.dtmf import Keys
from app.call.history import Line
from app.call.replies import Replies
from app.call.setup import CallSetup
from app.call.turns import Floor, Sign, Silence, Turns
from app.call.uplink import Uplink
from app.call.voice import Voice
from app.call.waterfall import Waterfall

LEG_STALLS_WITHIN_MS = 5_000


class Phase(StrEnum):
    RINGING = "ringing"
    LIVE = "live"
    AWAY = "away"
    CLOSING = "closing"
    ENDED = "ended"


class Call:
    """One telephone call. `handle` takes every event in every phase and never raises for one."""

    def __init__(self, setup: CallSetup) -> None:
        timings = setup.timings
        self.setup = setup
        self.phase = Phase.RINGING
        self.disposition: Disposition | None = None
        self._t = timings
        self._now = 0
        self._out: list[c.Command] = []
        self._deadline: int | None = None
        self._leg: int | None = None
        self._last_leg = 0
        self._stalled_at: int | None = None
        self._began: int | None = None  # machine time of the first leg
        self._elapsed_before = 0  # of a resumed call
        self._resumed = ""
        self._away_since = 0
        self._first_word = False
        self._closing: Closing | None = None
        self._voice = Voice(setup, self._note)
        self._playout = self._voice.playout
        self._account = self._voice.account
        self._replies = Replies()
        self._turns = Turns()
        self._silence = Silence(timings)
        self._uplink = Uplink(setup.uplink, timings)
        self._attachment = Attachment(timings, setup.facts.call_sid)
        self._runs = runs.Runs()
        self._texts = texts.Texts()
        self._keys = Keys()
        self._answer = AnswerClock(timings)
        self._failure = FailureClock(timings)
        self._deaf = DeafClock(timings)
        self._waterfall = Waterfall()

    # --- the door -------------------------------------------------------------------------------------------------

    def handle(self, event: e.Event, now_ms: int) -> list[c.Command]:
        """What to do about `event`, in order. `now_ms` is monotonic, in ms; a step back counts as standing still."""
        if self.phase is Phase.ENDED:
            return []
        if now_ms > self._now:
            self._now = now_ms
        if type(event) is e.CallerAudio:
            return self._uplink.push(event.audio, event.ms) if event.leg == self._leg else []
        _HANDLERS[type(event)](self, event)
        self._advance()
        commands, self._out = self._out, []
        return commands

    def next_deadline(self) -> int | None:
        """When to call `handle(TimePassed())`, if nothing else happens before."""
        return self._deadline

    def snapshot(self) -> dict[str, Any]:
        """All that another process needs to go on from here: a JSON document (see `snapshots`)."""
        state = snapshots.State(
            history=tuple(self.transcript()),
            tools=tuple(self._runs.names),
            texts=tuple(self._texts.unanswered()),
            elapsed_ms=self._elapsed(),
            session=self._attachment.ordinal,
            turns=self._waterfall.turns,
            asked=self._silence.asked,
            disposition=self.disposition,
        )
        return snapshots.write(self.setup.facts, state)

    @classmethod
    def resume(
        cls, setup: CallSetup, snapshot: Mapping[str, Any], now_ms: int, why: str, wall_ms: int | None = None
    ) -> Self:
        """Go on from a snapshot, in this or another process; the next leg may have any number. `wall_ms` (Unix) tells
        how long the call has lasted; without it the time since the snapshot is not counted.

        Raises ValueError for a snapshot of another schema or another call."""
        kept = snapshots.read(snapshot, setup.facts.call_sid)
        call = cls(setup)
        call._now = now_ms
        call._resumed = why or "resumed"
        call._first_word = True
        call._elapsed_before = kept.elapsed_ms
        if wall_ms is not None:
            call._elapsed_before = max(kept.elapsed_ms, wall_ms - setup.facts.started_at_ms)
        call._account.restore(kept.history)
        call._attachment.ordinal = kept.session
        call._waterfall.turns = kept.turns
        call._silence.asked = kept.asked
        call.disposition = kept.disposition
        for text in (*kept.texts, *map(texts.result_lost, kept.tools)):
            call._texts.ask(text)
        return call

    @property
    def floor(self) -> Floor:
        """Who speaks."""
        return self._turns.floor

    def transcript(self) -> list[Line]:
        """What was said and heard until now."""
        return self._voice.transcript(self._now)

    # --- the leg --------------------------------------------------------------------------------------------------

    def _leg_attached(self, event: e.LegAttached) -> None:
        if event.leg <= self._last_leg:
            return
        if self._closing is not None:
            self._do(c.HangUp(event.leg))
            self._lose_leg()  # there would be no new leg if the old one still carried our goodbye
            return
        if self._leg is not None:
            self._do(c.HangUp(self._leg))
            self._lose_leg()  # the new socket is quicker than the news of the old one's end
        self._leg = self._last_leg = event.leg
        first, self.phase = self.phase is Phase.RINGING, Phase.LIVE
        self._voice.move(event.leg, self._now)
        if self.disposition is not None:
            self._end(self.disposition)  # it was over before this process took it up
        elif not first:
            self._come_back("leg is back")
        elif self._resumed:
            self._began = self._now
            self._come_back("resumed")
        else:
            self._began = self._now
            self._greet()

    def _greet(self) -> None:
        if self._voice.say(self.setup.first_phrase):
            return
        if self.setup.greeting_prompt:
            self._texts.ask(self.setup.greeting_prompt)
        self._attach()

    def _come_back(self, what: str) -> None:
        self._note(what, self._resumed)
        if not self._voice.say("back_again", first=True) and self._playout.idle:
            self._texts.ask(texts.BACK_AGAIN)
        if not self._attachment.live and self._attachment.retry_at is None:
            self._attach()

    def _caller_spoke(self, event: e.CallerSpoke) -> None:
        onset = max(0, self._now - event.ago_ms)
        self._do_all(self._uplink.onset())
        self._deaf.spoke()
        self._waterfall.caller_spoke()
        self._turns.spoke(onset)
        self._take_floor(onset, Sign.SPOKE)

    def _caller_paused(self, event: e.CallerPaused) -> None:
        quiet_since = max(0, self._now - event.ago_ms)
        substantial = event.spoken_ms >= self._t.blip
        self._uplink.offset(substantial)
        self._deaf.paused(quiet_since, event.spoken_ms)
        self._turns.paused(quiet_since, event.spoken_ms)
        if not substantial:
            return
        self._silence.caller_is_there()
        self._waterfall.caller_stopped(quiet_since)
        if not self._attachment.attached and self._turns.floor is Floor.OWED and not self._answer.running:
            self._answer.start(quiet_since)  # nobody is there to tell us the turn is over

    def _key_pressed(self, event: e.KeyPressed) -> None:
        if self._closing is not None:
            return
        self._silence.caller_is_there()
        self._keys.press(event.key, self._now)
        self._deaf.stop()
        if self._turns.floor in (Floor.BOT, Floor.HELD) and self._interruptible():
            self._confirm(Sign.TOOK)
            self._replies.hush()

    def _mark_echoed(self, event: e.MarkEchoed) -> None:
        self._voice.echoed(event.name, self._now)

    def _leg_stalled(self, event: e.LegStalled) -> None:
        before, self._stalled_at = self._stalled_at, self._now
        self._note("leg stalled")
        if before is not None and self._now - before <= LEG_STALLS_WITHIN_MS:
            self._do(c.HangUp(event.leg))
            self._lose_leg()

    def _leg_ended(self, event: e.LegEnded) -> None:
        if event.how is e.LegEnd.STOPPED:
            self._leave_leg()
            self._end(self._closing.disposition if self._closing is not None else Disposition.CALLER_HUNG_UP)
        else:
            self._lose_leg()

    def _lose_leg(self) -> None:
        """The caller may come back; the session is kept, and so is what they have not heard."""
        self._leave_leg()
        if self._closing is not None:
            self._end(self._closing.disposition)
            return
        self.phase, self._away_since = Phase.AWAY, self._now
        self._note("leg lost")
        if self._turns.hold is not None and self._turns.hold.sign_ms is not None:
            self._confirm(Sign.TOOK)
        self._turns.leave()
        self._uplink.offset(substantial=True)
        self._deaf.stop()
        self._do(c.KeepSnapshot())  # the carrier may bring the caller back to another process

    def _leave_leg(self) -> None:
        self._leg = self._stalled_at = None
        self._voice.move(None, self._now)

    def _call_completed(self, event: e.CallCompleted) -> None:
        if self._closing is not None:
            self._end(self._closing.disposition)
        elif self.phase is Phase.RINGING and not self._resumed:
            self._end(Disposition.NEVER_CONNECTED)
        else:
            self._end(Disposition.CALLER_HUNG_UP)

    # --- who has the floor ----------------------------------------------------------------------------------------

    def _interruptible(self) -> bool:
        return self._closing is None and self._playout.interruptible

    def _take_floor(self, onset: int, sign: Sign) -> None:
        """A first sign of the caller. Over our own words it is a hold: silence now, decide later."""
        if not self._interruptible():
            return
        self._take_end_as_heard()
        if self._turns.floor is Floor.BOT:
            self._hold(onset, sign)
        elif sign is Sign.SPOKE:
            self._turns.sign(sign)

    def _take_end_as_heard(self) -> None:
        """Our last sound has been played, only the echo of its mark is under way: the caller interrupts nothing."""
        if self._turns.floor is Floor.BOT and self._playout.silent(self._now) and not self._replies.audible:
            self._voice.hold(self._now)
            self._playout.resume()
            if self._playout.idle:
                self._turns.sign(Sign.HEARD)

    def _hold(self, onset: int, sign: Sign) -> None:
        if self._voice.hold(self._now) and self._leg is not None:
            self._do(c.ClearPlayback(self._leg))
        self._turns.begin_hold(onset, sign)
        self._note("held")

    def _confirm(self, sign: Sign) -> None:
        """It was a turn of the caller: what they have not heard of us is dropped."""
        if self._turns.floor is Floor.BOT:
            self._hold(self._now, Sign.SPOKE)
        hold = self._turns.end_hold(sign)
        cut_ms = self._voice.drop(self._now)
        if hold is not None:
            self._do(c.BargeInMeasured("confirmed", max(0, (hold.sign_ms or self._now) - hold.onset_ms), cut_ms))
            self._voice.heard_more = True

    def _play_on(self) -> None:
        """It was nothing: our words come back, from the first one not heard."""
        hold = self._turns.end_hold(Sign.RESUMED)
        assert hold is not None, "only a hold can turn out to be nothing"
        self._playout.resume()
        self._deaf.stop()
        self._turns.turned_at = self._now
        self._do(c.BargeInMeasured("resumed", self._now - hold.onset_ms, 0))
        if hold.incomplete:
            self._texts.ask(texts.GO_ON)

    # --- the model session ----------------------------------------------------------------------------------------

    def _attach(self) -> None:
        """Ask for a session. It hears again what was not answered, or gets it in writing where the audio is gone."""
        self._voice.measure(self._now)
        if self._uplink.unanswered:
            self._account.take_back_unanswered()
        elif unanswered := self._account.unanswered():
            self._texts.ask(unanswered)
        session = self._attachment.ask(self._now)
        history = self._account.for_session(self.setup.opening, self._attachment.shortened)
        self._do(c.AttachSession(session, tuple(history)))

    def _attach_again(self) -> None:
        if _due(self._attach_again_at(), self._now):
            if self._texts:
                self._failure.start(self._now)  # the caller waits for the rest
            self._attach()

    def _session_attached(self, event: e.SessionAttached) -> None:
        if event.session > self._attachment.ordinal or self._attachment.attached_to(event.session):
            return
        if event.session < self._attachment.ordinal or not self._attachment.live:
            self._do(c.CloseSession(event.session))  # it came too late
            return
        self._attachment.attach(self._now)
        self._note("session attached", "cold" if event.cold else "")
        if self._uplink.unanswered and not self._turns.speaking and not self._answer.running:
            self._answer.start(self._now)  # it hears again what was said, and owes the answer
        self._do_all(self._uplink.attach(event.session))

    def _recover(self, failure: e.Failure, detail: str = "") -> None:
        """The session is of no more use: close it, and go on with another if that can help."""
        self._note("session failed", f"{failure}: {detail}" if detail else str(failure))
        self._do(c.CloseSession(self._attachment.ordinal))
        self._voice.measure(self._now)
        if self._answer.running or self._replies.audible or self._uplink.unanswered:
            self._failure.start(self._now)
        if self._replies.audible and self._replies.voiced:
            self._texts.ask(texts.GO_ON)
        another = self._attachment.fail(failure, self._now)
        self._abandon_session(failure)
        if self._closing is not None:
            self._closing.give_up_reply()
        elif not another:
            self._close(Disposition.ENGINE_FAILED, "apology")
        elif failure is e.Failure.THROTTLED:
            self._voice.fill("wait", self._now)
        elif self.phase is Phase.LIVE:
            self._attach_again()
            if failure is e.Failure.FILTERED:
                self._voice.fill("repeat", self._now)

    def _abandon_session(self, failure: e.Failure) -> None:
        self._answer.stop()
        self._deaf.stop()
        self._replies.forget()
        self._voice.break_off()
        self._texts.send_again()
        if failure is e.Failure.FILTERED:  # what they said last must not be sent again, in any form
            self._uplink.answered()
            self._account.answered()
            self._texts.clear()
        self._uplink.detach()
        if self._turns.hold is not None and not self._turns.speaking:
            self._play_on()  # nobody will tell us any more what that sound was

    def _session_stalled(self, event: e.SessionStalled) -> None:
        self._recover(e.Failure.STALLED)

    def _session_failed(self, event: e.SessionFailed) -> None:
        self._recover(event.failure, event.detail)

    # --- what the model says --------------------------------------------------------------------------------------

    def _user_text(self, event: e.UserText) -> None:
        self._silence.caller_is_there()
        self._waterfall.transcript(self._now)
        self._replies.over()
        self._account.forget_plans()
        if self._turns.floor is Floor.HELD or (self._playout.has_reply and self._interruptible()):
            self._confirm(Sign.TURNED)
        elif self._turns.floor is Floor.BOT:
            self._drop_outdated()
        else:
            self._turns.sign(Sign.TURNED)
        self._turns.turned_at = self._now
        self._account.caller_said(event.text)
        self._answer.start(self._now)

    def _interrupted(self, event: e.Interrupted) -> None:
        incomplete = self._replies.open
        self._replies.over()
        self._voice.break_off()
        self._take_floor(self._now, Sign.INTERRUPTED)
        if self._turns.hold is not None:
            self._turns.interrupted(self._now, incomplete)
            return
        self._drop_outdated()
        if incomplete and not self._answer.running:
            self._answer.start(self._now, fillers=1)  # the rest of it is owed, should no words follow

    def _drop_outdated(self) -> None:
        """A phrase that may not be cut goes on; a reply behind it is out of date. A goodbye is never."""
        if self._closing is None and not self._playout.interruptible:
            self._playout.drop_waiting()

    def _engine_heard_speech(self, event: e.EngineHeardSpeech) -> None:
        if self._turns.speaking or not self._uplink.unanswered:  # else it hears again what we know
            self._take_floor(self._now, Sign.SPOKE)

    def _engine_heard_pause(self, event: e.EngineHeardPause) -> None:
        self._turns.engine_paused(self._now)

    def _reply_text(self, event: e.ReplyText) -> None:
        if event.stage is e.Stage.FINAL:
            self._account.correct(event.session, event.text)
            return
        self._waterfall.reply_text(self._now)
        if self._replies.admits(event.content):
            self._account.plan(event.content, event.text)

    def _reply_text_ended(self, event: e.ReplyTextEnded) -> None:
        if event.stop is e.Stop.END_TURN:
            self._replies.complete()

    def _reply_started(self, event: e.ReplyStarted) -> None:
        self._admit(event.session, event.content)

    def _reply_audio(self, event: e.ReplyAudio) -> None:
        if not event.audio or not self._admit(event.session, event.content):
            return
        self._prove_alive()
        self._voice.speak(event.session, event.content, event.audio)
        if self._closing is not None:
            self._closing.replied = True
        elif self._turns.unheeded and self._turns.floor is Floor.CALLER:
            self._hold(self._turns.spoke_at, Sign.OVERLAPPED)

    def _admit(self, session: int, content: str) -> bool:
        if not self._replies.admits(content):
            return False
        if self._turns.hold is not None and self._turns.hold.sign_ms is not None:
            self._confirm(Sign.TOOK)  # the engine broke off one reply and now gives another
        self._voice.begin(session, content)
        return True

    def _prove_alive(self) -> None:
        """Audio of an answer: nothing is owed any more."""
        self._attachment.prove()
        self._waterfall.reply_audio(self._now)
        self._answer.stop()
        self._failure.stop()
        self._texts.answered()
        self._account.answered()
        self._replies.voiced = True
        if not self._turns.unheeded:
            self._uplink.answered()

    def _reply_ended(self, event: e.ReplyEnded) -> None:
        self._voice.end(event.session, event.content)
        self._replies.end(event.content, event.stop is e.Stop.END_TURN)  # an interruption has an event of its own

    def _usage_reported(self, event: e.UsageReported) -> None:
        """Counted by the house; here it is a sign of life like any other."""

    # --- tools ----------------------------------------------------------------------------------------------------

    def _tool_called(self, event: e.ToolCalled) -> None:
        if event.run in self._runs:
            if not self._runs.pending_in(event.session):
                self._do(c.AnswerTool(event.session, event.run, runs.NAME_TAKEN))
            return
        if event.name == END_CALL:
            self._end_by_model(event)
            return
        self._runs.begin(event.run, event.session, event.name, self._now + self._t.tool_limit)
        self._do(c.RunTool(event.run, event.name, event.arguments))
        self._do_all(self._uplink.pause(True))
        if not self._answer.running:
            self._answer.start(self._now)

    def _end_by_model(self, event: e.ToolCalled) -> None:
        self._note("end_call", end_reason(event.arguments))
        self._do(c.AnswerTool(event.session, event.run, runs.ENDING))
        self._close(disposition_of(event.arguments), "goodbye", reply_is_coming=True)

    def _tool_answered(self, event: e.ToolAnswered) -> None:
        run = self._runs.take(event.run)
        if run is not None:
            self._note("tool answered", f"{run.name}: {event.outcome}, {event.ms} ms")
            self._hand_over(run, event.result)

    def _hand_over(self, run: runs.Run, result: str) -> None:
        """To the session that asked, or in writing to the one that came after it."""
        self._do_all(self._uplink.pause(bool(self._runs)))
        if run.session != self._attachment.ordinal or not self._attachment.attached:
            self._texts.ask(texts.result_came_late(run.name, result))
            return
        self._do(c.AnswerTool(run.session, run.run, result))
        self._answer.start(self._now)

    # --- the end --------------------------------------------------------------------------------------------------

    def _end_ordered(self, event: e.EndOrdered) -> None:
        self._close(Disposition.ORDERED, "goodbye")

    def _close(self, disposition: Disposition, phrase: str, reply_is_coming: bool = False) -> None:
        """Say a last line and hang up when it was heard. From here on the model is hushed, unless it must say the
        goodbye itself because none was rendered."""
        if self._closing is not None:
            return
        if self._leg is None:
            self._end(disposition)
            return
        if self._turns.hold is not None:
            self._confirm(Sign.TOOK)
        self.phase = Phase.CLOSING
        self._answer.stop()
        self._texts.clear()
        said = self._voice.say(phrase)
        by_model = not said and phrase == "goodbye" and self._attachment.attached
        until = self._now + self._playout.left_ms(self._now) + self._t.slow_answer_again
        self._closing = Closing(disposition, by_model, until)
        if not by_model:
            self._replies.mute()
            self._playout.end_all()
        elif not reply_is_coming:
            self._texts.ask(texts.SAY_GOODBYE)

    def _end(self, disposition: Disposition) -> None:
        self.phase, self.disposition, self._deadline = Phase.ENDED, disposition, None
        self._do_all(c.CancelTool(run.run) for run in self._runs.take_all())
        if self._leg is not None:
            self._do(c.KeepSnapshot())  # whoever is asked what follows the stream must know that nothing does
            self._do(c.HangUp(self._leg))
        if self._attachment.live:
            self._do(c.CloseSession(self._attachment.ordinal))
        self._do(c.EndCall(str(disposition)))

    # --- what time brings -----------------------------------------------------------------------------------------

    def _time_passed(self, event: e.TimePassed) -> None:
        """Everything is in `_advance`."""

    def _advance(self) -> None:
        for step in _STEPS:
            if self.phase is Phase.ENDED:
                return
            step(self)
        if self.phase is not Phase.ENDED:
            self._deadline = min((at for at in self._wakeups() if at is not None), default=None)

    def _wakeups(self) -> Iterable[int | None]:
        """When each of the steps below may have something to do."""
        yield self._playout.deadline(self._now)
        if self._closing is not None:
            yield self._closing.deadline(self._now)
            return
        yield self._too_long_at()
        yield self._runs.deadline()
        yield self._keys.deadline()
        if self.phase is Phase.AWAY:
            yield self._away_since + self._t.leg_lost
        if self.phase is not Phase.LIVE:
            return
        yield self._plays_on_at()
        yield self._attachment.overdue_at()
        yield self._attach_again_at()
        yield self._first_attach_at()
        yield self._silence.deadline()
        if self._alarms_on():
            yield self._failure.deadline()
            yield self._deaf_at()
            yield self._answer.give_up_at(self._patient())
            yield self._answer.fill_at(self._patient()) if self._playout.silent(self._now) else None

    def _limits(self) -> None:
        if self._closing is not None:
            return
        if self.phase is Phase.AWAY and self._now >= self._away_since + self._t.leg_lost:
            self._end(Disposition.CALLER_LOST)
        elif _due(self._too_long_at(), self._now):
            self._close(Disposition.TOO_LONG, "goodbye")

    def _overdue_marks(self) -> None:
        if self._voice.lapse(self._now):
            self._note("mark overdue")

    def _outcome_of_hold(self) -> None:
        if _due(self._plays_on_at(), self._now):
            self._uplink.answered()  # what we took for speech is nothing to be heard again
            self._play_on()

    def _fall_silent(self) -> None:
        """All of ours was heard. Between the sentences of a reply that is still being made, an answer is owed again."""
        if self._playout.idle and self._turns.floor is Floor.BOT:
            self._turns.sign(Sign.HEARD)
        unfinished = self._replies.audible and self._replies.voiced
        if unfinished and not self._answer.running and not self._playout.held and self._playout.silent(self._now):
            self._answer.start(self._now, fillers=1)
        if self._voice.heard_more and self._playout.idle and not self._replies.audible:
            self._voice.heard_more = False
            self._do(c.KeepSnapshot())

    def _keep_attached(self) -> None:
        if self.phase is not Phase.LIVE:
            return
        if _due(self._attachment.overdue_at(), self._now):
            self._recover(e.Failure.TIMED_OUT, "opening")
        elif _due(self._first_attach_at(), self._now):
            self._attach()
        else:
            self._attach_again()

    def _sound_alarms(self) -> None:
        if not self._alarms_on():
            return
        silent = self._playout.silent(self._now)
        if _due(self._failure.deadline(), self._now):
            self._failure.stop()
            self._voice.fill("sorry", self._now)
        elif _due(self._deaf_at(), self._now):
            self._voice.fill("sorry" if self._uplink.unanswered else "repeat", self._now)
            self._recover(e.Failure.STALLED, "deaf")
        elif alarm := self._answer.alarm(self._now, self._patient(), silent):
            self._sound(alarm)

    def _sound(self, alarm: Alarm) -> None:
        if alarm is Alarm.FILL:
            self._answer.filled(self._now)
            self._voice.fill("wait", self._now)
        else:
            self._voice.fill("sorry", self._now)
            self._recover(e.Failure.TIMED_OUT, "no answer")

    def _overdue_tools(self) -> None:
        if self._closing is not None:
            return  # they are broken off with the call
        for run in self._runs.take_overdue(self._now):
            self._note("tool overdue", run.name)
            self._do(c.CancelTool(run.run))
            self._hand_over(run, runs.TOO_SLOW)

    def _speak_live_text(self) -> None:
        keys = self._keys.take(self._now)
        if keys is not None and self._closing is None:
            self._texts.ask(keys)
        if self._texts and self._both_quiet():
            self._do(c.SendText(self._attachment.ordinal, self._texts.send()))
            self._answer.start(self._now)

    def _prompt_silence(self) -> None:
        self._silence.watch(self._nobody_speaks(), self._now)
        if not self._silence.due(self._now):
            return
        if not self._silence.ask(self._now):
            self._close(Disposition.CALLER_SILENT, "goodbye")
        elif not self._voice.say("still_there"):
            self._texts.ask(texts.STILL_THERE)
            self._speak_live_text()

    def _close_when_heard(self) -> None:
        if self._closing is None:
            return
        silent = self._playout.silent(self._now)
        if self._closing.over(self._now, self._playout.idle, silent, self._replies.open):
            self._end(self._closing.disposition)

    def _pump(self) -> None:
        commands = self._playout.pump(self._now)
        self._do_all(commands)
        if not any(type(command) is c.PlayFrames for command in commands):
            return
        self._turns.sign(Sign.PLAYED)
        self._failure.stop()
        if not self._first_word and self._began is not None:
            self._first_word = True
            self._do(c.FirstWordPlayed(self._now - self._began))
        if self._playout.reply_left and (measured := self._waterfall.first_frame(self._now)) is not None:
            self._do(measured)

    # --- when -----------------------------------------------------------------------------------------------------

    def _elapsed(self) -> int:
        return self._elapsed_before + (0 if self._began is None else self._now - self._began)

    def _too_long_at(self) -> int | None:
        return None if self._began is None else self._began - self._elapsed_before + self._t.max_call

    def _plays_on_at(self) -> int | None:
        hold = self._turns.hold
        if hold is None or self.phase is not Phase.LIVE:
            return None
        return hold.plays_on_at(self._t, self._attachment.attached_at)

    def _first_attach_at(self) -> int | None:
        """The model comes in when the greeting was heard, when the caller takes the floor, or after 10 s."""
        if self._began is None or self._attachment.live or self._attachment.retry_at is not None:
            return None
        if self._playout.idle or self._turns.floor in (Floor.CALLER, Floor.HELD, Floor.OWED):
            return self._now
        return self._began + self._t.attach_after

    def _attach_again_at(self) -> int | None:
        """Another session comes in when the rest of a broken reply was heard, or the caller takes the floor: only then
        can its history say truly what they have heard."""
        hearing = self._turns.floor is Floor.BOT and self._playout.reply_unheard and not self._uplink.unanswered
        return None if hearing else self._attachment.retry_at

    def _deaf_at(self) -> int | None:
        at, attached_at = self._deaf.deadline(), self._attachment.attached_at
        if at is None or attached_at is None:
            return None
        return max(at, attached_at + self._t.deaf_quiet)

    def _alarms_on(self) -> bool:
        return self.phase is Phase.LIVE and not self._turns.speaking and self._turns.hold is None

    def _patient(self) -> bool:
        return self._runs.pending_in(self._attachment.ordinal) or not self._attachment.attached

    def _both_quiet(self) -> bool:
        return (
            self._leg is not None
            and self._attachment.attached
            and self._playout.idle
            and not self._turns.speaking
            and not self._replies.audible
            and not self._answer.running
        )

    def _nobody_speaks(self) -> bool:
        return (
            self.phase is Phase.LIVE
            and self._playout.idle
            and not self._turns.speaking
            and not self._answer.running
            and not self._runs
        )

    # --- hands ----------------------------------------------------------------------------------------------------

    def _do(self, command: c.Command) -> None:
        self._out.append(command)

    def _do_all(self, commands: Iterable[c.Command]) -> None:
        self._out.extend(commands)

    def _note(self, what: str, detail: str = "") -> None:
        self._out.append(c.Note(what, detail))


def _due(at: int | None, now: int) -> bool:
    return at is not None and now >= at


# What time brings, in this order. `_fall_silent` comes twice: what stands between may have dropped all we had in hand.
_STEPS: tuple[Callable[[Call], None], ...] = (
    Call._limits,
    Call._overdue_marks,
    Call._outcome_of_hold,
    Call._fall_silent,
    Call._keep_attached,
    Call._overdue_tools,
    Call._sound_alarms,
    Call._speak_live_text,
    Call._prompt_silence,
    Call._fall_silent,
    Call._close_when_heard,
    Call._pump,
)

type Handler = Callable[[Call, Any], None]


def _of_leg(handler: Handler) -> Handler:
    def of_current_leg(call: Call, event: Any) -> None:
        if event.leg == call._leg:
            handler(call, event)

    return of_current_leg


# An engine may notice a sound, or send what an earlier turn has left, and still be deaf to what is said.
_NO_ANSWER = (e.EngineHeardSpeech, e.EngineHeardPause, e.UsageReported, e.ReplyTextEnded)


def _of_session(handler: Handler) -> Handler:
    def of_current_session(call: Call, event: Any) -> None:
        if call._attachment.live and event.session == call._attachment.ordinal:
            if type(event) not in _NO_ANSWER:
                call._deaf.stop()
            handler(call, event)
        elif type(event) is e.ReplyText and event.stage is e.Stage.FINAL:
            handler(call, event)

    return of_current_session


_HANDLERS: Mapping[type[e.Event], Handler] = {
    e.LegAttached: Call._leg_attached,
    e.CallerSpoke: _of_leg(Call._caller_spoke),
    e.CallerPaused: _of_leg(Call._caller_paused),
    e.KeyPressed: _of_leg(Call._key_pressed),
    e.MarkEchoed: _of_leg(Call._mark_echoed),
    e.LegStalled: _of_leg(Call._leg_stalled),
    e.LegEnded: _of_leg(Call._leg_ended),
    e.CallCompleted: Call._call_completed,
    e.SessionAttached: Call._session_attached,
    e.UserText: _of_session(Call._user_text),
    e.ReplyText: _of_session(Call._reply_text),
    e.ReplyTextEnded: _of_session(Call._reply_text_ended),
    e.ReplyStarted: _of_session(Call._reply_started),
    e.ReplyAudio: _of_session(Call._reply_audio),
    e.ReplyEnded: _of_session(Call._reply_ended),
    e.Interrupted: _of_session(Call._interrupted),
    e.EngineHeardSpeech: _of_session(Call._engine_heard_speech),
    e.EngineHeardPause: _of_session(Call._engine_heard_pause),
    e.ToolCalled: _of_session(Call._tool_called),
    e.UsageReported: _of_session(Call._usage_reported),
    e.SessionStalled: _of_session(Call._session_stalled),
    e.SessionFailed: _of_session(Call._session_failed),
    e.ToolAnswered: Call._tool_answered,
    e.TimePassed: Call._time_passed,
    e.EndOrdered: Call._end_ordered,
}
