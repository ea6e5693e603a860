"""The model's log, read back."""

import json
from pathlib import Path

from app.simulator.load.sonic_log import by_caller, read_model_log
from app.simulator.sonic.journal import POSITION


def note(session: int, event: str, ns: int, **detail: object) -> str:
    return json.dumps({"ns": ns, "session": session, "dir": "<", "event": event, **detail}) + "\n"


def written(folder: Path, notes: list[str], positions: list[tuple[int, int, int]]) -> tuple[Path, Path]:
    log, packed = folder / "log", folder / "positions"
    log.write_text("".join(notes))
    packed.write_bytes(b"".join(POSITION.pack(*one) for one in positions))
    return log, packed


def test_a_session_knows_its_caller_its_arrivals_and_the_first_audio_of_each_reply(tmp_path: Path) -> None:
    notes = [
        note(1, "textInput", 1, content="Orders have numbers of four digits, such as 4 7 1 2."),
        note(1, "textInput", 2, content="Friday, November 20, 2026. The number ends in 0 0 0 7."),
        note(1, "userText", 10),
        note(1, "audioStart", 20),
        note(1, "audioStart", 30),  # the second sentence of the same reply
        note(1, "userText", 40),
        note(1, "audioStart", 50),
        note(1, "ended", 60, how="closed"),
    ]
    files = written(tmp_path, notes, [(1, 640, 5), (1, 1280, 6)])
    (heard,) = read_model_log(*files, callers={"0007", "0008"})
    assert (heard.caller, heard.replies, heard.ended) == ("0007", [20, 50], "closed")
    assert heard.arrivals == [(640, 5), (1280, 6)] and heard.heard_bytes == 1280


def test_a_reply_after_an_interruption_is_a_new_one(tmp_path: Path) -> None:
    notes = [note(1, "audioStart", 20), note(1, "interrupted", 25), note(1, "audioStart", 30)]
    (heard,) = read_model_log(*written(tmp_path, notes, [(1, 640, 5)]), callers=set())
    assert heard.replies == [20, 30]


def test_sessions_that_heard_nothing_are_left_out(tmp_path: Path) -> None:
    assert read_model_log(*written(tmp_path, [note(1, "open", 1)], []), callers=set()) == []


def test_a_call_may_have_gone_through_several_sessions(tmp_path: Path) -> None:
    notes = [note(n, "textInput", n, content="ends in 0009") for n in (1, 2)]
    files = written(tmp_path, notes, [(1, 640, 5), (2, 640, 6)])
    assert [one.session for one in by_caller(read_model_log(*files, callers={"0009"}))["0009"]] == [1, 2]


def test_a_session_knows_when_it_sent_words_and_how_much_it_said_in_all(tmp_path: Path) -> None:
    notes = [
        note(1, "promptStart", 1, audioOutputConfiguration={"sampleRateHertz": 8_000}),
        note(1, "userText", 10),
        note(1, "userText", 40),
        note(1, "ended", 60, how="closed", said=16_000, usage={"input": {"textTokens": 900, "speechTokens": 5}}),
    ]
    (heard,) = read_model_log(*written(tmp_path, notes, [(1, 640, 5)]), callers=set())
    assert (heard.texts, heard.said_ms, heard.text_tokens, heard.ended_at) == ([10, 40], 1_000.0, 900, 60)
