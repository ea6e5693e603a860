"""The journal as a file: every event in order, no word of the caller, and it replays."""

import json
import os
from pathlib import Path

import pytest

from app.call import events as e
from app.call.journal import read
from app.records.journal import JournalKeeper

SID = "CA" + "0" * 32


def lines_of(folder: Path) -> list[str]:
    return (folder / f"{SID}.jsonl").read_text().splitlines()


def test_events_are_kept_in_order_under_the_call(tmp_path: Path) -> None:
    told: list[tuple[int, e.Event]] = [
        (10, e.LegAttached(1)),
        (30, e.CallerAudio(1, b"\1" * 640, 20)),
        (50, e.TimePassed()),
    ]
    with JournalKeeper(tmp_path) as keeper:
        for at, event in told:
            keeper.note(SID, at, event)
    assert [json.loads(line)["is"] for line in lines_of(tmp_path)] == ["LegAttached", "CallerAudio", "TimePassed"]
    assert [read(line, lambda digest, size: b"\1" * size) for line in lines_of(tmp_path)] == told


def test_no_word_of_the_caller_reaches_the_disk(tmp_path: Path) -> None:
    with JournalKeeper(tmp_path) as keeper:
        keeper.note(SID, 0, e.UserText(1, "c", "my card is 4111 1111"))
        keeper.note(SID, 5, e.KeyPressed(1, "7"))
    text = (tmp_path / f"{SID}.jsonl").read_text()
    assert "card" not in text and "4111" not in text and '"7"' not in text


def test_a_disk_that_refuses_costs_lines_and_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with JournalKeeper(folder) as keeper:
        (folder / f"{SID}.jsonl").mkdir()
        keeper.note(SID, 0, e.LegAttached(1))
    assert keeper.dropped == 1


def test_half_a_character_from_the_model_ends_no_journal(tmp_path: Path) -> None:
    with JournalKeeper(tmp_path) as keeper:
        keeper.note(SID, 0, e.ToolCalled(1, "\ud800", "track", "{}"))
        keeper.note(SID, 5, e.TimePassed())
    assert [json.loads(line)["is"] for line in lines_of(tmp_path)] == ["ToolCalled", "TimePassed"]


def test_a_disk_that_stands_still_keeps_nobody_from_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.records.journal.WAITING_LINES", 10)
    monkeypatch.setattr("app.records.journal.CLOSE_WITHIN_S", 0.2)
    os.mkfifo(tmp_path / f"{SID}.jsonl")  # whose opening waits for a reader that never comes
    with JournalKeeper(tmp_path) as keeper:
        for at in range(100):
            keeper.note(SID, at, e.TimePassed())
    assert keeper.dropped >= 89
    reader = os.open(tmp_path / f"{SID}.jsonl", os.O_RDONLY | os.O_NONBLOCK)  # lets the thread go
    os.close(reader)
