"""What follows a stream, or the caller's way outside it. `app.call.continuation` decides; here the call is found, told
what became of its caller, and remembers what was answered."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from app.bridge.incoming import Incoming
from app.bridge.people import People
from app.bridge.registry import Entry
from app.bridge.staff import DeskOptions
from app.bridge.takeover import Takeover
from app.call import events as e
from app.call.continuation import Answer, ConnectStream, DialTarget, after_stream, way_out_of
from app.call.onward import OnwardResult, result_of

log = structlog.get_logger()

ASK_FOR_MESSAGE = "Please leave your message after the tone."  # where no phrase was said


class AfterStream:
    """Answers the carrier once for each thing that happens, and repeats that answer until the next."""

    def __init__(self, takeover: Takeover, people: People, options: Callable[[], DeskOptions]) -> None:
        self._takeover = takeover
        self._people = people
        self._options = options

    async def answer(self, incoming: Incoming) -> Answer:
        entry = await self._takeover.of_webhook(incoming)
        if incoming.attempt and not await self._told_of_attempt(entry, incoming):
            return entry.answer
        if not entry.answered_next:
            entry.answer = self._decide(entry)
            if isinstance(entry.answer, ConnectStream):
                entry.record = replace(entry.record, resumes=entry.record.resumes + 1)
            elif entry.life is not None and entry.outside is None:
                entry.life.tell(e.CallCompleted("left to the carrier"))
            entry.answered_next = True
        return entry.answer

    async def _told_of_attempt(self, entry: Entry, incoming: Incoming) -> bool:
        """What became of the caller outside the stream. False where that is no news."""
        await self._people.recorded(incoming.attempt, incoming.fields)
        onward = entry.outside
        if onward is None or onward.attempt != incoming.attempt or entry.life is None:
            return False
        entry.life.tell(e.OnwardEnded(onward.attempt, result_of(onward.way, incoming.fields)))
        entry.answered_next = False
        return True

    def _decide(self, entry: Entry) -> Answer:
        way_out, options = self._way_out(entry), self._options()
        entry.record = replace(entry.record, ended=entry.ended)
        return after_stream(entry.record, options.person_number, options.goodbye_text, options.language, way_out)

    def _way_out(self, entry: Entry) -> Answer | None:
        onward, life = entry.outside, entry.life
        if onward is None or life is None:
            return None
        setup = life.setup
        told = (phrase := setup.phrases.get("leave_message")) is not None and phrase.audio is not None
        answer = way_out_of(onward, entry.destinations.get(onward.target), setup.facts, "" if told else ASK_FOR_MESSAGE)
        if answer is None:
            log.warning("! a target is not configured any more", call=setup.facts.call_sid, target=onward.target)
            life.tell(e.OnwardEnded(onward.attempt, OnwardResult.FAILED))
        elif isinstance(answer, DialTarget) and answer.whisper:
            self._people.will_be_asked(setup.facts, onward)
        return answer
