"""Tools that misbehave, in a whole call: what the caller hears, and what is recorded."""

import json
import socket
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.whole.conftest import OpenHouse
from tests.whole.house import PATIENT, together
from tests.whole.sounds import sentence, turn
from tests.whole.test_conversation import ask_once

TROUBLE = [
    # tool, arguments, what the model is told, what is recorded
    ("open_the_safe", {}, "failed", "failed"),
    ("read_the_log", {}, "failed", "failed"),
    ("weigh", {"grams": "plenty"}, "refused", "refused"),
    ("ask_the_neighbour", {}, "failed", "failed"),
    ("ask_the_harbour", {"ship": "Anna"}, "timed_out", "timed_out"),  # it would take an hour
]


async def test_whatever_a_tool_does_the_caller_hears_an_answer_and_it_is_recorded(
    house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def look_up(host: str, *more: object, **named: object) -> object:
        if host == "10.0.0.8.nip.example":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.8", 443))]
        return real(host, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def troubled(tool: str, arguments: dict[str, str], told: str, outcome: str) -> None:
        use = {"use_tool": {"name": tool, "arguments": arguments}}
        mind = [turn("Please.", sentence("one", text="No luck: {error}."), **use)]
        async with house(mind=mind, timings=replace(PATIENT, tool_wait=700)) as here:
            call = await ask_once(here, quiet="1800ms")
            runs = await here.metric("offhook_tools_total", tool=tool, outcome=outcome)
            timed = await here.metric("offhook_tool_seconds_count", tool=tool, outcome=outcome)
        [session] = here.sessions
        waited = ["wait"] if told == "timed_out" else []
        assert call.heard == ["greeting", *waited, "one"], tool
        assert (runs, timed, len(session.events("toolResult", "<"))) == (1, 1, 1), tool
        assert session.events("speculativeText")[0]["text"] == f"No luck: {told}."

    with capture_logs() as log:
        await together(*(troubled(*case) for case in TROUBLE))
    written = json.dumps(log, default=str)
    assert "private network" in written  # why, for who mends it
    assert not [secret for secret in ("11-22-33", "plenty", "Anna") if secret in written]
