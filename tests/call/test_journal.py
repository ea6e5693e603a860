"""Events as lines of JSON, with nothing in them that a caller said."""

import json

import pytest

from app.call import events as e
from app.call import journal

MASK = journal.Mask(b"some salt")


def written(event: e.Event) -> dict[str, object]:
    document: dict[str, object] = json.loads(journal.write(event, 1_234, MASK))
    return document


def test_audio_stands_as_its_length_and_a_digest() -> None:
    line = written(e.CallerAudio(1, b"\1\2" * 320, 20))
    audio = {"bytes": 640, "digest": journal.digest(b"\1\2" * 320)}
    assert line == {"at": 1_234, "is": "CallerAudio", "leg": 1, "audio": audio, "ms": 20}


def test_words_keep_their_shape_and_nothing_else() -> None:
    text = written(e.UserText(1, "c", "My card is 4111 1111, Müller's!"))["text"]
    assert isinstance(text, str) and len(text) == len("My card is 4111 1111, Müller's!")
    assert "0000 0000, " in text and text[-1] == "!" and "card" not in text and "ller" not in text


def test_what_the_house_makes_of_the_words_is_kept_and_read_again() -> None:
    event = e.UserText(1, "c", "When do you open?", e.Known("hours", 0.93, spare=True), "en-US")
    line = journal.write(event, 7, journal.plain)
    assert json.loads(line)["known"] == {"phrase": "hours", "confidence": 0.93, "spare": True}
    assert journal.read(line, journal.no_audio) == (7, event)
    assert "open" not in journal.write(event, 7, MASK) and "hours" in journal.write(event, 7, MASK)
    before = json.loads(line)
    del before["known"], before["seems"]
    assert journal.read(json.dumps(before), journal.no_audio) == (7, e.UserText(1, "c", "When do you open?"))


def test_a_word_is_hidden_alike_wherever_it_stands_in_a_call_and_unlike_in_another() -> None:
    assert MASK("Order, order") == f"{MASK('order')}, {MASK('order')}"
    assert journal.Mask(b"other")("order") != MASK("order")


def test_keys_and_what_tools_are_given_and_give_are_hidden() -> None:
    assert written(e.KeyPressed(1, "7"))["key"] == e.HIDDEN_KEY
    assert written(e.KeyPressed(1, "#"))["key"] == "#"
    assert "Anna" not in str(written(e.ToolCalled(1, "t1", "find", '{"name":"Anna"}')))
    assert "Anna" not in str(written(e.ToolAnswered("t1", "find", '{"name":"Anna"}', e.Outcome.OK, 5)))


def test_why_the_model_ends_a_call_is_kept_where_it_is_a_reason_we_know() -> None:
    assert written(e.ToolCalled(1, "t", "end_call", '{"reason":"abuse"}'))["arguments"] == '{"reason": "abuse"}'
    assert "said" not in str(written(e.ToolCalled(1, "t", "end_call", '{"reason":"he said Anna"}')))


def test_an_event_comes_back_as_it_was() -> None:
    for event in (
        e.LegEnded(2, e.LegEnd.LOST),
        e.ReplyText(1, "c", "Nine o'clock.", e.Stage.FINAL),
        e.SessionFailed(1, e.Failure.THROTTLED, "quota"),
        e.TimePassed(),
    ):
        assert journal.read(journal.write(event, 7, journal.plain), journal.no_audio) == (7, event)


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"at":1,"is":"Unheard"}', '{"at":1,"is":"LegEnded","foot":2}'])
def test_a_line_that_is_not_of_a_journal_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        journal.read(line, journal.no_audio)
