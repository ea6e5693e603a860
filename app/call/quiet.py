"""When nothing sounds: the caller who waits for an answer is kept company and never left in a dead line, the model is
told in writing what it must know, and a caller who says nothing is asked."""

from collections.abc import Iterable

from app.call import commands as c
from app.call import ending, session, texts
from app.call.clocks import Alarm
from app.call.course import Phase
from app.call.disposition import Disposition
from app.call.events import Failure
from app.call.scene import Scene

# --- an answer is owed ------------------------------------------------------------------------------------------------


def sound_alarms(scene: Scene) -> None:
    silent = scene.playout.silent(scene.now)
    scene.tool.watch(bool(scene.runs), silent and _alarms_on(scene), scene.answer.has_filled, scene.now)
    if not _alarms_on(scene):
        return
    if scene.due(_deaf_at(scene)):
        _give_up(scene, Failure.STALLED, "deaf")
    elif alarm := scene.answer.alarm(scene.now, _patient(scene), silent and not _others_fill(scene)):
        _sound(scene, alarm)
    if scene.due(_failure_at(scene)):
        _bridge_failure(scene)
    if silent and scene.due(scene.tool.deadline()):
        _keep_company(scene)


def _bridge_failure(scene: Scene) -> None:
    if scene.voice.fill("wait" if scene.failure.has_spoken else "sorry", scene.now):
        scene.failure.spoke()
        scene.answer.filled(scene.now)
    else:
        scene.failure.stop()


def _keep_company(scene: Scene) -> None:
    scene.tool.filled(scene.now)
    scene.answer.filled(scene.now)
    if scene.playout.silent(scene.now):  # another line has not just begun
        scene.voice.fill("wait", scene.now)


def _sound(scene: Scene, alarm: Alarm) -> None:
    if alarm is Alarm.FILL:
        scene.answer.filled(scene.now)
        scene.voice.fill("wait", scene.now)
    elif _heard_in_vain(scene):
        scene.note("nothing in what was heard again")
        scene.answer.stop()
        scene.failure.stop()
        scene.uplink.answered()
        scene.voice.fill("repeat", scene.now)
    else:
        _give_up(scene, Failure.TIMED_OUT, "no answer")


def _give_up(scene: Scene, failure: Failure, why: str) -> None:
    scene.voice.fill("sorry" if scene.uplink.unanswered or scene.answer.running else "repeat", scene.now)
    session.recover(scene, failure, why)
    if scene.failure.running:
        scene.failure.spoke()


def _heard_in_vain(scene: Scene) -> bool:
    """A second session has heard the sound too, and takes it for nothing either: it is no fault of sessions."""
    return scene.uplink.unanswered and not scene.account.unanswered() and not scene.texts.unanswered()


def alarms_at(scene: Scene) -> Iterable[int | None]:
    if _alarms_on(scene):
        yield _failure_at(scene)
        yield _deaf_at(scene)
        yield scene.answer.give_up_at(_patient(scene))
        if scene.playout.silent(scene.now):
            yield scene.tool.deadline()
            if not _others_fill(scene):
                yield scene.answer.fill_at(_patient(scene))


def _alarms_on(scene: Scene) -> bool:
    quiet = not scene.turns.speaking and scene.turns.hold is None
    return scene.phase is Phase.LIVE and quiet and not scene.pad.collecting and scene.course.with_model


def _others_fill(scene: Scene) -> bool:
    """The clock of a tool, or of a failure, says when to keep the caller company."""
    return bool(scene.runs) or scene.failure.running


def _failure_at(scene: Scene) -> int | None:
    return scene.failure.deadline(scene.turns.quiet_since, scene.playout.silent_from())


def _deaf_at(scene: Scene) -> int | None:
    at, attached_at = scene.deaf.deadline(), scene.attachment.attached_at
    if at is None or attached_at is None:
        return None
    return max(at, attached_at + scene.timings.deaf_quiet)


def _patient(scene: Scene) -> bool:
    return scene.runs.pending_in(scene.attachment.ordinal) or not scene.attachment.attached


# --- what the model is told in writing --------------------------------------------------------------------------------


def send_text(scene: Scene) -> None:
    keys = scene.pad.strays.take(scene.now)
    if keys is not None and scene.closing is None:
        scene.texts.ask(keys)
    if scene.texts and _both_quiet(scene):
        scene.replies.asked()
        scene.do(c.SendText(scene.attachment.ordinal, scene.texts.send()))
        scene.answer.start(scene.now)


def _both_quiet(scene: Scene) -> bool:
    return (
        scene.leg is not None
        and scene.attachment.attached
        and scene.course.with_model
        and scene.playout.idle
        and not scene.turns.speaking
        and not scene.replies.audible
        and not scene.answer.running
        and scene.pad.entry is None
    )


# --- the caller says nothing ------------------------------------------------------------------------------------------


def prompt_caller(scene: Scene) -> None:
    scene.silence.watch(_nobody_speaks(scene), scene.now)
    if not scene.silence.due(scene.now):
        return
    if not scene.silence.ask(scene.now):
        ending.close(scene, Disposition.CALLER_SILENT, "goodbye")
    elif not scene.voice.say("still_there"):
        scene.texts.ask(texts.STILL_THERE)
        send_text(scene)


def _nobody_speaks(scene: Scene) -> bool:
    return (
        scene.phase is Phase.LIVE
        and scene.playout.idle
        and not scene.turns.speaking
        and not scene.answer.running
        and not scene.runs
        and scene.pad.entry is None
    )
