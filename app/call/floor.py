"""Taking the floor and giving it back: what each sign of the caller, and of the engine about the caller, does to it.

`turns` knows the states. Here stand their consequences: a first sign is **taken**; over our own words it becomes a
**hold**, and a hold is **confirmed** (what was not heard is dropped) or our words **play on**. Our own frames move the
floor too, when they leave and when they were heard.
"""

from app.call import commands as c
from app.call import events as e
from app.call import texts
from app.call.course import Phase
from app.call.scene import Scene
from app.call.turns import Floor, Sign

# --- what we hear of the caller ---------------------------------------------------------------------------------------


def caller_spoke(scene: Scene, event: e.CallerSpoke) -> None:
    onset = max(0, scene.now - event.ago_ms)
    scene.do_all(scene.uplink.onset())
    scene.deaf.spoke()
    scene.waterfall.caller_spoke()
    scene.turns.spoke(onset)
    take(scene, onset, Sign.SPOKE)


def caller_paused(scene: Scene, event: e.CallerPaused) -> None:
    quiet_since = max(0, scene.now - event.ago_ms)
    substantial = event.spoken_ms >= scene.timings.blip
    scene.uplink.offset(substantial)
    scene.deaf.paused(quiet_since, event.spoken_ms)
    scene.turns.paused(quiet_since, event.spoken_ms)
    if not substantial:
        return
    scene.answer.sign(quiet_since)  # while they spoke, the engine had to listen
    scene.silence.caller_is_there()
    scene.waterfall.caller_stopped(quiet_since)
    if not scene.attachment.attached and scene.turns.floor is Floor.OWED and not scene.answer.running:
        scene.answer.start(quiet_since)  # nobody is there to tell us the turn is over


# --- what the engine hears of the caller ------------------------------------------------------------------------------


def engine_heard_speech(scene: Scene, event: e.EngineHeardSpeech) -> None:
    if scene.turns.speaking or not scene.uplink.unanswered:  # else it hears again what we know
        take(scene, scene.now, Sign.SPOKE)


def engine_heard_pause(scene: Scene, event: e.EngineHeardPause) -> None:
    scene.turns.engine_paused(scene.now)


def user_text(scene: Scene, event: e.UserText) -> None:
    """The transcript of an utterance proves a turn, and an answer is owed from now."""
    scene.silence.caller_is_there()
    scene.pad.caller_said()
    scene.waterfall.transcript(scene.now)
    scene.replies.over()
    scene.account.forget_plans()
    if scene.turns.floor is Floor.HELD or (scene.playout.has_reply and scene.interruptible):
        confirm(scene, Sign.TURNED)
    elif scene.turns.floor is Floor.BOT:
        _drop_outdated(scene)
    else:
        scene.turns.sign(Sign.TURNED)
    scene.turns.turned_at = scene.now
    scene.account.caller_said(event.text)
    scene.answer.start(scene.now)


def interrupted(scene: Scene, event: e.Interrupted) -> None:
    """The engine says the caller broke in, and says no more of its reply."""
    incomplete = scene.replies.audible
    scene.replies.over()
    scene.voice.break_off()
    take(scene, scene.now, Sign.INTERRUPTED)
    if scene.turns.hold is not None:
        scene.turns.interrupted(scene.now, incomplete)
        return
    _drop_outdated(scene)
    if incomplete and not scene.answer.running:
        scene.answer.start(scene.now, fillers=1)  # the rest of it is owed, should no words follow


def _drop_outdated(scene: Scene) -> None:
    """A phrase that may not be cut goes on; a reply behind it is out of date. A goodbye is never."""
    if scene.closing is None and not scene.playout.interruptible:
        scene.playout.drop_waiting()


# --- the hold ---------------------------------------------------------------------------------------------------------


def take(scene: Scene, onset: int, sign: Sign) -> None:
    """A first sign of the caller. Over our own words it is a hold: silence now, decide later."""
    if not scene.interruptible:
        return
    _take_end_as_heard(scene)
    if scene.turns.floor is Floor.BOT:
        hold(scene, onset, sign)
    elif sign is Sign.SPOKE:
        scene.turns.sign(sign)


def _take_end_as_heard(scene: Scene) -> None:
    """Our last sound has been played, only the echo of its mark is under way: the caller interrupts nothing."""
    if scene.turns.floor is Floor.BOT and scene.playout.silent(scene.now) and not scene.replies.audible:
        scene.voice.hold(scene.now)
        scene.playout.resume()
        if scene.playout.idle:
            scene.turns.sign(Sign.HEARD)


def hold(scene: Scene, onset: int, sign: Sign) -> None:
    if scene.voice.hold(scene.now) and scene.leg is not None:
        scene.do(c.ClearPlayback(scene.leg))
    scene.turns.begin_hold(onset, sign)
    scene.note("held")


def confirm(scene: Scene, sign: Sign) -> None:
    """It was a turn of the caller: what they have not heard of us is dropped."""
    if scene.turns.floor is Floor.BOT:
        hold(scene, scene.now, Sign.SPOKE)
    held = scene.turns.end_hold(sign)
    cut_ms = scene.voice.drop(scene.now)
    scene.renewal.turned_out("cut", scene.now)
    if held is not None:
        scene.do(c.BargeInMeasured("confirmed", max(0, (held.sign_ms or scene.now) - held.onset_ms), cut_ms))
        scene.voice.heard_more = True


def confirm_if_signed(scene: Scene) -> None:
    """The engine had called it an interruption: what comes now (a new reply, the end of the line) leaves no doubt."""
    if scene.turns.hold is not None and scene.turns.hold.sign_ms is not None:
        confirm(scene, Sign.TOOK)


def fall_quiet(scene: Scene) -> None:
    """We break off what we are saying, of our own accord: what was not heard of it is not said."""
    if scene.turns.hold is not None:
        confirm(scene, Sign.TOOK)
    if scene.voice.hold(scene.now) and scene.leg is not None:
        scene.do(c.ClearPlayback(scene.leg))
    scene.replies.hush()
    scene.voice.drop(scene.now)
    scene.turns.sign(Sign.HEARD)
    scene.note("hold cut")


def play_on(scene: Scene) -> None:
    """It was nothing: our words come back, from the first one not heard."""
    held = scene.turns.end_hold(Sign.RESUMED)
    assert held is not None, "only a hold can turn out to be nothing"
    scene.playout.resume()
    scene.renewal.turned_out("heard", scene.now)
    scene.deaf.stop()
    scene.turns.turned_at = scene.now
    scene.do(c.BargeInMeasured("resumed", scene.now - held.onset_ms, 0))
    if held.incomplete:
        scene.texts.ask(texts.GO_ON)


def plays_on_at(scene: Scene) -> int | None:
    held = scene.turns.hold
    if held is None or scene.phase is not Phase.LIVE:
        return None
    attached_at = scene.attachment.attached_at if scene.course.with_model else 0  # else nobody is waited for
    return held.plays_on_at(scene.timings, attached_at)


def play_on_when_due(scene: Scene) -> None:
    if scene.due(plays_on_at(scene)):
        scene.uplink.answered()  # what we took for speech is nothing to be heard again
        play_on(scene)


# --- our own voice ----------------------------------------------------------------------------------------------------


def play(scene: Scene) -> None:
    """Send the frames there is room for."""
    commands = scene.playout.pump(scene.now)
    scene.do_all(commands)
    if not any(type(command) is c.PlayFrames for command in commands):
        return
    scene.turns.sign(Sign.PLAYED)
    if scene.playout.late:
        scene.do(c.RanDry(scene.playout.late))
    if not scene.first_word and scene.began is not None:
        scene.first_word = True
        scene.do(c.FirstWordPlayed(scene.now - scene.began))
    if scene.playout.answer_left and (measured := scene.waterfall.first_frame(scene.now)) is not None:
        scene.do(measured)


def mark_echoed(scene: Scene, event: e.MarkEchoed) -> None:
    scene.voice.echoed(event.name, scene.now)


def lapse_marks(scene: Scene) -> None:
    if scene.voice.lapse(scene.now):
        scene.note("mark overdue")


def fall_silent(scene: Scene) -> None:
    """All of ours was heard. Between the sentences of a reply that is still being made, an answer is owed again."""
    playout, replies = scene.playout, scene.replies
    if playout.idle and scene.turns.floor is Floor.BOT:
        scene.turns.sign(Sign.HEARD)
    unfinished = replies.audible and replies.voiced
    if unfinished and not scene.answer.running and not playout.held and playout.silent(scene.now):
        scene.answer.stall(scene.now)
    if scene.voice.heard_more and playout.idle and not replies.audible:
        scene.voice.heard_more = False
        scene.do(c.KeepSnapshot())
