"""The language of `*.call` files: a whole call, told in order.

    phrase greeting 1000 "Hello, this is Anna."        what is rendered: id, ms of audio, wording
    phrase consent 800 "This call is recorded." uninterruptible
    phrase bye 900 "Goodbye then." then hang_up        what follows it where it answers the caller
    phrase es-US/greeting 900 "Hola."                  in another language, which declares it
    effects book_repair                                a tool that changes something
    known note true                                    what becomes of the model where a phrase answers
    setting max_call 60000                             one of the machine's waits
    target workshop                                    whom the caller may be given to; and "warm", "queue", "closed"
    messages                                           the caller may leave one, or be called back
    sessions by hand                                   else a session comes as soon as it is asked for
    sessions live 20000                                and end after that
    uplink audio_while_tool_pending false              how the caller's audio travels
    menu main says offer_main waits 4000               what the keypad offers; `retries 0`
    key main 1 say hours                               ... and what its keys do
    collect order says ask_order length 4 6            digits asked for; `ends with *`, `ends by itself`, `secret`
    zero transfer workshop                             what 0 means elsewhere
    starts with main                                   the menu behind the greeting
    words main 1 hours "opening hours"                 what may be said instead, where no model listens
    without model menu main person workshop            what is left then; each of the two may be missing
    cap tokens 1000                                    what it may use; `ms`, `grace`, `then transfer workshop`
    outbound leaves message                            we have called: the phrase a machine gets; `outbound hangs up`

    0     leg attached                                 at 0 ms ...
          expect play greeting at once                 ... and before the next line's time, this must be done
    1500  caller speaks for 900
          expect no clear

Blank lines and everything behind `#` are ignored. `expect` takes `at once` or `within MS`.
"""

import json
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from app.call import commands as c
from app.call import events as e
from app.call.machine import Call
from app.call.onward import OnwardResult, attempt_name
from app.call.setup import (
    AtCap,
    CallSetup,
    Caps,
    Choice,
    Collection,
    Doing,
    Keypad,
    KnownAnswers,
    Menu,
    Outbound,
    Phrase,
    Target,
    Timings,
    UplinkSettings,
    WithoutModel,
)
from tests.call.stage import FACTS, Done, Stage, setup, times_in, tone

LAST_WINDOW_MS = 5_000
KNOWN = {
    *("play", "clear", "mark", "hang", "attach", "close", "session", "audio", "text", "run", "cancel", "answer"),
    *("barge-in", "turn", "first", "note", "snapshot", "end", "answered", "told", "ring", "stop", "leave"),
    *("guard", "seal", "forget", "listen", "lend", "begin", "handed"),
}
BEGUN = (c.AttachSession, c.AttachListener, c.BeginSession)
KEY_MS = 300  # from key to key
CHUNK_MS = 100  # of a reply, one every 20 ms: five times as fast as it is spoken


@dataclass
class Scene:
    """One moment of a script, and what is expected until the next one."""

    at: int
    number: int  # of its line in the file
    words: list[str]
    expects: list[tuple[int, list[str]]] = field(default_factory=list)


@dataclass
class Script:
    phrases: dict[str, Phrase] = field(default_factory=dict)
    timings: Timings = field(default_factory=Timings)
    uplink: UplinkSettings = field(default_factory=UplinkSettings)
    targets: dict[str, Target] = field(default_factory=dict)
    messages: bool = False
    keypad: Keypad = field(default_factory=Keypad)
    without_model: WithoutModel = field(default_factory=WithoutModel)
    caps: Caps = field(default_factory=Caps)
    outbound: Outbound = field(default_factory=Outbound)
    by_hand: bool = False
    life: int | None = None  # of a session
    tongues: dict[str, dict[str, Phrase]] = field(default_factory=dict)  # beside the first
    effects: set[str] = field(default_factory=set)
    known: KnownAnswers = field(default_factory=KnownAnswers)
    scenes: list[Scene] = field(default_factory=list)

    def setup(self) -> CallSetup:
        tongues = {FACTS.language: self.phrases, **self.tongues}
        return setup(
            self.phrases,
            self.timings,
            self.uplink,
            tongues=tongues,
            known=self.known,
            effects=frozenset(self.effects),
            targets=self.targets,
            messages=self.messages,
            keypad=self.keypad,
            without_model=self.without_model,
            caps=self.caps,
            outbound=self.outbound,
        )

    def colours(self) -> dict[str, int]:
        """By which each phrase is told from all others: another language's by its tag and id."""
        others = {f"{tongue}/{name}": p for tongue, said in self.tongues.items() for name, p in said.items()}
        return {name: phrase.audio[0] for name, phrase in {**self.phrases, **others}.items() if phrase.audio}


def read(path: Path) -> Script:
    script = Script()
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        words = shlex.split(raw, comments=True)
        if words:
            _read_line(script, number, words)
    return script


def _read_line(script: Script, number: int, words: list[str]) -> None:
    match words:
        case ["phrase", name, ms, text, *how]:
            tongue, _, name = name.rpartition("/")
            phrases = script.tongues.setdefault(tongue, {}) if tongue else script.phrases
            audio = tone(len(script.colours()) + 1, int(ms)) if ms != "missing" else None
            phrases[name] = Phrase(name, text, audio, "uninterruptible" not in how, *_what_follows(how))
        case ["effects", *names]:
            script.effects.update(names)
        case ["known", name, value]:
            script.known = replace(script.known, **{name: value == "true"})
        case ["setting", name, ms]:
            script.timings = replace(script.timings, **{name: int(ms)})
        case ["uplink", name, value]:
            given: dict[str, Any] = {name: int(value) if value.isdigit() else value == "true"}
            script.uplink = replace(script.uplink, **given)
        case ["target", name, *how]:
            target = Target(name, warm="warm" in how, queue="queue" in how, open="closed" not in how)
            script.targets[name] = target
        case ["messages"]:
            script.messages = True
        case ["menu", name, "says", phrase, *more]:
            menu = Menu(name, phrase, {}, **_numbers(more, waits="wait_ms", retries="retries"))
            script.keypad = replace(script.keypad, menus={**script.keypad.menus, name: menu})
        case ["key", name, key, do, *value]:
            menu = script.keypad.menus[name]
            menu = replace(menu, keys={**menu.keys, key: Choice(cast(Doing, do), *value)})
            script.keypad = replace(script.keypad, menus={**script.keypad.menus, name: menu})
        case ["words", name, key, *words]:
            menu = script.keypad.menus[name]
            menu = replace(menu, words={**menu.words, key: words})
            script.keypad = replace(script.keypad, menus={**script.keypad.menus, name: menu})
        case ["without", "model", *what]:
            script.without_model = WithoutModel(**dict(zip(what[::2], what[1::2], strict=True)))
        case ["outbound", "hangs", "up"]:
            script.outbound = Outbound()
        case ["outbound", "leaves", phrase]:
            script.outbound = Outbound("leave_message", phrase)
        case ["collect", name, "says", phrase, "length", shortest, longest, *more]:
            collection = Collection(name, phrase, int(shortest), int(longest), **_manner(more))
            script.keypad = replace(script.keypad, collections={**script.keypad.collections, name: collection})
        case ["zero", do, *value]:
            script.keypad = replace(script.keypad, zero=Choice(cast(Doing, do), *value))
        case ["starts", "with", name]:
            script.keypad = replace(script.keypad, start=name)
        case ["cap", "then", do, *target]:
            script.caps = replace(script.caps, then=cast(AtCap, do), target="".join(target))
        case ["cap", name, amount]:
            script.caps = replace(script.caps, **{name: cast(Any, int(amount))})
        case ["sessions", "by", "hand"]:
            script.by_hand = True
        case ["sessions", "live", ms]:
            script.life = int(ms)
            script.timings = replace(script.timings, session_life=int(ms))
        case ["expect", *what]:
            script.scenes[-1].expects.append((number, what))
        case [at, *what] if at.isdigit():
            script.scenes.append(Scene(int(at), number, what))
        case _:
            raise SyntaxError(f"line {number}: {words}")


def _what_follows(how: list[str]) -> tuple[Any, ...]:
    return tuple(how[how.index("then") + 1 :]) if "then" in how else ()


def _numbers(words: list[str], **fields: str) -> dict[str, Any]:
    return {fields[name]: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def _manner(words: list[str]) -> dict[str, Any]:
    match words:
        case ["ends", "with", key, *more]:
            return {"terminator": key, **_manner(more)}
        case ["ends", "by", "itself", *more]:
            return {"terminator": "", **_manner(more)}
        case ["secret", *more]:
            return {"sensitive": True, **_manner(more)}
    return _numbers(words, first="first_ms", gap="gap_ms", retries="retries")


class Performance:
    """A script on the stage."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.stage = Stage(Call(script.setup()), attach=not script.by_hand, life=script.life)
        self.colours = script.colours()
        self.session = 0
        self.contents = 0
        self.spoke_at = 0
        self.said: dict[str, str] = {}

    def play(self) -> None:
        scenes = self.script.scenes
        for scene, following in zip(scenes, [*scenes[1:], None], strict=True):
            self.stage.run(scene.at - 1)
            self.stage.now = scene.at
            first = len(self.stage.done)
            begun = [d.command.session for d in self.stage.done if isinstance(d.command, BEGUN)]
            self.session = max(begun, default=0)
            self.act(scene)
            self.stage.run(following.at - 1 if following else scene.at + LAST_WINDOW_MS)
            self.check(scene, self.stage.done[first:])

    # --- what happens ---------------------------------------------------------------------------------------------

    def act(self, scene: Scene) -> None:
        tell, leg, session, now = self.stage.tell, self.stage.leg, self.session, self.stage.now
        match scene.words:
            case ["leg", "attached"]:
                self.stage.attach_leg()
            case ["leg", "lost"]:
                self._cut_line(e.LegEnd.LOST)
            case ["leg", "stalls"]:
                tell(e.LegStalled(leg))
            case ["caller", "hangs", "up"]:
                self._cut_line(e.LegEnd.STOPPED)
            case ["caller", "speaks"]:
                self._speak()
            case ["caller", "pauses"]:
                self._pause()
            case ["caller", "speaks", "for", ms]:
                self._speak()
                self.stage.at(now + int(ms), self._pause)
            case ["caller", "presses", *keys]:
                tell(e.KeyPressed(leg, keys[0]))
                for place, key in enumerate(keys[1:], 1):
                    self.stage.tell_at(now + place * KEY_MS, e.KeyPressed(leg, key))
            case ["house", "guards", "the", "caller"]:
                tell(e.CallerGuarded(True))
            case ["house", "cannot", "guard", "the", "caller"]:
                tell(e.CallerGuarded(False))
            case ["session", "attached"]:
                tell(e.SessionAttached(session, ends_ms=self.stage.ends_ms(now)))
            case ["next", "session", "lent"]:
                tell(e.SessionLent(self._next(), self.stage.ends_ms(now)))
            case ["next", "session", "fails", why]:
                tell(e.SessionFailed(self._next(), e.Failure(why)))
            case ["session", "stalls"]:
                tell(e.SessionStalled(session))
            case ["session", "fails", why]:
                tell(e.SessionFailed(session, e.Failure(why)))
            case ["listener", "hears", word]:
                tell(e.WordSpoken(session, word))
            case ["listener", "is", "not", "sure"]:
                tell(e.WordSpoken(session, ""))
            case ["model", "hears", text]:
                tell(e.UserText(session, self._content(), text))
            case ["model", "hears", text, "known", phrase, *rest]:
                tell(e.UserText(session, self._content(), text, e.Known(phrase, 0.97, rest == ["with", "a", "spare"])))
            case ["model", "hears", text, "seeming", language]:
                tell(e.UserText(session, self._content(), text, seems=language))
            case ["session", number, "says", text]:
                content = self._content()
                tell(e.ReplyText(int(number), self._content(), text, e.Stage.SPECULATIVE))
                tell(e.ReplyStarted(int(number), content))
                tell(e.ReplyAudio(int(number), content, tone(self._colour(text), 400)))
                tell(e.ReplyEnded(int(number), content, e.Stop.END_TURN))
            case ["model", "says", ms, text, *how]:
                self._say(int(ms), text, " ".join(how))
            case ["model", "corrects", text]:
                tell(e.ReplyText(session, self._content(), text, e.Stage.FINAL))
            case ["model", "interrupts", "itself"]:
                tell(e.Interrupted(session))
            case ["engine", "hears", "speech"]:
                tell(e.EngineHeardSpeech(session))
            case ["engine", "hears", "a", "pause"]:
                tell(e.EngineHeardPause(session))
            case ["model", "calls", name, arguments, "as", run]:
                tell(e.ToolCalled(session, run, name, arguments))
            case ["tool", run, "answers", result]:
                tell(e.ToolAnswered(run, "tool", result, e.Outcome.OK, 10))
            case ["the", "call", "is", "to", "be", "moved", *when]:
                tell(e.MoveOrdered(at_once=when == ["at", "once"]))
            case ["model", "reports", tokens, "tokens"]:
                tell(e.UsageReported(session, 0, int(tokens), 0, 0))
            case ["another", "process", "takes", "over", ms, "later"]:
                kept = json.loads(json.dumps(self.stage.call.snapshot()))
                wall = kept["wall_ms"] + int(ms)
                self.stage.call = Call.resume(self.script.setup(), kept, now, "another process", wall)
            case ["operator", "ends", "the", "call"]:
                tell(e.EndOrdered("operator"))
            case ["person", attempt, "accepts"]:
                tell(e.PersonAccepted(attempt_name("CA1", int(attempt))))
            case ["person", attempt, "refuses", result]:
                tell(e.PersonRefused(attempt_name("CA1", int(attempt)), OnwardResult(result)))
            case ["onward", attempt, "ends", result]:
                tell(e.OnwardEnded(attempt_name("CA1", int(attempt)), OnwardResult(result)))
            case ["another", "process", "takes", "over"]:
                kept = json.loads(json.dumps(self.stage.call.snapshot()))
                self.stage.call = Call.resume(self.script.setup(), kept, now, "another process")
            case ["carrier", "detects", by]:
                tell(e.AnswererKnown(e.Answerer(by)))
            case ["carrier", "says", status]:
                tell(e.CallCompleted(status))
            case ["another", "process", "takes", "over"]:
                snapshot = json.loads(json.dumps(self.stage.call.snapshot()))
                self.stage.call = Call.resume(self.script.setup(), snapshot, now, "another process")
            case ["nothing", "happens"] | ["the", "end"]:
                pass
            case _:
                raise SyntaxError(f"line {scene.number}: nobody knows how to play {scene.words}")

    def _cut_line(self, how: e.LegEnd) -> None:
        leg, self.stage.leg = self.stage.leg, self.stage.leg
        self.stage.tell(e.LegEnded(leg, how))

    def _next(self) -> int:
        """The session that was asked for last."""
        return max(d.command.session for d in self.stage.done if isinstance(d.command, c.LendSession))

    def _speak(self) -> None:
        self.spoke_at = self.stage.now
        self.stage.tell(e.CallerSpoke(self.stage.leg, 0))

    def _pause(self) -> None:
        self.stage.tell(e.CallerPaused(self.stage.leg, self.stage.now - self.spoke_at, 0))

    def _content(self) -> str:
        self.contents += 1
        return f"c{self.contents}"

    def _colour(self, text: str) -> int:
        return self.colours.setdefault(text, 100 + len(self.colours))

    def _say(self, ms: int, text: str, how: str) -> None:
        """Planned text, then audio faster than it is spoken; `and goes on`: more of the reply follows;
        `and breaks off`: half of the audio, and no end."""
        stage, session = self.stage, self.session
        colour = self._colour(text)
        content = self._content()
        stage.tell(e.ReplyText(session, self._content(), text, e.Stage.SPECULATIVE))
        stage.tell(e.ReplyStarted(session, content))
        audio = tone(colour, ms // 2 if how == "and breaks off" else ms)
        chunks = [audio[at : at + CHUNK_MS * 8] for at in range(0, len(audio), CHUNK_MS * 8)]
        for index, chunk in enumerate(chunks):
            stage.tell_at(stage.now + index * 20, e.ReplyAudio(session, content, chunk))
        if how != "and breaks off":
            stop = e.Stop.PARTIAL_TURN if how == "and goes on" else e.Stop.END_TURN
            stage.tell_at(stage.now + len(chunks) * 20, e.ReplyEnded(session, content, stop))

    # --- what is expected -----------------------------------------------------------------------------------------

    def check(self, scene: Scene, window: list[Done]) -> None:
        left = list(window)
        for number, words in scene.expects:
            words, limit = _limit(words)
            if words[0] == "no":
                wrong = [done for done in window if self.matches(done.command, words[1:], number)]
                assert not wrong, f"line {number}: was not to be{_shown(wrong[0])}"
            elif words[0] in {"heard", "transcript", "floor", "onward"}:
                self.check_account(number, words)
            else:
                found = next((done for done in left if self.matches(done.command, words, number)), None)
                shown = "\n".join(_shown(done) for done in window if not isinstance(done.command, c.SendToEngine))
                assert found, f"line {number}: expected {' '.join(words)}, done was\n{shown}"
                assert limit is None or found.at <= scene.at + limit, f"line {number}: came at {found.at} only"
                left.remove(found)

    def check_account(self, number: int, words: list[str]) -> None:
        if words[0] == "floor":
            floor = self.stage.call.floor
            assert floor == words[1], f"line {number}: the floor is {floor}"
            return
        if words[0] == "onward":
            onward = self.stage.call.onward
            assert (onward.way if onward else "nowhere") == words[1], f"line {number}: {onward}"
            return
        told = " / ".join(f"{line.role}: {line.text}" for line in self.stage.call.transcript())
        match words:
            case ["heard", "no", text]:
                assert text not in told, f"line {number}: {told}"
            case [_, text]:
                assert text in told, f"line {number}: {told}"

    def matches(self, command: c.Command, words: list[str], number: int) -> bool:
        match words, command:
            case ["play"], c.PlayFrames():
                return True
            case ["play", what], c.PlayFrames(_, audio):
                return self.colours.get(what, -1) in audio
            case ["clear"], c.ClearPlayback():
                return True
            case ["mark"], c.SendMark():
                return True
            case ["hang", "up"], c.HangUp():
                return True
            case ["attach", session], c.AttachSession(ordinal, _):
                return ordinal == int(session)
            case ["attach", session, "in", tongue], c.AttachSession(ordinal, _, language):
                return ordinal == int(session) and language == tongue
            case ["listen", session], c.AttachListener(ordinal):
                return ordinal == int(session)
            case ["lend", session], c.LendSession(ordinal):
                return ordinal == int(session)
            case ["lend", session, "in", tongue], c.LendSession(ordinal, language):
                return ordinal == int(session) and language == tongue
            case ["begin", session], c.BeginSession(ordinal):
                return ordinal == int(session)
            case ["begin", session, "knowing", text], c.BeginSession(ordinal, history):
                return ordinal == int(session) and text in " / ".join(f"{line.role}: {line.text}" for line in history)
            case ["begin", session, "not", "knowing", text], c.BeginSession(ordinal, history):
                return ordinal == int(session) and text not in " / ".join(line.text for line in history)
            case ["session", "made", "ready"], c.ExpectSession():
                return True
            case ["session", "made", "ready", "in", tongue], c.ExpectSession(language):
                return language == tongue
            case ["answered", "by", phrase, outcome], c.AnsweredByPhrase(name, _, how):
                return name == phrase and how == outcome
            case ["told", text], c.SendNote(_, told):
                return text in told
            case ["attach", session, "not", "knowing", text], c.AttachSession(ordinal, history):
                return ordinal == int(session) and text not in " / ".join(line.text for line in history)
            case ["attach", session, "knowing", text], c.AttachSession(ordinal, history):
                return ordinal == int(session) and text in " / ".join(f"{line.role}: {line.text}" for line in history)
            case ["close", "session", session], c.CloseSession(ordinal):
                return ordinal == int(session)
            case ["session", session, "to", "hear", "the", "caller", "of", at], c.SendToEngine(ordinal, audio):
                return ordinal == int(session) and any(abs(t - int(at)) < 20 for t in times_in(audio))
            case ["audio"], c.SendToEngine():
                return True
            case ["text", text], c.SendText(_, sent):
                return text in sent
            case ["run", name], c.RunTool(_, tool, _):
                return tool == name
            case ["cancel", run], c.CancelTool(name):
                return run == name
            case ["answer", run, text], c.AnswerTool(_, name, result):
                return run == name and text in result
            case ["handed", "over"], c.HandOver():
                return True
            case ["guard", "on" | "off" as how], c.GuardCaller(on):
                return on == (how == "on")
            case ["seal", name], c.SealSecret(token):
                return token == name
            case ["forget", "the", "digits"], c.DropSecret():
                return True
            case ["barge-in", outcome], c.BargeInMeasured(became):
                return became == outcome
            case ["turn"], c.TurnMeasured():
                return True
            case ["turn", "by", whom], c.TurnMeasured(answered_by=by):
                return by == whom
            case ["first", "word"], c.FirstWordPlayed():
                return True
            case ["note", text], c.Note(what, detail):
                return text in f"{what} {detail}"
            case ["ring", name, *about], c.RingPerson(_, target, told):
                return target == name and all(text in str(told) for text in about)
            case ["stop", "ringing", attempt], c.StopRinging(stopped):
                return stopped == attempt_name("CA1", int(attempt))
            case ["leave", "word", text], c.LeaveWord(_, told):
                return text in str(told)
            case ["snapshot"], c.KeepSnapshot():
                return True
            case ["end", disposition], c.EndCall(name):
                return name == disposition
        if words[0] not in KNOWN:
            raise SyntaxError(f"line {number}: nobody knows what {words} is")
        return False


def _limit(words: list[str]) -> tuple[list[str], int | None]:
    match words:
        case [*what, "at", "once"]:
            return what, 0
        case [*what, "within", ms]:
            return what, int(ms)
    return words, None


def _shown(done: Done) -> str:
    if isinstance(done.command, c.PlayFrames):
        return f"  {done.at} PlayFrames of {len(done.command.audio)} bytes"
    return f"  {done.at} {done.command}"
