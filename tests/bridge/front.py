"""A front desk with a real pool over a plain engine, a store in memory, and legs to come by."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fakeredis import FakeAsyncRedis

from app.assembly import StreamTokens
from app.audio.transcoder import Transcoder
from app.bridge.desk import FrontDesk
from app.bridge.fleet import Fleet
from app.bridge.incoming import Incoming
from app.bridge.ledger import Ledger
from app.bridge.pace import AnswerPace
from app.bridge.staff import Cast, DeskOptions, Staff
from app.cache.store import Store
from app.call.events import LegAttached, LegEnd, LegEnded, ToolCalled
from app.call.onward import Destination
from app.call.setup import CallFacts, CallSetup, Phrase, Target, Timings
from app.engines.engine import SessionKey, SessionSpec
from app.legs.leg import MULAW_8K, AudioFormat, LegReport
from app.legs.phone import PhoneFailed
from app.metrics.meters import Meters
from app.pool.plan import PoolOptions
from app.pool.pool import Pool
from app.records.messages import Word
from app.tools.host import ToolHost
from tests.pool.plain_engine import PlainEngine
from tests.pool.virtual_time import now_ms

SPEC = SessionSpec(SessionKey("edition", "desk", "en-US", "model", "us-east-1", 8_000), "You answer.", "tiffany")
PHRASES = {name: Phrase(name, f"({name})", bytes(160 * 25)) for name in ("greeting", "sorry", "back_again", "goodbye")}


TARGETS = {
    "workshop": Target("workshop"),
    "office": Target("office", warm=True),
    "sales": Target("sales", queue=True),
    "closed_down": Target("closed_down"),  # known to the call, no longer to the desk
}
DESTINATIONS = {
    "workshop": Destination("number", "+15550142", ring_s=20, warm=True),
    "office": Destination("number", "+15550143", caller_id="+15550100", warm=True),
    "sales": Destination("workflow", "WW" + "0" * 32, attributes={"team": "sales"}),
}


class WrittenDown:
    """Keeps words for staff in a list."""

    def __init__(self) -> None:
        self.words: list[Word] = []

    def keep(self, word: Word) -> None:
        self.words.append(word)


class PlainPhone:
    """Writes down which calls it was to place and change; `broken`: none can be placed."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []
        self.broken = False

    async def ring(self, to: str, caller_id: str, attempt: str, ring_s: int) -> str:
        if self.broken:
            raise PhoneFailed("ring: HTTP 400, code 21217")
        await asyncio.sleep(0.2)
        self.done.append(("ring", to, caller_id, attempt))
        return "CAperson"

    async def hang_up(self, call_sid: str) -> None:
        self.done.append(("hang up", call_sid))

    async def say_and_hang_up(self, call_sid: str, text: str, language: str) -> None:
        self.done.append(("say", call_sid, text))

    async def send_onward(self, call_sid: str, attempt: str) -> None:
        self.done.append(("send onward", call_sid, attempt))


class PlainLeg:
    """A leg that plays into nothing and ends when it is told."""

    format: AudioFormat = MULAW_8K

    def __init__(self, ordinal: int) -> None:
        self.ordinal = ordinal
        self.played = 0
        self.ended = False
        self._reports: asyncio.Queue[LegReport] = asyncio.Queue()
        self._reports.put_nowait(LegAttached(ordinal))

    async def events(self) -> AsyncIterator[LegReport]:
        while True:
            report = await self._reports.get()
            yield report
            if isinstance(report, LegEnded):
                return

    def end(self, how: LegEnd = LegEnd.LOST) -> None:
        self.ended = True
        self._reports.put_nowait(LegEnded(self.ordinal, how))

    def report(self, report: LegReport) -> None:
        self._reports.put_nowait(report)

    def send_frames(self, audio: bytes) -> None:
        self.played += len(audio)

    def send_mark(self, name: str) -> None: ...

    def clear(self) -> None: ...

    def hang_up(self) -> None:
        self.end(LegEnd.CLOSED)


def incoming(call_sid: str, attempt: str = "", **fields: str) -> Incoming:
    return Incoming(call_sid, "+14155550123", "+15035550199", "ringing", "inbound", fields, attempt)


def cast(call: Incoming) -> Cast:
    facts = CallFacts(call.call_sid, call.caller, call.called, "desk", "edition", "en-US", time.time_ns() // 1_000_000)
    setup = CallSetup(facts, PHRASES, timings=Timings(leg_lost=20_000), targets=TARGETS, messages=True)
    return Cast(setup, SPEC, replace(setup, first_phrase="sorry"), ToolHost({}), destinations=DESTINATIONS)


async def recast(call: Incoming, snapshot: Mapping[str, Any]) -> Cast:
    return cast(call)


class Front:
    """The desk, and what a carrier does with it."""

    def __init__(
        self,
        desk: FrontDesk,
        store: Store,
        meters: Meters,
        engine: PlainEngine,
        phone: PlainPhone,
        inbox: WrittenDown,
    ) -> None:
        self.desk = desk
        self.phone = phone
        self.inbox = inbox
        self.store = store
        self.meters = meters
        self.engine = engine
        self.fleet: Fleet

    async def connect(self, call_sid: str, stream: str = "MZ1") -> tuple[PlainLeg, asyncio.Task[None]]:
        """Open a stream for the call with its token."""
        ordinal = await self.desk.claim_leg(call_sid, stream, self.desk.stream_token(call_sid))
        assert ordinal is not None
        leg = PlainLeg(ordinal)
        return leg, asyncio.create_task(self.desk.serve_leg(call_sid, leg))

    async def lives_and_dies(self, call_sid: str, stream: str, seconds: float) -> None:
        leg, served = await self.connect(call_sid, stream)
        await asyncio.sleep(seconds)
        leg.end()
        await served

    @property
    def session(self) -> int | None:
        """The number of the model session that serves the only call; None while it has none."""
        entry = self.desk.registry.get("CA1")
        assert entry is not None and entry.life is not None
        return max(entry.life.bridge.sessions, default=None)

    def call_tool(self, call_sid: str, name: str, arguments: str) -> None:
        """The call's model asks for a tool."""
        entry = self.desk.registry.get(call_sid)
        assert entry is not None and entry.life is not None
        session = max(entry.life.bridge.sessions)
        entry.life.tell(ToolCalled(session, f"run {session}", name, arguments))

    async def leaves_by(self, tool: str, arguments: str, call_sid: str = "CA1", stream: str = "MZ1") -> PlainLeg:
        """A call is answered, greeted, and its model calls a tool that takes the caller out of the stream."""
        if self.desk.registry.get(call_sid) is None:
            await self.desk.answer_call(incoming(call_sid))
        leg, _ = await self.connect(call_sid, stream)
        await asyncio.sleep(4)
        self.call_tool(call_sid, tool, arguments)
        await asyncio.sleep(4)
        return leg

    def ended(self, disposition: str) -> float:
        return self.counted("calls_ended", disposition=disposition)

    def counted(self, name: str, **labels: str) -> float:
        return self.meters.registry.get_sample_value(f"offhook_{name}_total", labels) or 0.0


@asynccontextmanager
async def front_desk(
    limit: int = 10,
    store: Store | None = None,
    cast: Callable[[Incoming], Cast] = cast,
    size: int = 1,
    process: str = "alone",
    ledger: bool = False,
    **options: Any,
) -> AsyncIterator[Front]:
    meters, engine = Meters(), PlainEngine(now_ms, opens_in=0.05)
    phone, inbox = PlainPhone(), WrittenDown()
    store = store or Store(FakeAsyncRedis(), "memory")
    async with Pool(engine, [SPEC], PoolOptions(size=size), now_ms, jitter=lambda: 0.0) as pool:
        staff = Staff(
            cast=cast,
            recast=recast,
            pool=pool,
            store=store,
            tokens=StreamTokens("secret"),
            meters=meters,
            now_ms=now_ms,
            wall_ms=now_ms,
            transcoder=lambda: Transcoder("mulaw", 8_000, 16_000, 8_000),
            pace=AnswerPace(2_500),
            inbox=inbox,
            phone=phone,
            ledger=Ledger(store, "secret", now_ms) if ledger else None,
            places_calls=lambda agent: agent == "desk",
            process=process,
        )
        async with FrontDesk(staff, limit, DeskOptions(**options)) as desk:
            yield Front(desk, store, meters, engine, phone, inbox)
