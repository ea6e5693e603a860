"""A call taken up from its snapshot answers as the original does from the last turn on."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.call import commands as c
from app.call import events as e
from app.call.history import Line
from app.call.machine import Call
from app.call.setup import Phrase, Timings
from tests.call.stage import FACTS, Stage, setup, tone

BACK = "Here I am again."
HOUSE = setup(
    {
        "greeting": Phrase("greeting", "Hello.", tone(1, 400)),
        "wait": Phrase("wait", "One moment.", tone(2, 300)),
        "back_again": Phrase("back_again", BACK, tone(3, 400)),
        "hours": Phrase("hours", "We open at ten.", tone(4, 900)),
    },
    # Silence is counted from the last sound, and a resumed call has made one of its own.
    timings=Timings(silence_prompt=600_000),
)
TURNS = ["answer", "barge in", "cough", "tool", "key", "slow", "known", "hushed", "nothing"]


class Conversation:
    """Turns of a well-behaved call on the stage, each ending in quiet."""

    def __init__(self, call: Call, begin: int, session: int) -> None:
        self.stage = Stage(call, line=False)
        self.stage.now = begin
        self.session = session
        self.contents = 0
        self.stage.attach_leg()
        self.stage.run(begin + 3_000)

    def play(self, turn: str) -> None:
        begin = self.stage.now
        match turn:
            case "answer":
                self.ask("When do you open?")
                self.reply("We open at nine.", 1_500)
            case "barge in":
                self.ask("Tell me everything.")
                self.reply("First of all we should say this.", 3_000)
                self.wait(800)
                self.ask("No, stop.")
                self.reply("Very well.", 500)
            case "cough":
                self.ask("And then?")
                self.reply("Then you wait for the parcel.", 2_000)
                self.wait(400)
                self.speak(200)
            case "tool":
                self.ask("Where is it?")
                self.tell(e.ToolCalled(self.session, f"t{self.contents}", "find", "{}"))
                self.wait(3_000)
                self.tell(e.ToolAnswered(f"t{self.contents}", "find", '{"ok":1}', e.Outcome.OK, 3_000))
                self.reply("It is here.", 700)
            case "key":
                self.tell(e.KeyPressed(self.stage.leg, "1"))
                self.wait(1_500)
                self.reply("One it is.", 700)
            case "slow":
                self.ask("Hm?")
                self.wait(4_000)
                self.reply("Yes.", 300)
            case "known":
                self.ask("When do you open?", e.Known("hours", 0.9, spare=True))
                self.session += 1
                self.wait(2_000)
            case "hushed":
                self.ask("When do you open?", e.Known("hours", 0.9))
                self.reply("We open at nine.", 700)
        self.stage.run(max(self.stage.now, begin) + 6_000)

    def ask(self, text: str, known: e.Known | None = None) -> None:
        self.speak(900)
        self.wait(1_900)
        self.tell(e.UserText(self.session, self.content(), text, known))
        self.wait(400)

    def speak(self, ms: int) -> None:
        self.tell(e.CallerSpoke(self.stage.leg, 40))
        self.wait(ms)
        self.tell(e.CallerPaused(self.stage.leg, ms, 0))

    def reply(self, text: str, ms: int) -> None:
        self.tell(e.ReplyText(self.session, self.content(), text, e.Stage.SPECULATIVE))
        content = self.content()
        self.tell(e.ReplyStarted(self.session, content))
        self.tell(e.ReplyAudio(self.session, content, tone(7, ms)))
        self.tell(e.ReplyEnded(self.session, content, e.Stop.END_TURN))
        self.wait(1)

    def content(self) -> str:
        self.contents += 1
        return f"c{self.contents}"

    def wait(self, ms: int) -> None:
        self.stage.run(self.stage.now + ms)

    def tell(self, event: e.Event) -> None:
        self.stage.tell(event)

    def answers_since(self, begin: int) -> list[tuple[int, c.Command]]:
        """What the call did, in its own time, without the numbers that may differ."""
        return [(done.at - begin, without_numbers(done.command, begin)) for done in self.stage.done if done.at >= begin]


def without_numbers(command: c.Command, begin: int) -> c.Command:
    match command:
        case c.SendMark(_, _):
            return c.SendMark(0, "")
        case c.PlayFrames() | c.ClearPlayback() | c.HangUp():
            return replace(command, leg=0)
        case c.AttachSession(_, history):
            heard = [replace(line, text=" ".join(line.text.replace(BACK, "").split())) for line in history]
            return replace(command, session=0, history=[line for line in heard if line.text])
        case c.SendToEngine() | c.SendText() | c.AnswerTool() | c.CloseSession():
            return replace(command, session=0)
        case c.TurnMeasured():
            times = {name: getattr(command, name) for name in command.__slots__ if name.endswith("_ms")}
            return replace(command, **{name: at and at - begin for name, at in times.items()})
    return command


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(TURNS), max_size=4), st.lists(st.sampled_from(TURNS), max_size=4))
def test_a_resumed_call_answers_as_the_original(before: list[str], after: list[str]) -> None:
    original = Conversation(Call(HOUSE), 0, 1)
    for turn in before:
        original.play(turn)
    kept = json.loads(json.dumps(original.stage.call.snapshot()))

    resumed = Conversation(Call.resume(HOUSE, kept, 1_000_000, "another process"), 1_000_000, original.session + 1)
    resumed.contents = original.contents
    origin, again = original.stage.now, resumed.stage.now
    for turn in after:
        original.play(turn)
        resumed.play(turn)

    assert resumed.answers_since(again) == original.answers_since(origin)
    said = [line for line in resumed.stage.call.transcript() if line.text != BACK]
    assert said == original.stage.call.transcript()


def taken_up(kept: dict[str, object], **more: int) -> Stage:
    stage = Stage(Call.resume(HOUSE, kept, 5_000, "another process", **more), line=False)
    stage.now = 5_000
    stage.attach_leg()
    stage.run(8_000)
    return stage


def test_the_next_session_gets_a_number_and_a_history_of_its_own() -> None:
    original = Conversation(Call(HOUSE), 0, 1)
    original.play("answer")
    stage = taken_up(original.stage.call.snapshot())
    (attach,) = stage.commands(c.AttachSession)
    assert isinstance(attach, c.AttachSession) and attach.session == 2
    assert attach.history[:4] == (
        Line("user", "Facts."),
        Line("assistant", "Hello."),
        Line("user", "When do you open?"),
        Line("assistant", "We open at nine."),
    )


def test_a_tool_that_ran_in_the_old_process_is_told_to_be_lost() -> None:
    original = Conversation(Call(HOUSE), 0, 1)
    original.tell(e.ToolCalled(1, "t1", "find_order", "{}"))
    kept = original.stage.call.snapshot()
    assert kept["tools"] == ["find_order"]
    (text,) = taken_up(kept).commands(c.SendText)
    assert isinstance(text, c.SendText) and "find_order was broken off" in text.text


def test_a_question_that_was_not_answered_is_asked_again_in_writing() -> None:
    original = Conversation(Call(HOUSE), 0, 1)
    original.ask("When do you open?")
    stage = taken_up(original.stage.call.snapshot())
    (attach,), (text,) = stage.commands(c.AttachSession), stage.commands(c.SendText)
    assert isinstance(attach, c.AttachSession) and "open" not in str(attach.history)
    assert isinstance(text, c.SendText) and text.text == "When do you open?"


def test_the_longest_call_is_counted_from_its_real_start() -> None:
    original = Conversation(Call(HOUSE), 0, 1)
    kept = original.stage.call.snapshot()
    assert kept["wall_ms"] == FACTS.started_at_ms + 400  # as of the last event, the greeting's end
    limit = HOUSE.timings.max_call
    call = Call.resume(HOUSE, kept, 0, "another process", wall_ms=FACTS.started_at_ms + limit - 1_000)
    Stage(call, line=False).attach_leg()
    assert call.handle(e.TimePassed(), 999) == [] or call.disposition is None
    assert any(isinstance(command, c.EndCall) for command in call.handle(e.TimePassed(), 10_000))


def test_a_call_that_was_over_is_hung_up() -> None:
    original = Conversation(Call(HOUSE), 0, 1)
    original.tell(e.ToolCalled(1, "t1", "end_call", '{"reason":"finished"}'))
    original.wait(20_000)
    assert taken_up(original.stage.call.snapshot()).commands(c.EndCall) == [c.EndCall("completed")]


@pytest.mark.parametrize("change", [{"schema": 2}, {"facts": {"call_sid": "CA2"}}, {"history": 3}])
def test_a_snapshot_that_is_not_ours_is_refused(change: dict[str, object]) -> None:
    kept = {**Conversation(Call(HOUSE), 0, 1).stage.call.snapshot(), **change}
    with pytest.raises(ValueError, match="snapshot"):
        Call.resume(HOUSE, kept, 0, "another process")


@pytest.mark.parametrize(("gap_ms", "times"), [(500, 0), (3_000, 1)])
def test_a_caller_who_may_have_spoken_while_nobody_listened_is_asked_once_to_say_it_again(
    gap_ms: int, times: int
) -> None:
    house = replace(HOUSE, phrases={**HOUSE.phrases, "repeat": Phrase("repeat", "Say that again?", tone(5, 400))})
    original = Conversation(Call(house), 0, 1)
    original.play("answer")
    kept = original.stage.call.snapshot()
    call = Call.resume(house, kept, 5_000, "another process", wall_ms=kept["wall_ms"] + gap_ms)
    stage = Stage(call, line=False)
    stage.now = 5_000
    stage.attach_leg()
    stage.run(8_000)
    stage.tell(e.LegEnded(1, e.LegEnd.LOST))
    stage.run(14_000)
    stage.attach_leg()
    stage.run(18_000)
    assert [line.text for line in call.transcript()].count("Say that again?") == times
