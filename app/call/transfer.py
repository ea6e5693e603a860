"""Giving the caller to a person, taking a message, and coming back with memory."""

from app.call import built_in
from app.call import commands as c
from app.call import events as e
from app.call.scene import Scene


def transfer_called(scene: Scene, event: e.ToolCalled) -> None:
    scene.do(c.AnswerTool(event.session, event.run, built_in.NOT_OFFERED))


def take_message_called(scene: Scene, event: e.ToolCalled) -> None:
    scene.do(c.AnswerTool(event.session, event.run, built_in.NOT_OFFERED))


def call_back_called(scene: Scene, event: e.ToolCalled) -> None:
    scene.do(c.AnswerTool(event.session, event.run, built_in.NOT_OFFERED))


def to_target(scene: Scene, name: str, summary: str = "") -> bool:
    """Give the caller to a configured target. False where that cannot be: it is unknown, or closed."""
    return False


def person_accepted(scene: Scene, event: e.PersonAccepted) -> None:
    """Nothing yet."""


def person_refused(scene: Scene, event: e.PersonRefused) -> None:
    """Nothing yet."""


def onward_ended(scene: Scene, event: e.OnwardEnded) -> None:
    """Nothing yet."""
