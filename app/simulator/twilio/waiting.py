"""What somebody hears who waits: a waitUrl's document again and again, music, or silence. (twilio.md 3.3)"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

from app.simulator.twilio.people import for_ever
from app.simulator.twilio.tones import hold_music
from app.simulator.twilio.verbs import Goto, Outcome

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call

CONFERENCE_VERBS = frozenset({"Play", "Say", "Pause", "Redirect"})
QUEUE_VERBS = CONFERENCE_VERBS | {"Hangup", "Leave", "Gather"}


async def entertain(
    call: "Call", url: str | None, method: str, extra: Callable[[], Mapping[str, str]], only: frozenset[str]
) -> Outcome:
    """Until cancelled, or the document leaves. `url`: None for the service's own music, "" for silence."""
    if url is None:
        return await call.play_for_ever(hold_music())
    if not url:
        await for_ever()
    return await call.documents.perform_again_and_again(lambda: Goto(url, method or "POST", extra()), only)


@contextlib.asynccontextmanager
async def entertained(
    call: "Call", url: str | None, method: str, extra: Callable[[], Mapping[str, str]], only: frozenset[str]
) -> "AsyncIterator[asyncio.Task[Outcome]]":
    """The caller is entertained meanwhile; the task is done early when the document leaves or fails."""
    document = call.documents.url
    task = asyncio.create_task(entertain(call, url, method, extra, only))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        call.hush()
        call.documents.url = document
