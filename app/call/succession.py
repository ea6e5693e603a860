"""The next session takes over from one that works: lent beside it, begun in its place in a single step.

`renewal` says when. Here stands what a quiet moment is, and what becomes of all that was under way where the moment was
not quiet. Nothing stands between the old session and the new one: in the step in which the one is closed (it ends in
the pool's keeping), the other is begun with the history as it was heard, and the caller's audio goes on.

A change in the middle of a turn:

* What the caller has said and nobody has answered, the next session **hears again**, from its beginning, and then what
  follows. A turn for which the model has opened a tool is taken up: the caller's words stand in the history, and the
  tool's answer goes to the next session in writing.
* Our own words **play on**: their audio is ours. The next session is told them as they will have been heard, and where
  the caller breaks in after all it is renewed once more, to know the truth.
* A **reply still coming in** is waited for, up to `reply_grace`: a model makes its speech several times faster than it
  is spoken, so most replies are whole within that. Of a longer one the caller hears what has come, and the next
  session is asked to go on from there.
"""

from collections.abc import Iterable

from app.call import commands as c
from app.call import events as e
from app.call import session, texts
from app.call.course import Phase, ServiceSign
from app.call.renewal import Supposed
from app.call.scene import Scene
from app.call.turns import Floor


def renew(scene: Scene) -> None:
    """What time brings: see `renewal`."""
    if scene.playout.idle:
        scene.renewal.settled()
    if not _may_renew(scene):
        return
    if scene.due(scene.renewal.give_up_at()):
        _give_up(scene)
    if scene.due(_lend_at(scene)):
        _lend(scene)
    if scene.due(_begin_at(scene)):
        _swap(scene)


def wakeups(scene: Scene) -> Iterable[int | None]:
    if _may_renew(scene):
        yield scene.renewal.give_up_at()
        yield _lend_at(scene)
        yield _begin_at(scene)


def _may_renew(scene: Scene) -> bool:
    return scene.phase is Phase.LIVE and scene.course.served


def _lend_at(scene: Scene) -> int | None:
    return scene.renewal.lend_at(scene.now, at_rest(scene))


def _begin_at(scene: Scene) -> int | None:
    return scene.renewal.begin_at(scene.now, at_rest(scene), _reply_comes(scene))


def at_rest(scene: Scene) -> bool:
    """Nobody speaks, and nothing is owed: all that was said has been answered, and heard."""
    return (
        scene.turns.floor is Floor.QUIET
        and scene.playout.idle
        and not scene.turns.speaking
        and not scene.uplink.unanswered
        and not scene.account.unanswered()
        and not scene.answer.running
        and not scene.failure.running
        and not scene.replies.open
        and not scene.replies.turn_hushed
        and not scene.runs
        and scene.pad.entry is None
    )


def _reply_comes(scene: Scene) -> bool:
    return scene.replies.audible and scene.replies.voiced


# --- the next one -----------------------------------------------------------------------------------------------------


def _lend(scene: Scene) -> None:
    ordinal = scene.attachment.number()
    scene.course.serve(ServiceSign.NEXT_ASKED)
    scene.renewal.asks(ordinal, scene.voice.language, scene.now)
    scene.do(c.LendSession(ordinal, scene.voice.language))


def lent(scene: Scene, event: e.SessionLent) -> None:
    attachment = scene.attachment
    if scene.renewal.is_lent(event.session, event.ends_ms, scene.now):
        return
    if attachment.live and not attachment.attached and event.session == attachment.ordinal:
        session.begin(scene, event.ends_ms)  # the one before it is gone meanwhile
    elif event.session <= attachment.numbered and not session.in_use(scene, event.session):
        scene.do(c.CloseSession(event.session))  # it came too late


def _give_up(scene: Scene) -> None:
    """It takes too long to open, or has waited too long to be begun."""
    opened = scene.renewal.lent
    scene.note("next session given back" if opened else "next session overdue")
    _give_back(scene)
    if not opened:
        scene.renewal.fails(scene.now)


def _give_back(scene: Scene) -> None:
    scene.course.serve(ServiceSign.NEXT_GONE)
    scene.do_all(scene.renewal.give_back())


def failed(scene: Scene, event: e.SessionFailed) -> None:
    """The next one, not the present."""
    scene.note("next session failed", str(event.failure))
    _give_back(scene)
    scene.renewal.fails(scene.now)


# --- taking over ------------------------------------------------------------------------------------------------------


def _swap(scene: Scene) -> None:
    quiet = at_rest(scene)
    scene.note("session renewed", "in quiet" if quiet else f"{scene.turns.floor}")
    scene.do(c.CloseSession(scene.attachment.ordinal))
    supposed = None if quiet else _leave_turn(scene)
    session.let_go(scene)
    scene.uplink.hand_over()
    session.take_next(scene, heard_on=supposed == "heard")
    if supposed is not None:
        scene.renewal.supposes(supposed)
    if scene.uplink.unanswered:
        scene.deaf.begin_anew(scene.now, scene.turns.speaking)


def _leave_turn(scene: Scene) -> Supposed | None:
    """In the middle of a turn: what of it the next session is told, and what it will do again."""
    if _reply_comes(scene):
        scene.texts.ask(texts.GO_ON)
    session.leave_taken_up(scene)
    if not scene.uplink.unanswered:
        scene.answer.stop()  # what is owed goes to the next one in writing, which begins when nothing is owed
    if scene.playout.idle:
        return None
    return "cut" if scene.turns.hold is not None else "heard"
