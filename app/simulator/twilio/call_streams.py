"""The streams of a call: the one in <Connect> that takes it over, and those in <Start> beside it."""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.simulator.twilio.callbacks import stream_fields
from app.simulator.twilio.identity import sid
from app.simulator.twilio.signing import signature, signed_stream_url
from app.simulator.twilio.stream import StreamCore, StreamNames
from app.simulator.twilio.streaming import Linkup, MediaStream, StreamEnd, StreamFaults, connect
from app.simulator.twilio.twiml import StreamOrder, TwimlError, Verb, stream_order
from app.simulator.twilio.wire import Wire

if TYPE_CHECKING:
    from app.simulator.twilio.call import Call


class CallStreams:
    def __init__(self, call: "Call") -> None:
        self._call = call
        self._forks: dict[str, asyncio.Task[None]] = {}
        self._begun = False

    async def connect(self, noun: Verb) -> None:
        """<Connect><Stream>: until it ends, one way or another."""
        await self._stream(noun, bidirectional=True)

    def fork(self, noun: Verb) -> str:
        """<Start><Stream>: beside the call. Returns the stream's name, one made up when it has none."""
        name = noun.get("name") or sid("MZ", self._call.plant.rng)
        self._forks[name] = asyncio.create_task(self._stream(noun, bidirectional=False))
        return name

    async def end_forks(self, name: str = "") -> bool:
        """End the one-way stream of that name, or all; False when there is none."""
        chosen = [self._forks.pop(fork) for fork in list(self._forks) if not name or fork == name]
        for fork in chosen:
            fork.cancel()
        await asyncio.gather(*chosen, return_exceptions=True)
        return bool(chosen)

    async def _stream(self, noun: Verb, bidirectional: bool) -> None:
        call = self._call
        try:
            order = stream_order(noun, call.documents.url, bidirectional)
        except TwimlError as error:
            call.journal.warn(error.code, str(error))
            self._report("", noun, "stream-error", StreamEnd(error.code, str(error), failed=True))
            return
        for warning in order.warnings:
            call.journal.warn(12200, warning)
        await self._run(order, noun, bidirectional)

    async def _run(self, order: StreamOrder, noun: Verb, bidirectional: bool) -> None:
        call, stream_sid = self._call, sid("MZ", self._call.plant.rng)
        wire = await connect(order, self._linkup(order), call.plant.ticker)
        if isinstance(wire, StreamEnd):
            call.journal.warn(wire.code, wire.text)
            call.journal.note("stream_failed", code=wire.code)
            self._report(stream_sid, noun, "stream-error", wire)
            return
        self._report(stream_sid, noun, "stream-started", StreamEnd())
        end = StreamEnd()
        try:
            end = await self._media(order, wire, stream_sid, bidirectional).run()
        finally:
            if end.code:
                call.journal.warn(end.code, end.text, level="error" if end.failed else "warning")
            call.journal.note("stream_ended", code=end.code, failed=end.failed)
            self._report(stream_sid, noun, "stream-error" if end.failed else "stream-stopped", end)

    def _linkup(self, order: StreamOrder) -> Linkup:
        call = self._call
        signed = signed_stream_url(order.url, call.person.oddities.slash_signature)
        headers = {"Host": urlsplit(order.url).netloc, "x-twilio-signature": signature(signed, (), call.token)}
        return Linkup(call.plant.route.address(order.url), headers, call.plant.timing.stream_connect_ms)

    def _media(self, order: StreamOrder, wire: Wire, stream_sid: str, bidirectional: bool) -> MediaStream:
        call = self._call
        names = StreamNames(call.party.account.sid, call.party.call_sid, stream_sid)
        core = StreamCore(names, call.handset.buffer, order.parameters, order.tracks)
        person = call.person
        faults = StreamFaults() if person.faults.first_only and self._begun else person.faults
        self._begun = True
        return MediaStream(core, wire, call.handset, call.journal, person.line, faults, bidirectional, person.on_media)

    def _report(self, stream_sid: str, noun: Verb, event: str, end: StreamEnd) -> None:
        call = self._call
        url = noun.get("statusCallback")
        if url.startswith(("http://", "https://")):
            fields = stream_fields(
                call.party.account.sid, call.party.call_sid, stream_sid, noun.get("name"), event, end.error
            )
            call.callbacks.post(event, url, noun.get("statusCallbackMethod"), fields)
