"""Giving the caller to a person, taking a message, and coming back with memory.

A caller leaves in one of two ways. After a **farewell** (the phrase is heard to its end) the leg is hung up, and what
the carrier is told at /twilio/next is the call's `onward`. Or, where the person can be asked first, the caller
**holds** in the stream while somebody is rung; once that person accepts, the leg is hung up and both meet in a
conference.

Meanwhile there is no model session: it costs, it would idle out, and what a caller says to a hold line is meant for
nobody. Whatever comes of it but a conversation, the caller comes **back**: a new session gets the history, and is told
in writing what happened.
"""

import json
from collections.abc import Iterable, Mapping

from app.call import built_in, ending, floor, results, session, texts
from app.call import commands as c
from app.call import events as e
from app.call.course import LineSign, Phase
from app.call.departure import LAST_WORD_MS, Stage
from app.call.disposition import Disposition
from app.call.onward import Onward, OnwardResult
from app.call.scene import Scene
from app.call.setup import Target
from app.call.turns import Sign

ABOUT = ("summary", "reason", "tried", "promised")  # what a person may be told
BACK_KEY = "*"  # pressed by a caller who no longer wants to hold
TAKEN = "message_taken"  # the phrase for who comes back from leaving a message
BETWEEN_HOLDS_MS = 4_000

CLOSED = json.dumps(
    {"error": "closed", "advice": "Nobody is there at this hour. Say so, and offer to take a message or a call-back."}
)
UNDER_WAY = json.dumps({"status": "The caller is being put through. Say nothing."})
RECORDING = json.dumps({"status": "The caller is asked to speak after the tone. Say nothing."})
NOTED = json.dumps({"status": "noted", "advice": "Tell the caller that somebody will call back."})

# --- leaving ----------------------------------------------------------------------------------------------------------


def to_target(scene: Scene, name: str, summary: str = "", **about: str) -> bool:
    """Begin to give the caller to a configured target. False where there is none of that name, where nobody is there
    (the caller is told so), or where the caller is leaving already. `about`: reason, tried, promised."""
    target = scene.setup.targets.get(name)
    if target is None or not _may_leave(scene):
        return False
    if not target.open:
        if not scene.voice.say("closed"):
            scene.texts.ask(texts.closed(name, scene.setup.messages))
        return False
    given = {"summary": summary} | about
    _leave_for(scene, target, {key: told for key in ABOUT if (told := built_in.words(given.get(key, "")))})
    return True


def to_voicemail(scene: Scene, about: str = "") -> bool:
    """Begin to take a message."""
    if not scene.setup.messages or not _may_leave(scene):
        return False
    told = {"about": about} if about else {}
    _say_farewell(scene, Onward("voicemail", scene.departure.next_attempt(), about=told), "leave_message")
    return True


def _may_leave(scene: Scene) -> bool:
    return scene.phase is Phase.LIVE and scene.leg is not None and not scene.departure.under_way


def _leave_for(scene: Scene, target: Target, about: Mapping[str, str]) -> None:
    attempt = scene.departure.next_attempt()
    if not target.warm:
        _say_farewell(scene, Onward("queue" if target.queue else "dial", attempt, target.name, about), "transfer")
        return
    _leave_model(scene)
    scene.departure.begin(Stage.HOLDING, Onward("join", attempt, target.name, about), scene.now)
    scene.do(c.RingPerson(attempt, target.name, about))
    _hold_on(scene)


def _say_farewell(scene: Scene, onward: Onward, phrase: str) -> None:
    _leave_model(scene)
    scene.departure.begin(Stage.FAREWELL, onward, scene.now)
    scene.voice.say(phrase)


def _leave_model(scene: Scene) -> None:
    """What was said is dealt with: no session is to answer it when the caller comes back."""
    if scene.turns.hold is not None:
        floor.confirm(scene, Sign.TOOK)
    scene.course.line(LineSign.LEAVES)
    scene.waterfall.void()
    scene.do_all(scene.pad.close())
    scene.account.answered()
    scene.do_all(c.CancelTool(run.run) for run in scene.runs.take_all())
    session.release(scene)
    scene.turns.leave()


def _go(scene: Scene) -> None:
    """Out of the stream: from here on /twilio/next says where."""
    assert scene.departure.onward is not None
    scene.departure.go(scene.now)
    scene.course.line(LineSign.WENT)
    scene.note("onward", scene.departure.onward.way)
    scene.do(c.KeepSnapshot())
    if scene.leg is not None:
        scene.do(c.HangUp(scene.leg))
    scene.leg = None
    scene.voice.move(None, scene.now)
    scene.voice.drop(scene.now)  # a hold line, at most


# --- while they leave -------------------------------------------------------------------------------------------------


def go_on_leaving(scene: Scene) -> None:
    """What time brings to a caller who is leaving, or outside."""
    departure = scene.departure
    match departure.stage:
        case Stage.FAREWELL if scene.phase is Phase.LEAVING and scene.playout.idle:
            _go(scene)
        case Stage.HOLDING if scene.due(_rung_enough_at(scene)):
            assert departure.onward is not None
            scene.do(c.StopRinging(departure.onward.attempt))
            _come_back(scene, OnwardResult.NO_ANSWER)
        case Stage.HOLDING if scene.phase is Phase.LEAVING and scene.playout.idle:
            _hold_on(scene)
        case Stage.OUT if scene.due(_outside_until(scene)):
            ending.end(scene, Disposition.TRANSFERRED if departure.met else _unmet(scene))


def wakeups(scene: Scene) -> Iterable[int | None]:
    match scene.departure.stage:
        case Stage.HOLDING:
            yield _rung_enough_at(scene)
            yield scene.departure.hold_at if scene.phase is Phase.LEAVING and scene.playout.idle else None
        case Stage.OUT:
            yield _outside_until(scene)


def _hold_on(scene: Scene) -> None:
    """The hold line, again and again, with silence between."""
    departure = scene.departure
    if departure.hold_at is None or scene.due(departure.hold_at):
        _say_one_of(scene, "hold", "wait")
        departure.hold_at = scene.now + scene.playout.left_ms(scene.now) + BETWEEN_HOLDS_MS


def _rung_enough_at(scene: Scene) -> int:
    return scene.departure.since + scene.timings.ring_person


def _outside_until(scene: Scene) -> int:
    departure = scene.departure
    if departure.over_at is not None:
        return departure.over_at + LAST_WORD_MS
    return departure.since + scene.timings.with_person


def _unmet(scene: Scene) -> Disposition:
    return Disposition.CALLER_LOST if scene.departure.over_at is None else Disposition.CALLER_HUNG_UP


def key_while_leaving(scene: Scene, event: e.KeyPressed) -> None:
    departure = scene.departure
    if departure.stage is Stage.HOLDING and event.key == BACK_KEY:
        assert departure.onward is not None
        scene.do(c.StopRinging(departure.onward.attempt))
        scene.note("hold given up")
        _receive(scene, "back_again", texts.never_mind(departure.onward.target))


def leg_came(scene: Scene) -> None:
    """The line was lost and is back while the caller is leaving."""
    if scene.departure.stage is Stage.HOLDING:
        scene.course.line(LineSign.LEAVES)
        return
    scene.course.line(LineSign.WENT)
    if scene.leg is not None:
        scene.do(c.HangUp(scene.leg))  # the carrier will ask what follows, and be told
    scene.leg = None
    scene.voice.move(None, scene.now)


def leg_lost(scene: Scene) -> bool:
    """True where a line that is lost changes nothing: the caller was about to leave it."""
    if scene.departure.stage is Stage.FAREWELL:
        _go(scene)
        return True
    return False


# --- what people do ---------------------------------------------------------------------------------------------------


def person_accepted(scene: Scene, event: e.PersonAccepted) -> None:
    departure = scene.departure
    if not departure.meets(event.attempt):
        return
    departure.met = True
    if departure.stage is Stage.HOLDING:
        scene.note("person accepted", departure.onward.target if departure.onward else "")
        _go(scene)


def person_refused(scene: Scene, event: e.PersonRefused) -> None:
    if scene.departure.meets(event.attempt) and scene.departure.stage is Stage.HOLDING:
        _come_back(scene, event.result)


def onward_ended(scene: Scene, event: e.OnwardEnded) -> None:
    departure = scene.departure
    if departure.stage is not Stage.OUT or not departure.meets(event.attempt):
        return
    if event.result is OnwardResult.TALKED:
        departure.come_back(scene.now)
        ending.end(scene, Disposition.TRANSFERRED)
    elif departure.over_at is not None:
        recorded = event.result is OnwardResult.RECORDED
        ending.end(scene, Disposition.MESSAGE_LEFT if recorded else _unmet(scene))
    else:
        _come_back(scene, event.result)


def call_completed(scene: Scene) -> bool:
    """The telephone call is over while the carrier has the caller. True where what became of them may still be told."""
    departure = scene.departure
    if departure.welcome == TAKEN:  # they hung up behind their message, and that was told first
        ending.end(scene, Disposition.MESSAGE_LEFT)
        return True
    if departure.stage is not Stage.OUT:
        return False
    if departure.met:
        ending.end(scene, Disposition.TRANSFERRED)
    elif departure.over_at is None:
        departure.over_at = scene.now
    return True


# --- coming back ------------------------------------------------------------------------------------------------------


def _come_back(scene: Scene, result: OnwardResult) -> None:
    onward = scene.departure.onward
    assert onward is not None
    scene.note("onward ended", f"{onward.way}: {result}")
    scene.digest.tried(f"putting the caller through to {onward.target}" if onward.target else "a message", result)
    match result:
        case OnwardResult.RECORDED:
            _receive(scene, TAKEN, texts.MESSAGE_TAKEN)
        case OnwardResult.EMPTY:
            _receive(scene, "back_again", texts.NO_MESSAGE)
        case _:
            _receive(scene, "nobody_answered", texts.nobody_took_it(onward.target, result, scene.setup.messages))


def _receive(scene: Scene, phrase: str, text: str) -> None:
    """The caller is ours again, at once if they have a leg."""
    scene.departure.come_back(scene.now)
    scene.texts.clear()
    scene.texts.ask(text)
    scene.turns.leave()
    if scene.leg is None:
        scene.departure.welcome = phrase
        if scene.phase is Phase.ONWARD:
            scene.course.line(LineSign.RETURNED)
            scene.away_since = scene.now
        scene.do(c.ExpectSession(scene.voice.language))
        scene.do(c.KeepSnapshot())
        return
    scene.course.line(LineSign.RETURNED)
    if scene.playout.in_flight:
        scene.do(c.ClearPlayback(scene.leg))
        scene.note("hold cut")
    scene.voice.drop(scene.now)  # the rest of a hold line
    _say_one_of(scene, phrase, "back_again")
    session.attach(scene)


def _say_one_of(scene: Scene, *phrases: str) -> None:
    any(scene.voice.say(phrase) for phrase in phrases)


# --- what the model asks for ------------------------------------------------------------------------------------------


def transfer_called(scene: Scene, event: e.ToolCalled) -> None:
    asked = built_in.given(event.arguments)
    name = asked.get("target")
    target = scene.setup.targets.get(name) if isinstance(name, str) else None
    if target is None or not _may_leave(scene):
        results.give(scene, event.session, event.run, built_in.NOT_OFFERED)
    elif not target.open:
        results.give(scene, event.session, event.run, CLOSED)
    else:
        scene.do(c.AnswerTool(event.session, event.run, UNDER_WAY))
        to_target(scene, target.name, **{key: built_in.words(asked.get(key, "")) for key in ABOUT})


def take_message_called(scene: Scene, event: e.ToolCalled) -> None:
    if not scene.setup.messages or not _may_leave(scene):
        results.give(scene, event.session, event.run, built_in.NOT_OFFERED)
        return
    scene.do(c.AnswerTool(event.session, event.run, RECORDING))
    to_voicemail(scene, built_in.words(built_in.given(event.arguments).get("about", "")))


def call_back_called(scene: Scene, event: e.ToolCalled) -> None:
    if not scene.setup.messages:
        results.give(scene, event.session, event.run, built_in.NOT_OFFERED)
        return
    asked = built_in.given(event.arguments)
    about = {key: told for key in ("about", "when") if (told := built_in.words(asked.get(key, "")))}
    scene.do(c.LeaveWord("call_back", about))
    scene.note("call-back noted")
    scene.digest.promised("somebody calls back", about)
    results.give(scene, event.session, event.run, NOTED)
