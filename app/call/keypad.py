"""What the caller's keys do: menus, digits asked for, secrets."""

from app.call import built_in
from app.call import commands as c
from app.call import events as e
from app.call.scene import Scene


def collect_called(scene: Scene, event: e.ToolCalled) -> None:
    scene.do(c.AnswerTool(event.session, event.run, built_in.NOT_OFFERED))


def caller_guarded(scene: Scene, event: e.CallerGuarded) -> None:
    """Nothing yet."""
