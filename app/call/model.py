"""What the model says, and the tools it calls."""

from collections.abc import Callable, Mapping

from app.call import built_in, ending, floor, keypad, language, results, runs, transfer
from app.call import commands as c
from app.call import events as e
from app.call.disposition import disposition_of, end_reason
from app.call.scene import Scene
from app.call.turns import Floor, Sign

# --- what it says -----------------------------------------------------------------------------------------------------


def reply_text(scene: Scene, event: e.ReplyText) -> None:
    if event.stage is e.Stage.FINAL:
        scene.account.correct(event.session, event.text)
        return
    if scene.replies.admits(event.content):
        scene.waterfall.reply_text(scene.now)
        scene.account.plan(event.content, event.text)


def reply_text_ended(scene: Scene, event: e.ReplyTextEnded) -> None:
    if event.stop is e.Stop.END_TURN:
        scene.replies.complete()


def reply_started(scene: Scene, event: e.ReplyStarted) -> None:
    _admit(scene, event.session, event.content)


def reply_audio(scene: Scene, event: e.ReplyAudio) -> None:
    if not event.audio or not _admit(scene, event.session, event.content):
        return
    _prove_alive(scene)
    scene.voice.speak(event.session, event.content, event.audio)
    if scene.closing is not None:
        scene.closing.replied = True
    elif scene.turns.unheeded and scene.turns.floor is Floor.CALLER:
        floor.hold(scene, scene.turns.spoke_at, Sign.OVERLAPPED)


def reply_ended(scene: Scene, event: e.ReplyEnded) -> None:
    scene.voice.end(event.session, event.content)
    scene.replies.end(event.content, event.stop is e.Stop.END_TURN)  # an interruption has an event of its own


def usage_reported(scene: Scene, event: e.UsageReported) -> None:
    """It is paid for, whichever of the call's sessions it was."""
    scene.spent.add(event.where, event.usage)


def _admit(scene: Scene, session: int, content: str) -> bool:
    if not scene.replies.admits(content):
        return False
    floor.confirm_if_signed(scene)
    scene.voice.begin(session, content)
    return True


def _prove_alive(scene: Scene) -> None:
    """Audio of an answer: nothing is owed any more."""
    scene.attachment.prove()
    scene.waterfall.reply_audio(scene.now)
    scene.answer.stop()
    scene.failure.stop()
    scene.texts.answered()
    scene.account.answered()
    if not scene.replies.voiced:
        scene.replies.voiced, scene.replied_at = True, scene.now
    if not scene.turns.unheeded:
        scene.uplink.answered()


# --- the tools it calls -----------------------------------------------------------------------------------------------


def tool_called(scene: Scene, event: e.ToolCalled) -> None:
    if event.run in scene.runs or scene.pad.asked_by(event.run):
        if not (scene.runs.pending_in(event.session) or scene.pad.pending_in(event.session)):
            scene.do(c.AnswerTool(event.session, event.run, runs.NAME_TAKEN))
        return
    scene.tool_called_at = scene.now
    if scene.replies.turn_hushed and (event.name in scene.setup.effects or event.name in _BUILT_IN):
        scene.replies.tool_opened()
        scene.note("tool refused", event.name)
        results.give(scene, event.session, event.run, runs.HUSHED)
        return
    if (built_in_tool := _BUILT_IN.get(event.name)) is not None:
        built_in_tool(scene, event)
        return
    scene.replies.tool_opened()
    due = scene.now + scene.timings.tool_limit
    scene.runs.begin(runs.Run(event.run, event.session, event.name, due, event.arguments))
    scene.do(c.RunTool(event.run, event.name, event.arguments))
    scene.do_all(scene.uplink.pause(True))
    if not scene.answer.running and not scene.replies.turn_hushed:
        scene.answer.start(scene.now)


def _end_call(scene: Scene, event: e.ToolCalled) -> None:
    scene.note("end_call", end_reason(event.arguments))
    scene.do(c.AnswerTool(event.session, event.run, runs.ENDING))
    disposition = disposition_of(event.arguments, scene.setup.facts.placed_by_us)
    ending.close(scene, disposition, "goodbye", reply_is_coming=True)


def tool_answered(scene: Scene, event: e.ToolAnswered) -> None:
    run = scene.runs.take(event.run)
    if run is not None:
        scene.note("tool answered", f"{run.name}: {event.outcome}, {event.ms} ms")
        scene.digest.answered(run.name, run.arguments, event.outcome, event.result)
        results.hand_over(scene, run, event.result)


def break_off_overdue_tools(scene: Scene) -> None:
    if scene.closing is not None:
        return  # they are broken off with the call
    for run in scene.runs.take_overdue(scene.now):
        scene.note("tool overdue", run.name)
        scene.do(c.CancelTool(run.run))
        results.hand_over(scene, run, runs.TOO_SLOW)


# What the call carries out by itself; each answers its run once.
_BUILT_IN: Mapping[str, Callable[[Scene, e.ToolCalled], None]] = {
    built_in.END_CALL: _end_call,
    built_in.TRANSFER: transfer.transfer_called,
    built_in.TAKE_MESSAGE: transfer.take_message_called,
    built_in.CALL_BACK: transfer.call_back_called,
    built_in.COLLECT_DIGITS: keypad.collect_called,
    built_in.SWITCH_LANGUAGE: language.switch_called,
}
