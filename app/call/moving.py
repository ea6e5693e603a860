"""Another process goes on with the call: its snapshot is kept, the leg is closed, and the carrier asks what follows.

A call is moved when nothing is lost by it: at the quiet end of a turn, with nothing said that nobody has answered, no
tool running and no digit half entered. Whoever is on the way to a person, or hears their goodbye, is left in peace.
"""

from app.call import commands as c
from app.call import events as e
from app.call import keypad
from app.call.course import LineSign, Phase
from app.call.scene import Scene
from app.call.turns import Floor


def move_ordered(scene: Scene, event: e.MoveOrdered) -> None:
    scene.moving = True
    if event.at_once and scene.closing is None:
        hand_over(scene)


def move_when_quiet(scene: Scene) -> None:
    if scene.moving and scene.phase in (Phase.LIVE, Phase.AWAY) and _quiet(scene):
        hand_over(scene)


def hand_over(scene: Scene) -> None:
    scene.note("handed over", str(scene.phase))
    if (rung := scene.departure.lost_if_resumed) is not None:
        scene.do(c.StopRinging(rung.attempt))
    scene.do_all(c.CancelTool(run.run) for run in scene.runs.open())
    scene.do(c.HandOver())
    scene.course.line(LineSign.MOVED)


def _quiet(scene: Scene) -> bool:
    """Nothing is being said by anybody, and nothing is owed. A lost leg has taken both sides' words with it."""
    if scene.runs or scene.uplink.unanswered or any(keypad.lost_with_the_call(scene)):
        return False
    if scene.phase is Phase.AWAY:
        return True
    owing = scene.answer.running or scene.failure.running or scene.replies.audible or bool(scene.texts)
    return scene.turns.floor is Floor.QUIET and scene.playout.idle and not scene.turns.speaking and not owing
