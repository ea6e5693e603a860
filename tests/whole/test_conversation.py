"""A call as it should be: greeted at once, answered, heard to the goodbye."""

from tests.whole.conftest import OpenHouse
from tests.whole.sounds import turn

GOODBYE = {"use_tool": {"name": "end_call", "arguments": {"reason": "finished"}}}


async def test_a_caller_is_greeted_answered_and_seen_off(house: OpenHouse) -> None:
    mind = [turn("Where is my parcel?", "one"), turn("Thanks, goodbye.", **GOODBYE)]
    async with house(mind=mind) as here:
        call = await here.call("""
            wait for speech within 2s
            wait for quiet 300ms
            say "where is it"
            wait for speech within 3s
            wait for quiet 300ms
            say "thanks goodbye"
            expect hung up within 5s
        """)
        ended = await here.dispositions()
    assert call.heard == ["greeting", "one", "goodbye"]
    assert call.result.passed, call.result.failures
    assert call.result.verbs == ["Connect", "Redirect", "Hangup"]
    assert ended == {"completed": 1}
    assert len(here.sessions) == 1
