"""The telephone end: a leg comes, stalls, breaks, and the caller may come back on another."""

from app.call import commands as c
from app.call import ending, floor, keypad, session, texts, transfer
from app.call import events as e
from app.call.course import LineSign, Phase, Service
from app.call.disposition import Disposition
from app.call.scene import Scene

STALLS_WITHIN_MS = 5_000

# --- coming -----------------------------------------------------------------------------------------------------------


def attached(scene: Scene, event: e.LegAttached) -> None:
    if event.leg <= scene.last_leg:
        return
    if scene.closing is not None:
        scene.do(c.HangUp(event.leg))
        _lose(scene)  # there would be no new leg if the old one still carried our goodbye
        return
    if scene.leg is not None:
        scene.do(c.HangUp(scene.leg))
        _lose(scene)  # the new socket is quicker than the news of the old one's end
    scene.leg = scene.last_leg = event.leg
    first = scene.phase is Phase.RINGING
    scene.course.line(LineSign.CAME)
    scene.voice.move(event.leg, scene.now)
    if scene.disposition is not None:
        ending.end(scene, scene.disposition)  # it was over before this process took it up
        return
    if first:
        scene.began = scene.now
    if scene.departure.under_way:
        transfer.leg_came(scene)
        return
    if first and not scene.resumed:
        _greet(scene)
    else:
        _come_back(scene, "resumed" if first else "leg is back")


def _greet(scene: Scene) -> None:
    greeted = scene.voice.say(scene.setup.first_phrase)
    phrase = scene.voice.phrase(scene.setup.first_phrase)
    if greeted and phrase is not None and phrase.then == "hang_up":  # "we are closed", and no more
        ending.close(scene, Disposition.COMPLETED, phrase="")
        return
    if keypad.offer_first(scene) or greeted:
        return
    if scene.setup.greeting_prompt:
        scene.texts.ask(scene.setup.greeting_prompt)
    session.attach(scene)


def _come_back(scene: Scene, what: str) -> None:
    scene.note(what, scene.resumed)
    keypad.come_back(scene)
    welcome = scene.departure.take_welcome()
    received = scene.voice.say(welcome) if welcome else False
    if not received and not scene.voice.say("back_again", first=True) and scene.playout.idle and not welcome:
        scene.texts.ask(texts.BACK_AGAIN)
    if not welcome:
        _ask_for_the_unheard(scene)
    if scene.course.service is Service.NOBODY:
        session.attach(scene)


def _ask_for_the_unheard(scene: Scene) -> None:
    """Nobody listened for a while, before this process took the call up: what the caller may have said is asked for,
    once. What they said before and nobody answered is known, and is answered."""
    known_until, scene.known_until = scene.known_until, None
    if known_until is None or scene.now - known_until < scene.timings.unheard_gap:
        return
    if scene.account.unanswered() or scene.pad.menu or scene.texts.waits_for_more_than(texts.BACK_AGAIN):
        return
    if not scene.voice.say("repeat"):
        scene.texts.ask(texts.SAY_AGAIN)


# --- going ------------------------------------------------------------------------------------------------------------


def stalled(scene: Scene, event: e.LegStalled) -> None:
    """Once may happen; twice within 5 s, and the line is given up."""
    before, scene.stalled_at = scene.stalled_at, scene.now
    scene.note("leg stalled")
    if before is not None and scene.now - before <= STALLS_WITHIN_MS:
        scene.do(c.HangUp(event.leg))
        _lose(scene)


def ended(scene: Scene, event: e.LegEnded) -> None:
    if event.how is e.LegEnd.STOPPED:
        _leave(scene)
        ending.caller_gone(scene)
    else:
        _lose(scene)


def _lose(scene: Scene) -> None:
    """The caller may come back; the session is kept, and so is what they have not heard."""
    _leave(scene)
    if scene.closing is not None:
        ending.caller_gone(scene)
        return
    if transfer.leg_lost(scene):
        return
    scene.course.line(LineSign.LOST)
    scene.away_since = scene.now
    scene.note("leg lost")
    floor.confirm_if_signed(scene)
    scene.turns.leave()
    scene.uplink.offset(substantial=True)
    scene.deaf.stop()
    scene.do(c.KeepSnapshot())  # the carrier may bring the caller back to another process


def _leave(scene: Scene) -> None:
    scene.leg = scene.stalled_at = None
    scene.voice.move(None, scene.now)


def given_up_at(scene: Scene) -> int | None:
    return scene.away_since + scene.timings.leg_lost if scene.phase is Phase.AWAY else None


def give_up_when_lost(scene: Scene) -> None:
    if scene.due(given_up_at(scene)):
        ending.end(scene, Disposition.CALLER_LOST)
