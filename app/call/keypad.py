"""What the caller's keys do: menus, digits asked for, secrets, and keys nobody asked for.

At most one **entry** is open (`pad`, `entries`). While a menu is offered a key is its choice, and whoever speaks
instead has left it. While digits are asked for the caller owes, not we: no filler, no silence prompt, no live text
comes between. The outcome reaches the model exactly once, as the answer of the tool that asked, or in writing where a
menu asked or the session that asked is gone. Any other key is told to the model in writing, but 0 may always mean a
person.

**A secret** is asked for only once the house says that the line is guarded. Its digits never come here: the house keeps
them under a token that stands for them towards the model.

A key that was a choice is noted as CHOSEN, and only such keys may stand in a journal; what was ASKED for is noted too.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from app.call import built_in, ending, floor, follows, language, results, texts
from app.call import commands as c
from app.call import events as e
from app.call.course import Phase, ServiceSign
from app.call.disposition import Disposition
from app.call.entries import DIGITS, Asked, Offered, Verdict
from app.call.runs import Run
from app.call.scene import Scene
from app.call.setup import Choice
from app.call.turns import Floor, Sign

CHOSEN, ASKED = "chosen", "digits asked for"

ADVICE: Mapping[str, str] = {
    "nothing_entered": "The caller entered nothing. Ask whether they would rather say it, or go on without it.",
    "wrong_length": "The caller did not enter as many digits as it takes. Ask whether they have the right number.",
    "cancelled": "The caller cancelled. Ask what they would like instead.",
    "unknown": "There are no such digits to ask for. Ask the caller to say them, unless they are secret.",
    "already_asking": "The caller is entering other digits. Wait for those.",
    "cannot_ask": "The keypad cannot be used now. Ask the caller to say the digits.",
    "not_guarded": "Secret digits cannot be taken on this call. Never ask the caller to say them. Offer another way.",
}

# --- a key ------------------------------------------------------------------------------------------------------------


def key_pressed(scene: Scene, event: e.KeyPressed) -> None:
    if scene.closing is not None:
        return
    scene.silence.caller_is_there()
    scene.deaf.stop()
    pad = scene.pad
    if pad.guard.on:
        pad.guard.pressed(scene.now)
    match pad.entry:
        case Offered() as menu:
            choose(scene, menu, event.key)
        case Asked() as asked:
            if not pad.guard.awaited:
                _enter(scene, asked, event.key)
        case None:
            _stray(scene, event.key)


def choose(scene: Scene, menu: Offered, key: str) -> None:
    """A key of an open menu, pressed or spoken."""
    break_in(scene)
    scene.replies.hush()
    verdict = menu.press(key)
    if menu.choice is None:
        _answer_menu(scene, menu, verdict)
        if verdict is Verdict.UNKNOWN_KEY:
            scene.pad.strays.press(key, scene.now)  # the model may know what it means
        return
    scene.pad.entry = None
    scene.note(CHOSEN, f"{menu.menu.name} {key}")
    _do(scene, menu.choice)


def _enter(scene: Scene, asked: Asked, key: str) -> None:
    break_in(scene)
    scene.replies.over()  # what the model says when it has the digits is another reply
    _answer_entry(scene, asked, asked.press(key))


def _stray(scene: Scene, key: str) -> None:
    pad, zero = scene.pad, scene.setup.keypad.zero
    if (pad.guard.on and key in DIGITS) or pad.swallows(key, scene.now):
        return
    if key == "0" and zero is not None and not pad.strays.pressed:
        break_in(scene)
        scene.replies.hush()
        scene.note(CHOSEN, "zero")
        _do(scene, zero)
        return
    pad.strays.press(key, scene.now)
    if break_in(scene):
        scene.replies.hush()


def break_in(scene: Scene) -> bool:
    """A key is no sound to be in doubt about: what we say stops, and what may not be cut has nothing behind it."""
    if not scene.interruptible:
        scene.playout.drop_waiting()
        return False
    if scene.turns.floor not in (Floor.BOT, Floor.HELD):
        return False
    floor.confirm(scene, Sign.TOOK)
    return True


# --- menus ------------------------------------------------------------------------------------------------------------


def offer_first(scene: Scene) -> bool:
    """The menu that follows the greeting. False where there is none, or none that can be heard."""
    return offer(scene, scene.setup.keypad.start)


def offer(scene: Scene, name: str) -> bool:
    """False where there is no such menu, or none that can be heard."""
    menu = scene.setup.keypad.menus.get(name)
    if menu is None or not scene.voice.say(menu.say):
        return False
    scene.pad.entry = Offered(menu, scene.setup.keypad.zero)
    return True


def _answer_menu(scene: Scene, menu: Offered, verdict: Verdict) -> None:
    if verdict is Verdict.WRONG:
        scene.voice.say("try_again")
    if verdict in (Verdict.WRONG, Verdict.ASK_AGAIN):
        scene.voice.say(menu.menu.say)
        return
    scene.pad.entry = None
    scene.note("menu left", verdict)
    if not scene.course.with_model:
        scene.course.serve(ServiceSign.FELL)  # nobody else is there to ask what they want
    elif verdict is Verdict.NOTHING_ENTERED:
        scene.texts.ask(texts.NOTHING_CHOSEN)


def _do(scene: Scene, choice: Choice) -> None:
    value = choice.value
    match choice.do:
        case "collect" | "language" | "tell_model" if not scene.course.with_model:
            scene.voice.say("try_again")
        case "say":
            _say(scene, value)
        case "menu":
            if not offer(scene, value):
                scene.texts.ask(texts.NOTHING_CHOSEN)
        case "collect":
            _collect(scene, value, None)
        case "transfer":
            follows.to_person(scene, value)
        case "language":
            language.change(scene, value)
        case "tell_model":
            scene.texts.ask(value)
        case "hang_up":
            ending.close(scene, Disposition.COMPLETED, "goodbye")


def _say(scene: Scene, name: str) -> None:
    phrase = scene.voice.phrase(name)
    if phrase is None:
        _let_model_say(scene, name)
        return
    scene.voice.say(name)
    if follows.follow(scene, phrase):
        return
    if phrase.then == "ask_model":
        scene.texts.ask(texts.go_on_after(phrase.text))
    else:
        follows.note_down(scene, phrase)


def _let_model_say(scene: Scene, name: str) -> None:
    """The phrase has no audio."""
    unspoken = scene.setup.phrases.get(name)
    scene.texts.ask(texts.say_for_us(unspoken.text) if unspoken is not None else texts.NOTHING_CHOSEN)


# --- digits asked for -------------------------------------------------------------------------------------------------


def collect_called(scene: Scene, event: e.ToolCalled) -> None:
    what = built_in.given(event.arguments).get("what")
    run = Run(event.run, event.session, event.name, scene.now)
    if scene.closing is not None:
        results.hand_over(scene, run, _refusal("cannot_ask"))
    elif scene.pad.collecting:
        results.hand_over(scene, run, _refusal("already_asking"))
    elif not isinstance(what, str) or what not in scene.setup.keypad.collections:
        results.hand_over(scene, run, _refusal("unknown"))
    else:
        _collect(scene, what, run)


def _collect(scene: Scene, what: str, run: Run | None) -> None:
    collection = scene.setup.keypad.collections.get(what)
    if collection is None:
        _report(scene, what, run, _error("unknown"))
        return
    scene.answer.stop()
    scene.waterfall.void()
    scene.note(ASKED, what)
    asked = scene.pad.entry = Asked(collection, run)
    if collection.sensitive:
        scene.do_all(scene.pad.guard.request(scene.now))
    else:
        _ask(scene, asked)


def caller_guarded(scene: Scene, event: e.CallerGuarded) -> None:
    """The house's answer to `GuardCaller`. Only now may the secret be asked for."""
    pad = scene.pad
    if not pad.guard.awaited or not isinstance(pad.entry, Asked):
        return
    if event.ok:
        scene.do_all(pad.guard.stands())
        _ask(scene, pad.entry)
    else:
        _refuse_secret(scene, pad.entry, "refused")


def _refuse_secret(scene: Scene, asked: Asked, why: str) -> None:
    scene.note("secret not asked for", why)
    scene.do_all(scene.pad.guard.lift())
    _finish(scene, asked, _error("not_guarded"))


def _ask(scene: Scene, asked: Asked) -> None:
    prompt = asked.collection.say
    if prompt and not scene.voice.say(prompt):
        _give_up(scene, asked, "cannot_ask")


def _answer_entry(scene: Scene, asked: Asked, verdict: Verdict) -> None:
    match verdict:
        case Verdict.OPEN:
            return
        case Verdict.DONE:
            _finish(scene, asked, _entered(scene, asked))
        case Verdict.ASK_AGAIN | Verdict.WRONG:
            if verdict is Verdict.WRONG:
                scene.voice.say("try_again")
            _forget(scene, asked)
            _ask(scene, asked)
        case _:
            _give_up(scene, asked, verdict)


def _entered(scene: Scene, asked: Asked) -> dict[str, Any]:
    if not asked.collection.terminator:
        scene.pad.ended(asked, scene.now)
    if not asked.collection.sensitive:
        return {"digits": asked.digits}
    token = scene.pad.next_token(asked.collection.name)
    scene.do(c.SealSecret(token))
    return {"token": token, "digits": len(asked.digits)}


def _give_up(scene: Scene, asked: Asked, why: str) -> None:
    _forget(scene, asked)
    _finish(scene, asked, _error(why))


def _forget(scene: Scene, asked: Asked) -> None:
    if asked.collection.sensitive:
        scene.do(c.DropSecret())


def _finish(scene: Scene, asked: Asked, outcome: dict[str, Any]) -> None:
    scene.pad.entry = None
    scene.pad.guard.release(scene.now, asked.broken_off)
    scene.failure.stop()  # while the caller entered digits nobody waited for us
    name = asked.collection.name
    scene.note("collected" if "error" not in outcome else "not collected", f"{name} {outcome.get('error', '')}".strip())
    scene.digest.entered(name, outcome)
    _report(scene, name, asked.run, outcome)


def _report(scene: Scene, name: str, run: Run | None, outcome: dict[str, Any]) -> None:
    if run is None:
        scene.texts.ask(texts.entered(name, json.dumps(outcome)))
    else:
        results.hand_over(scene, run, json.dumps(outcome))


def _refusal(why: str) -> str:
    return json.dumps(_error(why))


def _error(why: str) -> dict[str, Any]:
    return {"error": str(why), "advice": ADVICE[why]}


# --- what time brings, and what a call brings back --------------------------------------------------------------------


def keep_entry(scene: Scene) -> None:
    """Nobody's patience runs out while somebody speaks, or while the line is lost."""
    entry, guard = scene.pad.entry, scene.pad.guard
    if entry is None:
        return
    if isinstance(entry, Asked) and guard.awaited:
        if scene.due(guard.overdue_at()):
            _refuse_secret(scene, entry, "too slow")
    elif scene.phase is not Phase.LIVE or scene.turns.speaking or not scene.playout.silent(scene.now):
        entry.halt()
    elif scene.due(entry.due):
        _lapse(scene, entry)
    else:
        entry.wait(scene.now)


def _lapse(scene: Scene, entry: Offered | Asked) -> None:
    if isinstance(entry, Offered):
        _answer_menu(scene, entry, entry.lapse())
    else:
        _answer_entry(scene, entry, entry.lapse())


def lift_guard(scene: Scene) -> None:
    if scene.due(scene.pad.guard.lifts_at(scene.now)):
        scene.do_all(scene.pad.guard.lift())


def wakeups(scene: Scene) -> Iterable[int | None]:
    pad = scene.pad
    yield pad.strays.deadline()
    yield pad.guard.lifts_at(scene.now)
    yield pad.guard.overdue_at()
    if pad.entry is not None:
        yield pad.entry.due


def come_back(scene: Scene) -> None:
    """The caller is back on another line: what was asked for and heard is asked for again, from its first digit."""
    pad = scene.pad
    if pad.menu_left and pad.entry is None:
        offer(scene, pad.menu_left)
        pad.menu_left = ""
    elif isinstance(pad.entry, Offered) and scene.playout.idle:
        scene.voice.say(pad.entry.menu.say)
    elif isinstance(pad.entry, Asked) and scene.playout.idle and not pad.guard.awaited:
        pad.entry.restart()
        _forget(scene, pad.entry)
        _ask(scene, pad.entry)


def lost_with_the_call(scene: Scene) -> tuple[list[str], list[str]]:
    """For a snapshot: names of tools, and live text, that the loss of an open entry leaves behind."""
    match scene.pad.entry:
        case Asked(run=Run(name=name)):
            return [name], []
        case Asked(collection=collection):
            return [], [texts.entered(collection.name, json.dumps(_error("cancelled")))]
    return [], []
