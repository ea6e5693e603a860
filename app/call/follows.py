"""What staff wrote to follow a phrase (`then:`), whether the caller's words or a key brought it."""

from app.call import commands as c
from app.call import ending, texts, transfer
from app.call.disposition import Disposition
from app.call.scene import Scene
from app.call.setup import Phrase


def follow(scene: Scene, phrase: Phrase) -> bool:
    """The call ends behind the phrase, or the caller goes to somebody. False where the call goes on with the model."""
    match phrase.then:
        case "hang_up":
            ending.close(scene, Disposition.COMPLETED, phrase="")
        case "transfer":
            to_person(scene, phrase.target)
        case _:
            return False
    return True


def to_person(scene: Scene, target: str) -> None:
    """The model is told where there is nobody of that name; the caller is told who is not there now."""
    if not transfer.to_target(scene, target) and target not in scene.setup.targets:
        scene.texts.ask(texts.NOBODY_THERE)


def note_down(scene: Scene, phrase: Phrase) -> None:
    """By setting, the session that was not asked is told what the caller has been told."""
    if scene.setup.known.note and scene.attachment.attached:
        scene.do(c.SendNote(scene.attachment.ordinal, texts.told(phrase.text)))
