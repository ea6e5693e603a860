"""`offhook demo`, run as a newcomer runs it: a process of its own, in a folder of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.audio.clip import read_wav

REPOSITORY = Path(__file__).parent.parent.parent
SHORT = """
wait for speech
wait 5s
say "What is the address?"
wait for speech
interrupt after 1.2s "Wait, sorry, one question."
wait for speech
wait for quiet 700ms
say "What about my order, number four seven one two?"
wait for speech
wait for quiet 1600ms
say "Okay, goodbye."
expect hung up within 15s
"""


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    for part in ("prompts", "tools", "cache/phrases"):
        shutil.copytree(REPOSITORY / part, folder / part)
    return folder


def demo(tmp_path: Path, content: Path, *options: str, path: str = "") -> dict[str, Any]:
    (tmp_path / "short.call").write_text(SHORT)
    environment = os.environ | {"CONTENT_DIR": str(content), "DATA_DIR": str(tmp_path / "data"), "JOURNAL": "true"}
    if path:
        environment["PATH"] = path
    command = [sys.executable, "-m", "app.cli", "demo", "--json", *options]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    document["shown"] = done.stderr
    return document


def test_a_short_call_is_held_shown_and_recorded(tmp_path: Path, content: Path) -> None:
    document = demo(tmp_path, content, "--script", str(tmp_path / "short.call"))
    assert document["call"]["passed"]
    assert [notice["code"] for notice in document["call"]["notices"]] == [31921]  # we closed the stream, as meant
    assert [event["event"] for event in document["call"]["events"]].count("clear_received") == 2
    assert [turn["answered_by"] for turn in document["turns"]] == ["phrase", "model", "model"]
    assert "One moment, please.  (from the cache)" in document["shown"]
    said, heard = read_wav(tmp_path / "demo-call.wav").samples.T
    assert abs(said).max() > 3_000 and abs(heard).max() > 3_000
    assert_no_words_in_journal(tmp_path / "data/demo/journal")


def assert_no_words_in_journal(folder: Path) -> None:
    (journal,) = folder.iterdir()
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    spoken = [event for event in events if event["is"] in {"UserText", "ReplyText", "ToolCalled", "ToolAnswered"}]
    assert {event["is"] for event in spoken} >= {"UserText", "ReplyText", "ToolCalled", "ToolAnswered"}
    assert not any(word in json.dumps(event) for event in spoken for word in ("4712", "oodbye", "bike"))


@pytest.mark.slow
def test_all_of_it_is_played_where_nothing_can_be_installed(tmp_path: Path, content: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    document = demo(tmp_path, content, path=str(empty))
    assert document["call"]["passed"]
    assert [turn["answered_by"] for turn in document["turns"]] == ["phrase", "phrase", "model", "model"]
    assert in_order(document["shown"], STORY) is None
    (message,) = document["messages"]
    assert (message["kind"], message["seconds"] >= 2) == ("voicemail", True)
    assert read_wav(tmp_path / "demo-message.wav").samples.max() > 3_000
    assert 70_000 <= document["call"]["duration_ms"] <= 110_000


STORY = (
    "You are talking to a computer",
    "We are open Tuesday to Friday",
    "its session is changed for one that knows",
    "collect_digits",
    "presses 4 7 1 2 #",
    'find_order {"number": "4712"}',
    "One moment, please.  (from the cache)",
    "a blue city bike",
    "interrupted:",
    "rings workshop",
    "What is the address?",
    "nobody answers",
    "Shall I take a message",
    "beeps, and records",
    "the message is kept for staff",
    "Is there anything else",
    "ended: completed",
    "a message of",
)


def in_order(text: str, parts: tuple[str, ...]) -> str | None:
    """The first of the parts that does not follow the ones before it."""
    at = 0
    for part in parts:
        if (at := text.find(part, at)) < 0:
            return part
    return None


def test_a_script_that_cannot_be_read_is_named(tmp_path: Path, content: Path) -> None:
    (tmp_path / "wrong.call").write_text("sing a song\n")
    environment = os.environ | {"CONTENT_DIR": str(content), "DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "app.cli", "demo", "--script", str(tmp_path / "wrong.call")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "line 1" in done.stderr and "sing" in done.stderr
