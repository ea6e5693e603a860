"""Known answers: a rendered phrase answers what the caller said, at once, and the model's own answer is never heard.

The protocol cannot stop a model, nor tell a live session what was said behind its back. So the truth is restored by
**changing the session**: the old one is closed in the same step, which also stops it generating, and another is made
ready while the phrase plays. It comes in when the phrase was heard or the caller takes the floor; its history has the
caller's words, and as much of the phrase as was heard. Where no warm session is at hand, or by setting, the turn is
**hushed** instead (`replies`), and the truth is restored with the next session, whenever that comes.

Right rather than eager: only a plain turn is answered so. These are the model's: a turn in which it has opened a tool
or begun to speak, one behind which words or texts still wait for their answer, one that the caller is adding to, and
whatever is said while digits are entered.
"""

from app.call import commands as c
from app.call import events as e
from app.call import floor, follows, language, session
from app.call.course import Phase
from app.call.scene import Scene
from app.call.setup import Phrase


def user_text(scene: Scene, event: e.UserText) -> None:
    """The transcript of an utterance: a turn of the caller, which changes the language, or is answered by a phrase, or
    is the model's to answer."""
    phrase = _answer_to(scene, event.known)
    floor.user_text(scene, event)
    if language.heard(scene, event.seems):
        return  # a session of that language hears these words again
    if event.known is not None and phrase is not None:
        _answer(scene, event.known, phrase)


def _answer_to(scene: Scene, known: e.Known | None) -> Phrase | None:
    """The phrase that answers this turn, where it may. Asked before the turn moves the floor."""
    phrase = scene.voice.phrase(known.phrase) if known is not None and _plain(scene) else None
    return phrase if phrase is not None and _can_follow(scene, phrase) else None


def _can_follow(scene: Scene, phrase: Phrase) -> bool:
    """Nobody is told that they are put through to somebody who is not there."""
    target = scene.setup.targets.get(phrase.target)
    return phrase.then != "transfer" or (target is not None and target.open)


def _plain(scene: Scene) -> bool:
    begun_at = max(scene.tool_called_at, scene.replied_at)  # of the model's answer
    return (
        scene.phase is Phase.LIVE
        and begun_at < scene.turns.spoke_at
        and not scene.turns.speaking
        and not scene.runs
        and not scene.pad.collecting
        and not scene.texts.unanswered()
        and not scene.account.unanswered()
    )


def _answer(scene: Scene, known: e.Known, phrase: Phrase) -> None:
    scene.waterfall.phrase_answers()
    scene.voice.say(known.phrase, answers=True)
    how: c.Kept = "plain"
    if not follows.follow(scene, phrase) and phrase.then == "nothing":
        _settle(scene)
        how = _keep_model_from_answering(scene, known, phrase)
    scene.do(c.AnsweredByPhrase(phrase.id, known.confidence, how))


def _settle(scene: Scene) -> None:
    """Nothing is owed for this turn any more."""
    scene.answer.stop()
    scene.failure.stop()
    scene.account.answered()
    scene.uplink.answered()


def _keep_model_from_answering(scene: Scene, known: e.Known, phrase: Phrase) -> c.Kept:
    if known.spare and scene.setup.known.swap:
        session.change(scene)
        return "swapped"
    scene.replies.hush_turn()
    follows.note_down(scene, phrase)
    return "hushed"
