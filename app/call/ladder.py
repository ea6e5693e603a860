"""What becomes of a call that no model can serve: it goes down one rung after another, and never into silence.

`session` and `attachment` try the first rung by themselves (another session, wherever one can be had). Once that is
given up, the caller is told what serves them now and is offered a **menu** that needs no model: keys, and beside them a
few words that a recogniser of our own tells (`WordSpoken`) where it is sure. Where it is not, keys are asked for; the
second time it is a **person's** turn, as it is when nothing is chosen. Where nobody can be reached the call ends with a
**goodbye** that is heard.

The keypad drives the menu and not an engine that plays the model: menus, waits, wrong keys, transfers, lost lines,
journals and snapshots are the same with and without a model, and with keys alone nothing is needed outside this room.
"""

from app.call import commands as c
from app.call import ending, keypad, session, transfer
from app.call import events as e
from app.call.course import Phase, Service, ServiceSign
from app.call.disposition import Disposition
from app.call.entries import Offered
from app.call.scene import Scene

NOTICE = "offline_notice"
PRESS = "press_a_key"
ABOUT = "The automatic assistant is out of order."


def go_down(scene: Scene) -> None:
    """In the step in which a rung broke; once the caller has a line again, where they had none."""
    if not scene.course.fallen or scene.phase is not Phase.LIVE:
        return
    if scene.course.service is Service.GIVEN_UP:
        _leave_model(scene)
    if scene.course.service is Service.GIVEN_UP and _offer(scene, NOTICE):
        _stand_on(scene, ServiceSign.OFFERED)
    elif not scene.rungs.person_asked and _ask_person(scene):
        scene.rungs.person_asked = True
        _stand_on(scene, ServiceSign.PERSON_ASKED)
    else:
        _stand_on(scene, ServiceSign.BADE)
        ending.close(scene, Disposition.ENGINE_FAILED, "apology")


def keep_offering(scene: Scene) -> None:
    """Behind each answer, and for a caller who is back from where nobody answered: what there is to choose."""
    if scene.phase is not Phase.LIVE or scene.course.with_model or scene.course.fallen:
        return
    scene.texts.clear()  # there is nobody to read them
    if scene.pad.entry is None and not _offer(scene):
        scene.course.serve(ServiceSign.FELL)
        go_down(scene)
        return
    scene.course.serve(ServiceSign.OFFERED)
    _listen(scene)


def _stand_on(scene: Scene, sign: ServiceSign) -> None:
    scene.course.serve(sign)
    scene.note("without a model", scene.course.service)


def _leave_model(scene: Scene) -> None:
    """What it left half done is over. What it had said of its answer is heard to its end."""
    scene.do_all(scene.pad.close())
    scene.do_all(c.CancelTool(run.run) for run in scene.runs.take_all())
    scene.account.answered()
    session.release(scene)


def _offer(scene: Scene, *lines: str) -> bool:
    """Say these lines and offer the menu. False where there is none that can be heard."""
    menu = scene.setup.keypad.menus.get(scene.setup.without_model.menu)
    if menu is None or scene.voice.phrase(menu.say) is None:
        return False
    for line in lines:
        scene.voice.say(line)
    return keypad.offer(scene, menu.name)


def _ask_person(scene: Scene) -> bool:
    target = scene.setup.targets.get(scene.setup.without_model.person)
    return target is not None and target.open and transfer.to_target(scene, target.name, ABOUT)


# --- the recogniser of the menu's words -------------------------------------------------------------------------------


def _listen(scene: Scene) -> None:
    spoken = any(menu.words for menu in scene.setup.keypad.menus.values())
    if spoken and not scene.attachment.live and not scene.rungs.listener_lost:
        ordinal = scene.attachment.number()
        scene.attachment.ask(ordinal, scene.now)
        scene.do(c.AttachListener(ordinal, scene.voice.language))


def word_spoken(scene: Scene, event: e.WordSpoken) -> None:
    """What was said is a turn of the caller, whatever it was."""
    menu = scene.pad.entry
    if not isinstance(menu, Offered):
        return
    scene.uplink.answered()
    scene.silence.caller_is_there()
    key = next((key for key, words in menu.menu.words.items() if event.word and event.word in words), None)
    if key is not None:
        scene.rungs.understood()
        keypad.choose(scene, menu, key)
    elif scene.rungs.misheard():
        keypad.break_in(scene)
        scene.rungs.understood()
        scene.note("misheard", "a person's turn")
        scene.pad.entry = None
        scene.course.serve(ServiceSign.FELL)
    else:
        keypad.break_in(scene)
        scene.note("misheard", "keys are asked for")
        scene.voice.say(PRESS)
        scene.voice.say(menu.menu.say)
