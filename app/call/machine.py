"""The theory of a call.

A call is a pure machine. `handle` is told what happened, and when; it answers what to do, in order. `next_deadline`
says when it wants to be told that time has passed. It owns no task, socket, clock or queue, so a call can be read,
tested and replayed without a telephone.

**Phases.** A call is *ringing* until its first leg, *live* while it has one, *away* while a lost leg may come back
(20 s), *leaving* while a last line or a hold line is heard before a person has the caller, *onward* while the carrier
has them (`transfer`), *closing* while a last line is heard to its end, and then *ended*, where nothing moves it any
more (`leg`, `ending`).

**The floor** (`floor`, `turns`) says who speaks. A sound of the caller while we speak is no interruption yet: it is a
**hold**. We stop within the same step and keep our words (`playout`); a transcript, a key or a new reply confirms that
it was a turn and drops them, quiet brings them back. Each clear begins an **epoch** of marks, because a telephone that
drops its buffer echoes every mark in it.

**What is current.** Legs and sessions are numbered; events of another number are not ours, except FINAL texts, which
come late and still tell the truth, and what was used, which is paid for. The protocol has no way to stop a reply, so
`replies` knows which contents may be heard, by their ids and never by time (`model`).

**What was heard** is what was said: `history` takes a sentence into the account when its audio begins, and counts as
much of it as reached the ear.

**Known answers.** A plain turn that a rendered phrase answers is answered at once, and the model kept from answering
it: its session is changed for one that knows the truth, or nobody hears it (`known`). Another language is another
session, too (`language`).

**A machine may answer** a call that we placed. The greeting does not wait for the carrier's verdict; when it comes, we
fall silent and leave a message, or hang up, unless what was said meanwhile shows a person (`answerer`).

**Nothing owed is forgotten.** `clocks` run from evidence (a transcript, a tool, a text we sent, a failure, speech the
engine was deaf to) until the first audio of the answer (`quiet`). A session that fails is followed by another with the
corrected history and the caller's unanswered audio (`session`). Where three in a row fail, or one cannot succeed, the
call goes down the ladder: a menu without a model, a person, a goodbye (`ladder`).

Each event is handled in two strokes: its handler changes what is known (the `scene`), then all that has fallen due by
now is done, always in the order of `_STEPS`, and the frames there is room for are sent. Caller audio, 50 times a
second, changes nothing but the uplink and takes a short way.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from app.call import (
    answerer,
    caps,
    ending,
    floor,
    keypad,
    known,
    ladder,
    leg,
    model,
    moving,
    quiet,
    session,
    snapshots,
    succession,
    texts,
    transfer,
)
from app.call import commands as c
from app.call import events as e
from app.call.course import Phase
from app.call.departure import Stage
from app.call.disposition import Disposition
from app.call.history import Line
from app.call.onward import Onward
from app.call.scene import Scene
from app.call.setup import CallSetup
from app.call.turns import Floor


class Call:
    """One telephone call. `handle` takes every event in every phase and never raises for one."""

    def __init__(self, setup: CallSetup) -> None:
        self._scene = Scene(setup)
        self._deadline: int | None = None

    def handle(self, event: e.Event, now_ms: int) -> list[c.Command]:
        """What to do about `event`, in order. `now_ms` is monotonic, in ms; a step back counts as standing still."""
        scene = self._scene
        if scene.phase is Phase.ENDED:
            return []
        if now_ms > scene.now:
            scene.now = now_ms
        if type(event) is e.CallerAudio:
            if event.leg != scene.leg or scene.departure.under_way:
                return []
            return scene.uplink.push(event.audio, event.ms)
        _HANDLERS[type(event)](scene, event)
        _advance(scene)
        self._deadline = min((at for at in _wakeups(scene) if at is not None), default=None)
        return scene.take_commands()

    def next_deadline(self) -> int | None:
        """When to call `handle(TimePassed())`, if nothing else happens before."""
        return self._deadline

    def snapshot(self) -> dict[str, Any]:
        """All that another process needs to go on from here: a JSON document (see `snapshots`)."""
        scene = self._scene
        ringing = scene.departure.lost_if_resumed
        lost = () if ringing is None else (texts.ring_lost(ringing.target),)
        tools, asked = keypad.lost_with_the_call(scene)
        state = snapshots.State(
            history=tuple(self.transcript()),
            tools=(*scene.runs.names, *tools),
            texts=(*scene.texts.unanswered(), *lost, *asked),
            elapsed_ms=scene.elapsed,
            session=scene.attachment.numbered,
            turns=scene.waterfall.turns,
            asked=scene.silence.asked,
            disposition=scene.disposition,
            language=scene.voice.language,
            onward=scene.departure.outside,
            attempts=scene.departure.attempts,
            menu=scene.pad.menu,
            secrets=scene.pad.secrets,
            digest=scene.digest.facts,
            spent=dict(scene.spent.tokens),
            leaving_message=scene.answering.leaving,
            unheard=bool(scene.uplink.unanswered) and not scene.account.unanswered(),
        )
        return snapshots.write(scene.setup.facts, state)

    @classmethod
    def resume(
        cls, setup: CallSetup, snapshot: Mapping[str, Any], now_ms: int, why: str, wall_ms: int | None = None
    ) -> Self:
        """Go on from a snapshot, in this or another process; the next leg may have any number. `wall_ms` (Unix) tells
        how long the call has lasted; without it the time since the snapshot is not counted.

        Raises ValueError for a snapshot of another schema or another call."""
        kept = snapshots.read(snapshot, setup.facts.call_sid)
        call = cls(setup)
        scene = call._scene
        scene.now = now_ms
        scene.resumed = why or "resumed"
        scene.first_word = True
        scene.elapsed_before = kept.elapsed_ms
        if wall_ms is not None:
            scene.elapsed_before = max(kept.elapsed_ms, wall_ms - setup.facts.started_at_ms)
            scene.known_until = now_ms - (scene.elapsed_before - kept.elapsed_ms)
        if kept.unheard:
            scene.known_until = now_ms - setup.timings.unheard_gap
        scene.account.restore(kept.history)
        scene.attachment.restore(kept.session)
        scene.waterfall.turns = kept.turns
        scene.silence.asked = kept.asked
        scene.disposition = kept.disposition
        if kept.language in setup.tongues:
            scene.voice.language = kept.language
        scene.departure.attempts = kept.attempts
        if kept.onward is not None:
            scene.departure.begin(Stage.OUT, kept.onward, now_ms)
        scene.pad.restore(kept.menu, kept.secrets)
        scene.digest.restore(kept.digest)
        scene.spent.tokens.update(kept.spent)
        scene.answering.restore(kept.leaving_message)
        for text in (*kept.texts, *map(texts.result_lost, kept.tools)):
            scene.texts.ask(text)
        return call

    @property
    def phase(self) -> Phase:
        return self._scene.phase

    @property
    def disposition(self) -> Disposition | None:
        """How it ended."""
        return self._scene.disposition

    @property
    def onward(self) -> Onward | None:
        """Where the carrier is to take the caller, or has taken them, when it asks what follows the stream."""
        return self._scene.departure.outside

    @property
    def floor(self) -> Floor:
        """Who speaks."""
        return self._scene.turns.floor

    @property
    def language(self) -> str:
        """The language it is held in now."""
        return self._scene.voice.language

    def transcript(self) -> list[Line]:
        """What was said and heard until now."""
        return self._scene.voice.transcript(self._scene.now)


# --- the order of steps -----------------------------------------------------------------------------------------------

# What time brings, in this order. `fall_silent` comes twice: what stands between may have dropped all we had in hand.
_STEPS: tuple[Callable[[Scene], None], ...] = (
    leg.give_up_when_lost,
    answerer.act_on_verdict,
    answerer.hear_person,
    ending.close_when_too_long,
    caps.keep_within,
    floor.lapse_marks,
    floor.play_on_when_due,
    floor.fall_silent,
    keypad.keep_entry,
    keypad.lift_guard,
    session.keep_attached,
    model.break_off_overdue_tools,
    quiet.sound_alarms,
    ladder.go_down,
    ladder.keep_offering,
    quiet.send_text,
    quiet.prompt_caller,
    floor.fall_silent,
    succession.renew,
    transfer.go_on_leaving,
    ending.end_when_heard,
    floor.play,
    moving.move_when_quiet,
)


def _advance(scene: Scene) -> None:
    for step in _STEPS:
        if scene.phase is Phase.ENDED:
            return
        step(scene)


def _wakeups(scene: Scene) -> Iterable[int | None]:
    """When each of the steps may have something to do."""
    if scene.phase is Phase.ENDED:
        return
    yield scene.playout.deadline(scene.now)
    if scene.closing is not None:
        yield scene.closing.deadline(scene.now)
        yield answerer.known_as_person_at(scene)
        return
    yield ending.too_long_at(scene)
    yield caps.wakes_at(scene)
    yield scene.runs.deadline()
    yield from keypad.wakeups(scene)
    yield leg.given_up_at(scene)
    yield from transfer.wakeups(scene)
    if scene.phase is not Phase.LIVE:
        return
    yield floor.plays_on_at(scene)
    yield scene.attachment.overdue_at()
    yield session.attach_again_at(scene)
    yield session.first_attach_at(scene)
    yield from succession.wakeups(scene)
    yield scene.silence.deadline()
    yield from quiet.alarms_at(scene)


# --- who handles what -------------------------------------------------------------------------------------------------

type Handler = Callable[[Scene, Any], None]

# An engine may notice a sound, or send what an earlier turn has left, and still be deaf to what is said.
_NO_ANSWER = (e.EngineHeardSpeech, e.EngineHeardPause, e.ReplyTextEnded)


def _of_leg(handler: Handler) -> Handler:
    def of_current_leg(scene: Scene, event: Any) -> None:
        if event.leg == scene.leg:
            handler(scene, event)

    return of_current_leg


def _unless_leaving(handler: Handler, leaving: Handler | None = None) -> Handler:
    """What a caller says or does on the way out is meant for nobody."""

    def of_caller_here(scene: Scene, event: Any) -> None:
        if not scene.departure.under_way:
            handler(scene, event)
        elif leaving is not None:
            leaving(scene, event)

    return _of_leg(of_caller_here)


def _of_person(handler: Handler) -> Handler:
    """Only a person does this while, or before, we leave a message."""

    def of_a_person(scene: Scene, event: Any) -> None:
        if event.leg == scene.leg:
            answerer.caller_acted(scene, event)
        handler(scene, event)

    return of_a_person


def _of_session(handler: Handler) -> Handler:
    def of_current_session(scene: Scene, event: Any) -> None:
        if scene.attachment.live and event.session == scene.attachment.ordinal:
            if type(event) not in _NO_ANSWER:
                scene.deaf.stop()
            scene.answer.sign(scene.now)
            handler(scene, event)
        elif type(event) is e.ReplyText and event.stage is e.Stage.FINAL:
            handler(scene, event)

    return of_current_session


def _session_failed(scene: Scene, event: e.SessionFailed) -> None:
    if event.session == scene.renewal.session:
        succession.failed(scene, event)
    else:
        _of_session(session.failed)(scene, event)


def _call_completed(scene: Scene, event: e.CallCompleted) -> None:
    if not transfer.call_completed(scene):
        ending.call_completed(scene, event)


def _time_passed(scene: Scene, event: e.TimePassed) -> None:
    """The steps do it all."""


_HANDLERS: Mapping[type[e.Event], Handler] = {
    e.LegAttached: leg.attached,
    e.LegStalled: _of_leg(leg.stalled),
    e.LegEnded: _of_leg(leg.ended),
    e.CallerSpoke: _unless_leaving(floor.caller_spoke),
    e.CallerPaused: _of_person(_unless_leaving(floor.caller_paused)),
    e.KeyPressed: _of_person(_unless_leaving(keypad.key_pressed, transfer.key_while_leaving)),
    e.MarkEchoed: _of_leg(floor.mark_echoed),
    e.AnswererKnown: answerer.known,
    e.CallCompleted: _call_completed,
    e.EndOrdered: ending.end_ordered,
    e.MoveOrdered: moving.move_ordered,
    e.SessionAttached: session.attached,
    e.SessionLent: succession.lent,
    e.SessionStalled: _of_session(session.stalled),
    e.SessionFailed: _session_failed,
    e.EngineHeardSpeech: _of_session(floor.engine_heard_speech),
    e.EngineHeardPause: _of_session(floor.engine_heard_pause),
    e.UserText: _of_session(known.user_text),
    e.Interrupted: _of_session(floor.interrupted),
    e.ReplyText: _of_session(model.reply_text),
    e.ReplyTextEnded: _of_session(model.reply_text_ended),
    e.ReplyStarted: _of_session(model.reply_started),
    e.ReplyAudio: _of_session(model.reply_audio),
    e.ReplyEnded: _of_session(model.reply_ended),
    e.UsageReported: model.usage_reported,
    e.ToolCalled: _of_session(model.tool_called),
    e.WordSpoken: _of_session(ladder.word_spoken),
    e.ToolAnswered: model.tool_answered,
    e.PersonAccepted: transfer.person_accepted,
    e.PersonRefused: transfer.person_refused,
    e.OnwardEnded: transfer.onward_ended,
    e.CallerGuarded: keypad.caller_guarded,
    e.TimePassed: _time_passed,
}
