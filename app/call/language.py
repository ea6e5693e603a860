"""Which language the call is in, and what changes it."""

from app.call import built_in
from app.call import commands as c
from app.call import events as e
from app.call.scene import Scene


def switch_called(scene: Scene, event: e.ToolCalled) -> None:
    scene.do(c.AnswerTool(event.session, event.run, built_in.NOT_OFFERED))
