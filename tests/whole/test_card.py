"""A card's number is entered on the keypad, with a telephone that leaves the tones of its keys in the sound: who learns
it? The tool that charges the card, and nobody else."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from app.audio.g711 import decode
from app.simulator.twilio.exchange import Exchange
from app.simulator.twilio.identity import Account
from app.simulator.twilio.rest import create_app
from tests.simulator.twilio.bot import free_port, listening
from tests.whole.conftest import OpenHouse
from tests.whole.house import TOKEN, House
from tests.whole.search import channels_of, keys_in, looking_at_the_store, spelled
from tests.whole.sounds import sentence, turn

CARD = "4929135780264173"
ACCOUNT = Account(token=TOKEN)
ASKS: dict[str, Any] = {"use_tool": {"name": "collect_digits", "arguments": {"what": "card"}}}
PAYS: dict[str, Any] = {"use_tool": {"name": "pay", "arguments": {"card": "secret_card_1"}}}
MIND = [
    turn("I want to pay.", sentence("one", text="Thank you."), **ASKS),
    turn("Go on.", sentence("two", text="{slip}"), **PAYS),
]


@pytest.fixture
def till(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARCELS_TILL", str(tmp_path / "till"))
    return tmp_path / "till"


@contextlib.asynccontextmanager
async def recording_house(house: OpenHouse, **more: Any) -> AsyncIterator[House]:
    """A house whose calls Twilio records, and Twilio's REST interface, by which a recording is paused."""
    listener = free_port()
    port = listener.getsockname()[1]
    keys = {"twilio_account_sid": ACCOUNT.sid, "twilio_api_url": f"http://127.0.0.1:{port}", "record_calls": True}
    async with house(mind=MIND, journal=True, **(keys | more)) as here:
        rest = create_app(Exchange(here.plant, {ACCOUNT.sid: ACCOUNT}))
        async with listening(rest, listener):
            yield here


@pytest.mark.parametrize(
    "text", [CARD, "4929 1357 8026 4173", "4-9-2-9-1-3-5-7", "four nine two nine, one three five seven", "78026417"]
)
def test_the_search_finds_the_number_in_any_spelling(text: str) -> None:
    assert spelled(CARD, f"card {text}.")


async def test_a_card_number_is_learnt_by_the_tool_alone(
    house: OpenHouse,
    till: Path,
    tmp_path: Path,
    store_url: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    with capture_logs() as log:
        async with recording_house(house) as here, looking_at_the_store(store_url) as stored:
            call = await here.call(
                f"""
                leave tones 160ms
                wait for speech
                wait for quiet 300ms
                say "i want to pay"
                wait for speech
                wait 400ms
                press {" ".join(CARD)} #
                wait for speech
                wait for quiet 700ms
                say "go on"
                wait for speech
                wait for quiet 300ms
                press 5
                wait 1s
                hang up
                """,
                account=ACCOUNT,
            )
            await here.dispositions()
    printed = capfd.readouterr()
    assert call.result.passed, call.result.failures
    assert call.heard[:4] == ["greeting", "ask_card", "one", "two"]
    assert call.sound("ask_card").heard_ms < 700  # the first key cut it off

    assert till.read_text() == CARD  # noqa: ASYNC240 (the tool has the digits)

    [session] = here.sessions
    told = [f"{note.event} {json.dumps(note.detail, default=str)}" for note in session.notes]
    results = session.events("toolResult", "<")
    written = {
        "the model": "\n".join(told),
        "the log": f"{log} {caplog.text} {printed.out} {printed.err}",
        "the journal": "\n".join(file.read_text() for file in (tmp_path / "data").rglob("*.jsonl")),
        "the store": "\n".join(stored),
        "other files": "\n".join(f.read_text("latin-1") for f in (tmp_path / "data").rglob("*") if f.is_file()),
    }
    assert "secret_card_1" in str(results) and "16" in str(results), "the model has the token"
    assert '"KeyPressed"' in written["the journal"]
    assert "Thank you." in written["the store"], "the snapshots were looked at"
    for place, text in written.items():
        assert not spelled(CARD, text), place

    # What sounds: the key pressed when nothing was secret proves that tones would have been found.
    [recording] = call.result.recordings
    rate, (said, heard) = channels_of(recording.audio)
    assert keys_in(np.frombuffer(decode(call.result.said_mulaw), np.int16), 8_000) == f"{CARD}#5"
    assert keys_in(said, rate) == "5"
    assert keys_in(heard, rate) == ""
    assert keys_in(np.frombuffer(bytes(session.audio), np.int16), 16_000) == "5"
    assert recording.pauses and recording.status == "completed"


async def test_what_cannot_be_paused_is_not_asked_for(house: OpenHouse, till: Path) -> None:
    async with recording_house(house, twilio_account_sid="") as here:
        call = await here.call(
            """
            wait for speech
            wait for quiet 300ms
            say "i want to pay"
            wait for speech
            wait for quiet 300ms
            hang up
            """,
            account=ACCOUNT,
        )
        [session] = here.sessions
    assert call.heard == ["greeting", "one"]
    assert "not_guarded" in str(session.events("toolResult", "<"))
    assert call.result.recordings and not call.result.recordings[0].pauses
    assert not till.exists()  # noqa: ASYNC240
