"""From the service's events to the call's."""

from app.call.events import (
    EngineHeardPause,
    EngineHeardSpeech,
    Interrupted,
    ReplyAudio,
    ReplyEnded,
    ReplyStarted,
    ReplyText,
    ReplyTextEnded,
    SessionEvent,
    Stage,
    Stop,
    ToolCalled,
    UsageReported,
    UserText,
)
from app.engines.nova_sonic.events import (
    AudioHeard,
    ContentEnded,
    ContentStarted,
    Heard,
    SpeechNoticed,
    TextHeard,
    TokensUsed,
    ToolUsed,
)
from app.engines.nova_sonic.reader import Reader

MARKER = '{ "interrupted" : true }'


def read(*heard: Heard) -> list[SessionEvent]:
    reader = Reader(3)
    return [event for one in heard for event in reader.read(one)]


def test_a_whole_turn_is_told_in_order() -> None:
    assert read(
        ContentStarted("u", "TEXT", "USER", "FINAL"),
        TextHeard("u", "USER", "where is my order"),
        ContentEnded("u", "TEXT", "PARTIAL_TURN"),
        ContentStarted("t", "TEXT", "ASSISTANT", "SPECULATIVE"),
        TextHeard("t", "ASSISTANT", "On its way."),
        ContentEnded("t", "TEXT", "PARTIAL_TURN"),
        ContentStarted("a", "AUDIO", "ASSISTANT", ""),
        AudioHeard("a", b"pcm"),
        ContentEnded("a", "AUDIO", "END_TURN"),
        ContentStarted("f", "TEXT", "ASSISTANT", "FINAL"),
        TextHeard("f", "ASSISTANT", "On its way."),
        ContentEnded("f", "TEXT", "END_TURN"),
    ) == [
        UserText(3, "u", "where is my order"),
        ReplyText(3, "t", "On its way.", Stage.SPECULATIVE),
        ReplyTextEnded(3, "t", Stop.PARTIAL_TURN),
        ReplyStarted(3, "a"),
        ReplyAudio(3, "a", b"pcm"),
        ReplyEnded(3, "a", Stop.END_TURN),
        ReplyText(3, "f", "On its way.", Stage.FINAL),
        ReplyTextEnded(3, "f", Stop.END_TURN),
    ]


def test_marker_and_stop_reason_are_one_interruption() -> None:
    told = read(
        ContentStarted("a", "AUDIO", "ASSISTANT", ""),
        ContentStarted("m", "TEXT", "ASSISTANT", "FINAL"),
        TextHeard("m", "ASSISTANT", MARKER),
        ContentEnded("m", "TEXT", "INTERRUPTED"),
        ContentEnded("a", "AUDIO", "INTERRUPTED"),
    )
    assert told.count(Interrupted(3)) == 1
    assert not [event for event in told if isinstance(event, ReplyText)]


def test_the_stop_reason_alone_interrupts() -> None:
    assert Interrupted(3) in read(
        ContentStarted("m", "TEXT", "ASSISTANT", "FINAL"), ContentEnded("m", "TEXT", "INTERRUPTED")
    )


def test_a_second_reply_can_be_interrupted_too() -> None:
    once: tuple[Heard, ...] = (ContentStarted("a", "AUDIO", "ASSISTANT", ""), TextHeard("m", "ASSISTANT", MARKER))
    assert read(*once, *once).count(Interrupted(3)) == 2


def test_the_audio_of_an_interrupted_reply_may_say_end_turn() -> None:
    told = read(TextHeard("m", "ASSISTANT", MARKER), ContentEnded("a", "AUDIO", "END_TURN"))
    assert told == [Interrupted(3), ReplyEnded(3, "a", Stop.END_TURN)]


def test_tools_usage_and_the_services_own_onset_pass() -> None:
    assert read(
        SpeechNoticed(ended=False),
        SpeechNoticed(ended=True),
        ContentStarted("k", "TOOL", "TOOL", ""),
        ToolUsed("k", "t-1", "find_order", "{}"),
        ContentEnded("k", "TOOL", "TOOL_USE"),
        TokensUsed(1, 2, 3, 4),
    ) == [
        EngineHeardSpeech(3),
        EngineHeardPause(3),
        ToolCalled(3, "t-1", "find_order", "{}"),
        UsageReported(3, 1, 2, 3, 4),
    ]


def test_a_reader_forgets_contents_that_ended() -> None:
    reader = Reader()
    for number in range(100):
        list(reader.read(ContentStarted(f"c{number}", "TEXT", "USER", "FINAL")))
        list(reader.read(ContentEnded(f"c{number}", "TEXT", "PARTIAL_TURN")))
    assert not reader._open
