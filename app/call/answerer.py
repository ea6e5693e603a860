"""A call that we placed, and who answers it.

Our greeting sounds at once, for it is most often a person. The carrier's verdict comes in parallel: after a machine's
beep we **clear** what we were saying and leave the message, or hang up. While the message plays nobody listens to a
machine, and no sound of the line cuts it; but a machine that records is silent, so whoever speaks up then, or presses a
key, is a person who was taken for one: the message stops and the call goes on.
"""

from app.call import commands as c
from app.call import ending, floor
from app.call import events as e
from app.call.course import Phase
from app.call.disposition import Disposition
from app.call.scene import Scene
from app.call.turns import Sign

BEFORE = {Phase.RINGING, Phase.LIVE, Phase.AWAY}  # else somebody has been talked with, or it is over


def known(scene: Scene, event: e.AnswererKnown) -> None:
    """Acted upon as soon as there is a leg."""
    scene.note("answered by", str(event.by))
    if scene.phase in BEFORE:
        scene.answering.verdict = event.by


def act_on_verdict(scene: Scene) -> None:
    verdict = scene.answering.verdict
    if verdict is None or scene.phase is not Phase.LIVE:
        return
    scene.answering.verdict = None
    if verdict is e.Answerer.FAX:
        ending.end(scene, Disposition.FAX)
    elif scene.answering.is_machine(verdict, (line.role for line in scene.voice.transcript(scene.now))):
        _meet_machine(scene)


def _meet_machine(scene: Scene) -> None:
    wanted = scene.setup.outbound
    message = scene.voice.phrase(wanted.message) if wanted.on_voicemail == "leave_message" else None
    if message is None:
        ending.end(scene, Disposition.VOICEMAIL)
        return
    floor.fall_quiet(scene)
    ending.close(scene, Disposition.VOICEMAIL_LEFT, message.id)
    scene.answering.leave(scene.now)
    scene.do(c.KeepSnapshot())


def caller_acted(scene: Scene, event: e.KeyPressed | e.CallerPaused) -> None:
    if isinstance(event, e.KeyPressed):
        scene.answering.pressed()
        shows_person = True
    else:
        began = scene.now - event.ago_ms - event.spoken_ms
        shows_person = event.spoken_ms >= scene.timings.blip and scene.answering.shows_person(began)
    if shows_person and scene.answering.leaving:
        _go_on(scene, Sign.TURNED)


def known_as_person_at(scene: Scene) -> int | None:
    """When a sound that goes on over the message is too long to be none of a person's."""
    heard = scene.answering.leaving and scene.turns.speaking and scene.answering.shows_person(scene.turns.spoke_at)
    return scene.turns.spoke_at + scene.timings.blip if heard else None


def hear_person(scene: Scene) -> None:
    if scene.due(known_as_person_at(scene)):
        _go_on(scene, Sign.TOOK)


def _go_on(scene: Scene, sign: Sign) -> None:
    """It is a person after all, who has the floor."""
    scene.note("a person after all")
    scene.answering.person()
    ending.reopen(scene)
    floor.confirm(scene, sign)
