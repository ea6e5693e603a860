"""How a call ends: a last line that is heard, then the telephone is hung up, and a disposition says why."""

from app.call import commands as c
from app.call import events as e
from app.call import floor, texts
from app.call.closing import Closing
from app.call.course import LineSign, Phase
from app.call.disposition import Disposition
from app.call.scene import Scene
from app.call.turns import Sign


def close(scene: Scene, disposition: Disposition, phrase: str, reply_is_coming: bool = False) -> None:
    """Say a last line and hang up when it was heard. From here on the model is hushed, unless it must say the
    goodbye itself because none was rendered. No phrase: the last line has been said."""
    if scene.closing is not None:
        return
    if scene.leg is None:
        end(scene, disposition)
        return
    if scene.turns.hold is not None:
        floor.confirm(scene, Sign.TOOK)
    scene.course.line(LineSign.CLOSES)
    scene.do_all(scene.departure.give_up())
    scene.answer.stop()
    scene.texts.clear()
    scene.do_all(scene.pad.close())
    said = not phrase or scene.voice.say(phrase)
    by_model = not said and phrase == "goodbye" and scene.attachment.attached
    until = scene.now + scene.playout.left_ms(scene.now) + scene.timings.slow_answer_again
    scene.closing = Closing(disposition, by_model, until)
    if not by_model:
        scene.replies.mute()
        scene.playout.end_all()
    elif not reply_is_coming:
        scene.texts.ask(texts.SAY_GOODBYE)


def reopen(scene: Scene) -> None:
    """The last line was not the last: what the model begins from now on is heard again."""
    scene.closing = None
    scene.course.line(LineSign.REOPENED)
    scene.replies.unmute()


def end(scene: Scene, disposition: Disposition) -> None:
    """At once, whatever is being said."""
    spent = c.CallSpent(scene.elapsed, dict(scene.spent.tokens), scene.bill)
    scene.course.line(LineSign.OVER)
    scene.disposition = disposition
    scene.do_all(scene.departure.give_up())
    scene.do_all(c.CancelTool(run.run) for run in scene.runs.take_all())
    if scene.leg is not None:
        scene.do(c.KeepSnapshot())  # whoever is asked what follows the stream must know that nothing does
        scene.do(c.HangUp(scene.leg))
    if scene.attachment.live:
        scene.do(c.CloseSession(scene.attachment.ordinal))
    scene.do_all(scene.renewal.give_back())
    scene.do(spent)
    scene.do(c.EndCall(str(disposition)))


def end_ordered(scene: Scene, event: e.EndOrdered) -> None:
    close(scene, Disposition.ORDERED, "goodbye")


def call_completed(scene: Scene, event: e.CallCompleted) -> None:
    """Where the carrier has the caller, `transfer` is asked first."""
    if scene.phase is Phase.RINGING and not scene.resumed:
        end(scene, Disposition.NEVER_CONNECTED)
    else:
        caller_gone(scene)


def caller_gone(scene: Scene) -> None:
    """The telephone was hung up, by the caller or in the middle of our goodbye."""
    if scene.answering.leaving:
        end(scene, Disposition.VOICEMAIL)  # half a message is none
    else:
        end(scene, scene.closing.disposition if scene.closing is not None else Disposition.CALLER_HUNG_UP)


# --- what time brings -------------------------------------------------------------------------------------------------


def too_long_at(scene: Scene) -> int | None:
    return with_us_until(scene, scene.timings.max_call)


def with_us_until(scene: Scene, ms: int | None) -> int | None:
    """When a call has lasted so long, counted without the time a caller spends with somebody else."""
    if ms is None or scene.began is None or scene.phase is Phase.ONWARD:
        return None
    return scene.began - scene.elapsed_before + scene.departure.outside_ms + ms


def close_when_too_long(scene: Scene) -> None:
    if scene.due(too_long_at(scene)):
        close(scene, Disposition.TOO_LONG, "goodbye")


def end_when_heard(scene: Scene) -> None:
    if scene.closing is None:
        return
    if scene.answering.leaving and scene.turns.speaking and scene.answering.shows_person(scene.turns.spoke_at):
        return  # who it is shows in a moment
    silent = scene.playout.silent(scene.now)
    if scene.closing.over(scene.now, scene.playout.idle, silent, scene.replies.open):
        end(scene, scene.closing.disposition)
