"""The model session: asked for when needed, given up when it fails, followed by another that knows what was heard.

`attachment` knows which session is current and whether another try is worth while. Here stands what a session is given
(the history, the caller's unanswered audio, what is told in writing) and what becomes of its half-said reply. A session
may also be **changed** though it works: another is to know what it cannot be told, or to speak another language.
"""

from app.call import commands as c
from app.call import events as e
from app.call import floor, texts
from app.call.course import Phase, Service, ServiceSign
from app.call.events import Failure
from app.call.history import CALL_BEGINS, Line
from app.call.scene import Scene
from app.call.turns import Floor

# --- coming -----------------------------------------------------------------------------------------------------------


def attach(scene: Scene) -> None:
    """Ask for a session, where none is at hand for a renewal or on its way."""
    if not scene.course.with_model:
        return
    _drop_foreign(scene)
    if scene.renewal.lent:
        take_next(scene)
    elif scene.renewal.opening(scene.now):
        session, _ = scene.renewal.take()
        scene.course.serve(ServiceSign.ASKED)
        scene.attachment.ask(session, scene.renewal.asked_at)  # it begins when it is there
    else:
        scene.do_all(scene.renewal.give_back())
        session = scene.attachment.number()
        scene.course.serve(ServiceSign.ASKED)
        scene.attachment.ask(session, scene.now)
        scene.do(c.AttachSession(session, _history(scene), scene.voice.language))


def take_next(scene: Scene, heard_on: bool = False) -> None:
    """The session that was lent serves the call from this step on."""
    session, ends_ms = scene.renewal.take()
    scene.course.serve(ServiceSign.TOOK_OVER)
    scene.attachment.ask(session, scene.now)
    begin(scene, ends_ms, heard_on)


def begin(scene: Scene, ends_ms: int | None, heard_on: bool = False) -> None:
    """Give the session that was lent its history. `heard_on`: what is in the air counts as heard to its end."""
    scene.do(c.BeginSession(scene.attachment.ordinal, _history(scene, heard_on)))
    _serve(scene, ends_ms)


def _history(scene: Scene, heard_on: bool = False) -> tuple[Line, ...]:
    """What a session is told at its beginning. It hears again what was not answered, or gets it in writing where the
    audio is gone."""
    scene.voice.measure(scene.now)
    if scene.uplink.unanswered:
        scene.account.take_back_unanswered()
    elif unanswered := scene.account.unanswered():
        scene.texts.ask(unanswered)
    changed = scene.voice.language if scene.voice.language != scene.setup.facts.language else ""
    digest = scene.digest.text(changed)
    opening = "\n".join((scene.setup.opening or CALL_BEGINS, digest)) if digest else scene.setup.opening
    return tuple(scene.account.for_session(opening, scene.attachment.shortened, heard_on))


def attached(scene: Scene, event: e.SessionAttached) -> None:
    attachment = scene.attachment
    if event.session > attachment.numbered or in_use(scene, event.session):
        return
    if event.session != attachment.ordinal or not attachment.live:
        scene.do(c.CloseSession(event.session))  # it came too late
        return
    scene.note("session attached", "cold" if event.cold else "")
    _serve(scene, event.ends_ms)


def in_use(scene: Scene, session: int) -> bool:
    """It is the call's, or the next."""
    return scene.attachment.attached_to(session) or session == scene.renewal.session


def _serve(scene: Scene, ends_ms: int | None) -> None:
    """The session has its history: it hears the caller from now on."""
    scene.course.serve(ServiceSign.ATTACHED)
    scene.attachment.attach(scene.now)
    scene.renewal.serves(ends_ms, scene.now)
    if scene.uplink.unanswered and not scene.turns.speaking and not scene.answer.running:
        scene.answer.start(scene.now)  # it hears again what was said, and owes the answer
    scene.answer.sign(scene.now + scene.uplink.waiting_ms)
    scene.do_all(scene.uplink.attach(scene.attachment.ordinal))


# --- changing ---------------------------------------------------------------------------------------------------------


def change(scene: Scene) -> None:
    """Close the session, which did no wrong, at once; another follows (`attach_again_at`) with the corrected history.
    Until then the caller's audio waits. Where there is none, the first or the next one follows in its time."""
    _drop_foreign(scene)
    if scene.renewal.session is None:
        scene.do(c.ExpectSession(scene.voice.language))
    if not scene.attachment.live:
        return
    scene.do(c.CloseSession(scene.attachment.ordinal))
    scene.course.serve(ServiceSign.CHANGED)
    scene.attachment.change(scene.now)
    let_go(scene)
    scene.uplink.hand_over()


def _drop_foreign(scene: Scene) -> None:
    """The next session speaks the language of the call as it was: of no use if that has changed."""
    if scene.renewal.language != scene.voice.language:
        scene.course.serve(ServiceSign.NEXT_GONE)
        scene.do_all(scene.renewal.give_back())


def let_go(scene: Scene) -> None:
    """What the session had begun, and will not go on with."""
    scene.deaf.stop()
    scene.renewal.served()
    scene.replies.forget()
    scene.voice.break_off()
    scene.texts.send_again()


def leave_taken_up(scene: Scene) -> None:
    """Where the model has opened a tool for what the caller said last, and they have added nothing since: the next
    session need not hear it again. It stands in the history, and the tool's answer will come in writing."""
    tools = scene.runs.pending_in(scene.attachment.ordinal) or scene.pad.pending_in(scene.attachment.ordinal)
    if tools and not scene.turns.speaking and scene.tool_called_at >= scene.turns.spoke_at:
        scene.account.answered()
        scene.uplink.answered()


def release(scene: Scene) -> None:
    """The call goes on without a model for a while, and nothing is owed."""
    if scene.attachment.live:
        scene.do(c.CloseSession(scene.attachment.ordinal))
    scene.do_all(scene.renewal.give_back())
    scene.voice.measure(scene.now)
    scene.course.serve(ServiceSign.RELEASED)
    scene.attachment.release()
    scene.answer.stop()
    scene.failure.stop()
    let_go(scene)
    scene.texts.clear()
    scene.uplink.offset(substantial=True)
    scene.uplink.answered()
    scene.uplink.detach()
    scene.uplink.pause(False)


# --- failing ----------------------------------------------------------------------------------------------------------


def stalled(scene: Scene, event: e.SessionStalled) -> None:
    recover(scene, Failure.STALLED)


def failed(scene: Scene, event: e.SessionFailed) -> None:
    recover(scene, event.failure, event.detail)


def recover(scene: Scene, failure: Failure, detail: str = "") -> None:
    """The session is of no more use: close it, and go on with another if that can help."""
    scene.note("session failed", f"{failure}: {detail}" if detail else str(failure))
    if not scene.course.with_model:
        scene.rungs.listener_lost = True
        release(scene)
        return
    scene.do(c.CloseSession(scene.attachment.ordinal))
    scene.voice.measure(scene.now)
    if scene.answer.running or scene.replies.audible or scene.uplink.unanswered or scene.texts:
        scene.failure.start(scene.now)
    if scene.replies.audible and scene.replies.voiced:
        scene.texts.ask(texts.GO_ON)
    leave_taken_up(scene)
    another = scene.attachment.fail(failure, scene.now)
    scene.course.serve(_sign_of(another, scene.closing is not None))
    _abandon(scene, failure)
    if scene.closing is not None:
        scene.closing.give_up_reply()
    elif another and scene.phase is Phase.LIVE:
        _bridge(scene, failure)
        _attach_again(scene)


def _sign_of(another: bool, closing: bool) -> ServiceSign:
    if another:
        return ServiceSign.FAILED
    return ServiceSign.RELEASED if closing else ServiceSign.FELL


def _bridge(scene: Scene, failure: Failure) -> None:
    """What is known to take long, or to need the caller, is said at once; all else when it has taken long (`quiet`)."""
    if failure is Failure.THROTTLED:
        scene.voice.fill("wait", scene.now)
    elif failure is Failure.FILTERED and not scene.voice.say("repeat"):
        scene.texts.ask(texts.SAY_AGAIN)


def _abandon(scene: Scene, failure: Failure) -> None:
    scene.answer.stop()
    let_go(scene)
    if failure is Failure.FILTERED:  # what they said last must not be sent again, in any form
        if not scene.turns.speaking:
            scene.account.withhold_turn()
        scene.uplink.answered()
        scene.account.answered()
        scene.texts.clear()
        scene.failure.stop()  # it is the caller's turn again
    scene.uplink.detach()
    if scene.turns.hold is not None and not scene.turns.speaking:
        floor.play_on(scene)  # nobody will tell us any more what that sound was


# --- what time brings -------------------------------------------------------------------------------------------------


def keep_attached(scene: Scene) -> None:
    if scene.phase is not Phase.LIVE:
        return
    if scene.due(scene.attachment.overdue_at()):
        recover(scene, Failure.TIMED_OUT, "opening")
    elif scene.due(first_attach_at(scene)):
        attach(scene)
    else:
        _attach_again(scene)


def _attach_again(scene: Scene) -> None:
    if scene.due(attach_again_at(scene)):
        attach(scene)


def first_attach_at(scene: Scene) -> int | None:
    """The model comes in when the greeting was heard, when the caller takes the floor, or after 10 s; behind a menu
    when it is over, so that its history says what was chosen."""
    if scene.course.service is not Service.NOBODY or scene.began is None:
        return None
    if scene.turns.floor in (Floor.CALLER, Floor.HELD, Floor.OWED):
        return scene.now
    if scene.pad.offering:
        return None
    if scene.playout.idle:
        return scene.now
    return scene.began + scene.timings.attach_after


def attach_again_at(scene: Scene) -> int | None:
    """Another session comes in when the rest of a broken reply was heard, or the caller takes the floor: only then
    can its history say truly what they have heard."""
    if scene.course.service is Service.CHANGING:
        return _follows_at(scene)
    hearing = scene.turns.floor is Floor.BOT and scene.playout.reply_unheard and not scene.uplink.unanswered
    return None if hearing else scene.attachment.retry_at


def _follows_at(scene: Scene) -> int:
    """As the model comes in behind a greeting: when the line was heard, when the caller takes the floor, or after 10 s.
    A sound takes nothing before it is as long as a word; a cough lets the line go on, and be heard to its end."""
    changed_at, held = scene.attachment.retry_at, scene.turns.hold
    assert changed_at is not None, "a session that was changed is followed by another"
    latest = changed_at + scene.timings.attach_after
    if held is None:
        return changed_at if scene.playout.idle else latest
    missing = max(0, scene.timings.blip - held.spoken_ms)
    if held.quiet_since is None:
        return min(latest, held.spoke_ms + missing)
    return latest if missing else changed_at
