"""What a tool came to, on its way to the model: once, and to whoever serves the call by then."""

from app.call import commands as c
from app.call import texts
from app.call.runs import Run
from app.call.scene import Scene


def hand_over(scene: Scene, run: Run, result: str) -> None:
    """To the session that asked, or in writing to the one that came after it."""
    scene.do_all(scene.uplink.pause(bool(scene.runs)))
    in_writing = texts.result_came_late(run.name, result)
    if scene.attachment.attached_to(run.session):
        scene.texts.withdraw(in_writing)  # of a session before, which asked the same
        give(scene, run.session, run.run, result)
    elif not scene.runs.asked_again(run):  # else a session that heard the caller again gets a result of its own
        scene.texts.ask(in_writing)


def give(scene: Scene, session: int, run: str, result: str) -> None:
    """The model goes on from the result. Nobody waits for what it says in a hushed turn, or while the caller enters
    digits."""
    scene.do(c.AnswerTool(session, run, result))
    scene.replies.tool_answered()
    if not scene.replies.turn_hushed and not scene.pad.collecting:
        scene.answer.start(scene.now)
