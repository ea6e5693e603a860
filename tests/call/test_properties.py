"""What holds for every call, whatever happens in it, in any order, at any time."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.call import commands as c
from app.call import events as e
from app.call import journal
from app.call.course import Phase, Service
from app.call.history import Line
from app.call.machine import Call
from app.call.onward import OnwardResult, attempt_name
from app.call.setup import (
    Choice,
    Collection,
    Keypad,
    KnownAnswers,
    Menu,
    Outbound,
    Phrase,
    Target,
    Timings,
    UplinkSettings,
)
from app.call.turns import Floor
from tests.call.stage import FRAME, Stage, setup, times_in, tone

KEYPAD = Keypad(
    start="main",
    zero=Choice("say", "wait"),
    menus={
        "main": Menu("main", "offer", {"5": Choice("collect", "order"), "1": Choice("menu", "main")}),
        "shut": Menu("shut", "offer", {"1": Choice("hang_up")}),
    },
    collections={
        "order": Collection("order", "ask", 1, 2, retries=1),
        "card": Collection("card", "ask", 2, 2, terminator="", sensitive=True),
    },
)
PHRASES = {
    "greeting": Phrase("greeting", "Hello, this is Anna.", tone(1, 700)),
    "wait": Phrase("wait", "One moment.", tone(2, 310)),
    "sorry": Phrase("sorry", "Sorry.", tone(3, 200), interruptible=False),
    "goodbye": Phrase("goodbye", "Goodbye.", tone(4, 400)),
    "still_there": Phrase("still_there", "Are you there?", tone(5, 300)),
    "hours": Phrase("hours", "We open at ten.", tone(6, 900)),
    "terms": Phrase("terms", "These are the terms.", tone(7, 1_300), interruptible=False),
    "bye": Phrase("bye", "Goodbye then.", tone(8, 400), then="hang_up"),
    "checking": Phrase("checking", "Let me look.", tone(9, 300), then="ask_model"),
    "offer": Phrase("offer", "Press five.", tone(11, 300)),
    "ask": Phrase("ask", "Enter it.", tone(12, 300)),
}
SPANISH = {"language_changed": Phrase("language_changed", "Seguimos.", tone(10, 500))}
HOUSE = setup(
    PHRASES,
    timings=Timings(session_life=20_000),
    uplink=UplinkSettings(audio_while_tool_pending=False),
    tongues={"en-US": PHRASES, "es-US": SPANISH},
    known=KnownAnswers(note=True),
    effects=frozenset({"book"}),
    outbound=Outbound("leave_message", "terms"),
)
WORKSHOP, OFFICE, NOBODY = Target("workshop"), Target("office", warm=True), Target("nobody", open=False)
HOUSE = replace(HOUSE, targets={"workshop": WORKSHOP, "office": OFFICE, "nobody": NOBODY}, messages=True)
KEYED_HOUSE = replace(HOUSE, keypad=KEYPAD)
HUSHED_HOUSE = setup({}, uplink=UplinkSettings(gate=True, quiet_batch_ms=60))

ARGUMENTS = [
    "{}",
    "[",
    "",
    '{"language":"es-US"}',
    '{"language":"en"}',
    '{"about":"a wheel"}',
    '{"target":"workshop"}',
    '{"target":"office","summary":"x"}',
    '{"target":"nobody"}',
    '{"what":"order"}',
    '{"what":"card"}',
]

contents = st.sampled_from(["a", "b", "d", "f"])
runs = st.sampled_from(["t1", "t2"])
LEAVING = ["transfer_call", "take_message", "request_call_back"]
tools = st.sampled_from(["find", "find", "book", "switch_language", "collect_digits", "end_call", *LEAVING])
arguments = st.sampled_from(ARGUMENTS)
attempts = st.sampled_from([attempt_name("CA1", number) for number in (1, 1, 1, 2, 3)])
results = st.sampled_from(list(OnwardResult))
outcomes = st.sampled_from(list(e.Outcome))
words = st.sampled_from(["Yes.", "We open at nine in the morning.", "", "Where is my order?"])
knowns = st.none() | st.builds(
    e.Known, st.sampled_from(["hours", "hours", "terms", "bye", "checking", "nothing"]), st.just(0.9), st.booleans()
)
tongues = st.sampled_from(["", "", "es-US", "es-US", "en-US", "fr-FR"])
stops = st.sampled_from(list(e.Stop))
legs = st.sampled_from([0, 0, 0, 0, -1, 1])  # from the present one
sessions = st.sampled_from([0, 0, 0, 0, -1, 1])
waits = st.sampled_from([0, 0, 1, 20, 20, 90, 330, 1_000, 2_700, 13_000])

ends = st.sampled_from([None, 20_000, 60_000, 480_000])  # from now
happenings = st.one_of(
    st.builds(e.LegAttached, legs),
    st.builds(e.CallerAudio, legs, st.just(b"line"), st.just(20)),
    st.builds(e.CallerSpoke, legs, st.integers(0, 100)),
    st.builds(e.CallerPaused, legs, st.integers(0, 3_000), st.integers(0, 500)),
    st.builds(e.KeyPressed, legs, st.sampled_from("0#5*")),
    st.builds(e.KeyPressed, legs, st.sampled_from("0#5*x1")),
    st.builds(e.MarkEchoed, legs, st.sampled_from(["0.1", "1.1", "1.2", "2.3"])),
    st.builds(e.LegStalled, legs),
    st.builds(e.LegEnded, legs, st.sampled_from([e.LegEnd.LOST, e.LegEnd.LOST, e.LegEnd.STOPPED, e.LegEnd.CLOSED])),
    st.builds(e.CallCompleted, st.just("completed")),
    st.builds(e.AnswererKnown, st.sampled_from(list(e.Answerer))),
    st.builds(e.SessionAttached, sessions, st.booleans()),
    st.builds(e.SessionAttached, st.just(0), st.just(False), ends),
    st.builds(e.SessionLent, st.sampled_from([0, 1, 1, 1, 2]), ends),
    st.builds(e.SessionFailed, st.just(1), st.sampled_from(list(e.Failure))),
    st.builds(e.UserText, sessions, contents, words, knowns, tongues),
    st.builds(e.UserText, st.just(0), contents, words, st.just(e.Known("hours", 0.9, True))),
    st.builds(e.ReplyText, sessions, contents, words, st.sampled_from(list(e.Stage))),
    st.builds(e.ReplyTextEnded, sessions, contents, stops),
    st.builds(e.ReplyStarted, sessions, contents),
    st.builds(e.ReplyAudio, sessions, contents, st.integers(0, 9_000).map(lambda size: b"r" * size)),
    st.builds(e.ReplyEnded, sessions, contents, stops),
    st.builds(e.Interrupted, sessions),
    st.builds(e.EngineHeardSpeech, sessions),
    st.builds(e.EngineHeardPause, sessions),
    st.builds(e.ToolCalled, sessions, runs, tools, arguments),
    st.builds(e.CallerGuarded, st.booleans()),
    st.builds(e.UsageReported, sessions, *[st.integers(0, 9)] * 4),
    st.builds(e.SessionStalled, sessions),
    st.builds(e.SessionFailed, sessions, st.sampled_from(list(e.Failure))),
    st.builds(e.ToolAnswered, runs, st.just("find"), words.map(json.dumps), outcomes, st.just(9)),
    st.builds(e.PersonAccepted, attempts),
    st.builds(e.PersonRefused, attempts, results),
    st.builds(e.OnwardEnded, attempts, results),
    st.just(e.TimePassed()),
    st.builds(e.EndOrdered, st.just("drain")),
)
days = st.lists(st.tuples(waits, happenings), min_size=5, max_size=60)


class Watcher:
    """Runs a call through anything, and checks after every step what must always hold."""

    def __init__(self, house: Any, prompt: bool = True) -> None:
        """`prompt`: sessions are attached as soon as they are asked for (and perhaps once more by the day's events)."""
        self.call = Call(house)
        self.prompt = prompt
        self.now = 0
        self.leg = 0
        self.session = 0  # the present one
        self.next = 0  # lent, or to be, for the present one's renewal
        self.numbered = 0
        self.attached = False
        self.cut = False  # a clear went out, and nothing has said yet what it was about
        self.ended = False
        self.called: set[tuple[int, str]] = set()
        self.answers: Counter[tuple[int, str]] = Counter()
        self.closed: set[int] = set()
        self.guarded = False
        self.sealed: set[str] = set()
        self.steps: list[tuple[int, e.Event, list[c.Command]]] = []
        self.step(e.LegAttached(1))

    def live_through(self, day: list[tuple[int, e.Event]]) -> None:
        for wait, happening in day:
            self.let_time_pass(self.now + wait)
            self.step(self.made_current(happening))

    def let_time_pass(self, until: int) -> None:
        while (due := self.call.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.step(e.TimePassed())
            again = self.call.next_deadline()
            assert again is None or again > self.now, "the bridge would spin"
        self.now = until

    def made_current(self, event: e.Event) -> e.Event:
        """Ordinals in the strategies are counted from the present ones."""
        made: Any = type(event)
        given = {name: getattr(event, name) for name in made.__slots__}
        if "leg" in given:
            given["leg"] += self.leg + (1 if made is e.LegAttached and given["leg"] == 0 else 0)
        if "session" in given:
            given["session"] += self.session
        if given.get("ends_ms") is not None:
            given["ends_ms"] += self.now
        result: e.Event = made(**given)
        return result

    def step(self, event: e.Event) -> None:
        floor, sounding = self.call.floor, not self.call._scene.playout.silent(self.now)
        may_hold = (
            self.call.phase is Phase.LIVE
            and self.call._scene.interruptible
            and self.call._scene.leg == getattr(event, "leg", None)
        )
        commands = self.call.handle(event, self.now)
        self.steps.append((self.now, event, commands))
        if type(event) is e.CallerSpoke and floor is Floor.BOT and sounding and may_hold:
            assert any(type(command) is c.ClearPlayback for command in commands), "a clear leaves with the decision"
        if isinstance(event, e.LegAttached) and event.leg > self.leg:
            self.leg = event.leg
            self.cut = False
        if isinstance(event, e.ToolCalled) and self.is_current(event.session):
            self.called.add((event.session, event.run))
        self.check(commands)
        if self.prompt and any(type(command) is c.AttachSession for command in commands):
            self.step(e.SessionAttached(self.session, ends_ms=self.now + 20_000))

    def is_current(self, session: int) -> bool:
        return 0 < session == self.session and session not in self.closed

    def check(self, commands: list[c.Command]) -> None:
        assert not (self.ended and commands), "after the end there is nothing to do"
        for command in commands:
            assert not self.ended, "EndCall is the last command"
            self.check_one(command)
        playout = self.call._scene.playout
        assert playout.arrived == playout.heard + playout.dropped + playout.unheard, "no sound is lost or made up"
        assert all(piece.ended for piece in list(playout._pieces)[:-1]), "only the last piece may be open"
        assert (self.call.phase is Phase.ENDED) == self.ended
        if not self.ended:
            self.check_course()

    def check_course(self) -> None:
        """The table's states say what is so."""
        scene = self.call._scene
        course, attachment = scene.course, scene.attachment
        if not course.with_model:
            return
        assert course.served == attachment.attached
        assert (course.service is Service.OPENING) == (attachment.live and not attachment.attached)
        assert (course.service is Service.RENEWING) == (attachment.attached and scene.renewal.session is not None)

    def number(self, session: int) -> None:
        assert session == self.numbered + 1, "sessions are numbered without gaps"
        self.numbered = session

    def begin(self, session: int, history: Sequence[Line]) -> None:
        assert self.session in self.closed | {0, session}, "never two sessions"
        roles = [line.role for line in history]
        assert roles[:1] in ([], ["user"]) and all(a != b for a, b in pairwise(roles))
        self.session = session

    def check_one(self, command: c.Command) -> None:
        match command:
            case c.PlayFrames(leg, audio):
                assert leg == self.leg and audio and len(audio) % FRAME == 0
                assert not self.cut, "nothing is played between a clear and what came of it"
            case c.ClearPlayback():
                self.cut = True
            case c.BargeInMeasured(_, held_ms, cut_ms):
                assert held_ms >= 0 and cut_ms >= 0
                self.cut = False
            case c.Note("hold cut"):
                self.cut = False
            case c.AttachSession(session, history):
                self.number(session)
                self.begin(session, history)
            case c.LendSession(session):
                self.number(session)
                assert not self.next and self.is_current(self.session), "one renewal at a time, of what is there"
                self.next = session
            case c.BeginSession(session, history):
                assert session in {self.next, self.session} - self.closed
                self.next = 0
                self.begin(session, history)
            case c.SendToEngine(session, audio):
                assert self.is_current(session) and audio and len(audio) % 2 == 0
            case c.SendNote(session, text):
                assert self.is_current(session) and text
            case c.SendText(session, text):
                assert self.is_current(session) and text
            case c.AnswerTool(session, run, result):
                assert self.is_current(session)
                assert json.loads(result) is not None or result == "null"
                self.answers[session, run] += 1
                assert self.answers[session, run] == 1 or (session, run) in self.called
            case c.CloseSession(session):
                self.closed.add(session)
                self.next = 0 if session == self.next else self.next
            case c.GuardCaller(on):
                self.guarded = on
            case c.SealSecret(token):
                assert self.guarded and token not in self.sealed, (
                    "a secret is entered behind a guard, under its own name"
                )
                self.sealed.add(token)
            case c.EndCall():
                self.ended = True
            case _:
                pass


@settings(max_examples=400, deadline=None)
@given(days)
def test_every_state_takes_every_event_and_keeps_its_promises(day: list[tuple[int, e.Event]]) -> None:
    watcher = Watcher(HOUSE)
    watcher.live_through(day)
    watcher.let_time_pass(watcher.now + 60_000)


@settings(max_examples=300, deadline=None)
@given(days)
def test_a_house_with_a_keypad_keeps_them_too_and_leaves_no_line_guarded(day: list[tuple[int, e.Event]]) -> None:
    watcher = Watcher(KEYED_HOUSE)
    watcher.live_through(day)
    watcher.let_time_pass(watcher.now + 90_000)
    assert watcher.ended or not watcher.guarded


@settings(max_examples=150, deadline=None)
@given(days)
def test_a_house_without_a_single_phrase_keeps_them_too(day: list[tuple[int, e.Event]]) -> None:
    watcher = Watcher(HUSHED_HOUSE, prompt=False)
    watcher.live_through(day)
    watcher.let_time_pass(watcher.now + 60_000)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(waits, happenings), min_size=1, max_size=25))
def test_a_call_takes_every_event_before_its_first_leg(day: list[tuple[int, e.Event]]) -> None:
    call, now = Call(HOUSE), 0
    for wait, event in day:
        now += wait
        call.handle(event, now)


@settings(max_examples=150, deadline=None)
@given(days)
def test_every_tool_call_is_answered_once_or_its_session_is_closed(day: list[tuple[int, e.Event]]) -> None:
    watcher = Watcher(KEYED_HOUSE)
    once: dict[str, e.Event] = {}
    for index, (wait, happening) in enumerate(day):
        if isinstance(happening, e.ToolCalled):
            happening = e.ToolCalled(0, f"run {index}", happening.name, happening.arguments)
            once[happening.run] = happening
        watcher.live_through([(wait, happening)])
    watcher.let_time_pass(watcher.now + 60_000)
    for session, run in watcher.called:
        assert watcher.answers[session, run] == 1 or session in watcher.closed or watcher.ended
    assert all(times == 1 for times in watcher.answers.values())


@settings(max_examples=100, deadline=None)
@given(days)
def test_a_replayed_journal_gives_the_same_commands(day: list[tuple[int, e.Event]]) -> None:
    watcher = Watcher(HOUSE)
    watcher.live_through(day)
    lines = [journal.write(event, at, journal.plain) for at, event, _ in watcher.steps]
    recordings = {
        journal.digest(event.audio): event.audio
        for _, event, _ in watcher.steps
        if isinstance(event, e.CallerAudio | e.ReplyAudio)
    }
    replayed = list(journal.replay(Call(HOUSE), lines, lambda digest, size: recordings[digest]))
    assert [(at, commands) for at, _, commands in replayed] == [(at, commands) for at, _, commands in watcher.steps]


@settings(max_examples=100, deadline=None)
@given(days)
def test_a_masked_journal_gives_the_same_commands_but_for_the_words(day: list[tuple[int, e.Event]]) -> None:
    watcher = Watcher(KEYED_HOUSE)
    watcher.live_through(day)
    lines = [journal.write(event, at, journal.Mask(b"salt"), commands) for at, event, commands in watcher.steps]
    assert not any("Where" in line or "morning" in line for line in lines)
    replayed = [[shape(command) for command in commands] for _, _, commands in journal.replay(Call(KEYED_HOUSE), lines)]
    assert replayed == [[shape(command) for command in commands] for _, _, commands in watcher.steps]


def shape(command: c.Command) -> tuple[object, ...]:
    """A command with its texts and sounds measured only."""
    values = (getattr(command, name) for name in type(command).__slots__)
    return (type(command).__name__, *(len(v) if isinstance(v, str | bytes) else len(str(v)) for v in values))


asked = st.sampled_from(["hours", "hours", "terms", "checking", ""])
turns = st.lists(
    st.tuples(st.integers(1, 200).map(lambda frames: 20 * frames), st.integers(20, 150), asked, st.booleans()),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(turns)
def test_what_a_caller_says_reaches_the_session_that_answers_once_and_in_order(
    said: list[tuple[int, int, str, bool]],
) -> None:
    """Utterances, some of them over our own lines, some answered by a phrase, while sessions take 300 ms to come."""
    stage = Stage(Call(HOUSE), opens_in=300)
    stage.attach_leg()
    for wait, frames, phrase, spare in said:
        stage.run(stage.now + wait)
        onset = stage.now - 60  # a detector decides late
        stage.tell(e.CallerSpoke(stage.leg, 60))
        stage.run(stage.now + 20 * frames)
        stage.tell(e.CallerPaused(stage.leg, 20 * frames + 60))
        stage.run(stage.now + 1_900)
        session = current_session(stage)
        heard = heard_by(stage, session)
        assert heard == sorted(set(heard)), "in order, and nothing twice"
        assert {at for at in range(0, stage.now, 20) if onset <= at < onset + 20 * frames} <= set(heard), "all of it"
        known = e.Known(phrase, 0.9, spare) if phrase else None
        commands = stage.tell(e.UserText(session, f"u{stage.now}", "When do you open?", known))
        if not any(isinstance(done, c.AnsweredByPhrase) and done.how != "plain" for done in commands):
            reply(stage, session)


def current_session(stage: Stage) -> int:
    return max(asked.session for asked in stage.commands() if isinstance(asked, c.AttachSession))


def heard_by(stage: Stage, session: int) -> list[int]:
    """When the caller's frames that this session was sent were spoken."""
    sent = [sent.audio for sent in stage.commands() if isinstance(sent, c.SendToEngine) and sent.session == session]
    return [at for audio in sent for at in times_in(audio)]


def reply(stage: Stage, session: int) -> None:
    content = f"r{stage.now}"
    stage.tell(e.ReplyStarted(session, content))
    stage.tell(e.ReplyAudio(session, content, tone(90, 700)))
    stage.tell(e.ReplyEnded(session, content, e.Stop.END_TURN))
