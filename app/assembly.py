"""Builds a server out of parts: the only module that knows every concrete class, and it contains no behaviour."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from app.audio.transcoder import Transcoder
from app.bridge.desk import Cast, DeskOptions, FrontDesk, Incoming, Staff, WatchCall
from app.bridge.pace import AnswerPace
from app.cache.keys import Narrator
from app.cache.shelf import ENGINES, AudioShelf, fill_shelf
from app.cache.store import Store, open_store
from app.call.commands import Command, EndCall
from app.call.events import Event, Failure, UsageReported
from app.call.setup import CallFacts, CallSetup, Phrase, Timings, UplinkSettings
from app.edition import Edition
from app.engines.engine import Engine, SessionKey, SessionSpec, ToolSpec
from app.engines.nova_sonic.engine import NovaSonicEngine, NovaSonicOptions
from app.legs.twilio import tokens
from app.metrics.meters import Meters
from app.pool.plan import PoolOptions, Why
from app.pool.pool import Pool
from app.prompts.agent import Agent
from app.records.journal import JournalKeeper
from app.settings import Settings
from app.tools.host import ToolHost
from app.tools.house import Offer

ENDPOINTING_MS = {"HIGH": 1_500, "MEDIUM": 1_750, "LOW": 2_000}
GREET = "[The call begins now. Greet the caller in one short sentence and offer your help.]"


def now_ms() -> int:
    """The machine's time: monotonic, integer milliseconds, of this process."""
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Server:
    """The parts a door needs."""

    settings: Settings
    edition: Edition
    desk: FrontDesk
    pool: Pool
    store: Store
    meters: Meters

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """For /readyz: true when the first filling of the pool has ended, well or not; false while draining."""
        state = self.pool.state()
        draining = self.desk.registry.draining
        body = {
            "draining": draining,
            "calls": self.desk.registry.live_count(),
            "edition": self.edition.hash,
            "store": self.store.backend,
            "pool": asdict(state),
        }
        return state.filled and not draining, body


@asynccontextmanager
async def assemble(
    settings: Settings, edition: Edition, watch: WatchCall | None = None, timings: Timings | None = None
) -> AsyncIterator[Server]:
    """A server that is ready to be given doors; everything it opened is closed behind it. `timings` are a rehearsal's:
    calls whose waits are shorter than in life."""
    meters = Meters()
    casting = Casting(settings, edition, timings or Timings())
    async with (
        open_store(settings.redis_url, settings.data_dir) as store,
        _sonic(settings) as engine,
        _watching(settings, watch) as watch,
    ):
        voices = {Narrator(agent.settings.voice, agent.settings.language) for agent in edition.prompts.agents.values()}
        casting.shelf = await fill_shelf(edition.catalogue, voices, settings.content_dir, store, ENGINES)
        pool = Pool(engine, casting.specs(), _pool_options(settings), now_ms, PoolMeters(meters))
        _watch_pool(meters, pool)
        meters.tools_left_behind.set_function(lambda: casting.host.left_behind)
        stream_tokens = StreamTokens(settings.stream_secret.get_secret_value() or secrets.token_hex(32))
        staff = Staff(
            casting.cast,
            pool,
            casting.host,
            store,
            stream_tokens,
            meters,
            now_ms,
            casting.transcoder,
            casting.pace,
            watch,
        )
        desk = FrontDesk(staff, settings.max_calls, casting.desk_options())
        async with pool, desk:
            yield Server(settings, edition, desk, pool, store, meters)


@asynccontextmanager
async def _sonic(settings: Settings) -> AsyncIterator[Engine]:
    engine = NovaSonicEngine(
        NovaSonicOptions(
            endpoint=settings.aws_endpoint_url_bedrock_runtime,
            ca_file=str(settings.aws_ca_bundle or ""),
            streams_per_connection=settings.nova_sonic_streams_per_connection,
            use_sdk_path=settings.nova_sonic_sdk_path,
        )
    )
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def _watching(settings: Settings, watch: WatchCall | None) -> AsyncIterator[WatchCall | None]:
    """`watch`, and before it the journal where the settings want one."""
    if not settings.journal:
        yield watch
        return
    with JournalKeeper(settings.data_dir / "journal") as keeper:

        def journal_and_watch(call_sid: str, at_ms: int, event: Event, commands: list[Command]) -> None:
            keeper.note(call_sid, at_ms, event)
            if any(isinstance(command, EndCall) for command in commands):
                keeper.forget(call_sid)
            if watch is not None:
                watch(call_sid, at_ms, event, commands)

        yield journal_and_watch


def _pool_options(settings: Settings) -> PoolOptions:
    return PoolOptions(
        size=settings.pool_size,
        max_streams=settings.nova_sonic_max_streams,
        idle_ms=settings.nova_sonic_idle_seconds * 1000,
        session_ms=settings.nova_sonic_session_seconds * 1000,
    )


class Casting:
    """Who serves a call: from an edition's agents to what a machine, a session and a leg are made with."""

    def __init__(self, settings: Settings, edition: Edition, timings: Timings) -> None:
        self.shelf = AudioShelf()
        self.host = ToolHost(edition.toolbox.tools)
        self.pace = AnswerPace(timings.slow_answer)
        self._timings = timings
        self._settings = settings
        self._edition = edition

    def specs(self) -> list[SessionSpec]:
        """The default agent's first: of it a session is always kept warm."""
        default = self._edition.prompts.routes.default
        agents = sorted(self._edition.prompts.agents.values(), key=lambda agent: agent.id != default)
        return [self.spec(agent) for agent in agents]

    def spec(self, agent: Agent) -> SessionSpec:
        chosen, settings = agent.settings, self._settings
        model = chosen.model or settings.nova_sonic_model_id
        rate = settings.nova_sonic_output_rate
        return SessionSpec(
            key=SessionKey(self._edition.hash, agent.id, chosen.language, model, settings.aws_region, rate),
            system_prompt=agent.instructions,
            voice=chosen.voice,
            tools=[ToolSpec(d.name, d.description, d.schema) for d in self.host.declared(chosen.tools, Offer())],
            input_rate=settings.nova_sonic_input_rate,
            max_tokens=chosen.max_tokens,
            temperature=chosen.temperature,
            top_p=chosen.top_p,
            endpointing=chosen.endpointing,
        )

    def cast(self, incoming: Incoming) -> Cast:
        agent = self._edition.agent_for(incoming.called)
        facts = CallFacts(
            call_sid=incoming.call_sid,
            caller=incoming.caller,
            called=incoming.called,
            agent=agent.id,
            edition=self._edition.hash,
            language=agent.settings.language,
            started_at_ms=time.time_ns() // 1_000_000,
        )
        setup = self._setup(agent, facts)
        return Cast(setup, self.spec(agent), replace(setup, first_phrase="sorry"))

    def _setup(self, agent: Agent, facts: CallFacts) -> CallSetup:
        chosen, settings = agent.settings, self._settings
        return CallSetup(
            facts=facts,
            phrases=self._phrases(agent),
            first_phrase=chosen.greeting,
            opening=agent.opening(facts),
            greeting_prompt=GREET,
            timings=replace(
                self._timings,
                endpointing=ENDPOINTING_MS[chosen.endpointing],
                slow_answer=self.pace.slow_ms(),
                max_call=chosen.limits.max_call_minutes * 60_000,
            ),
            uplink=UplinkSettings(
                rate=settings.nova_sonic_input_rate,
                quiet_batch_ms=settings.quiet_batch_ms,
                gate=settings.gate_line_noise,
                audio_while_tool_pending=settings.audio_while_tool_pending,
            ),
        )

    def _phrases(self, agent: Agent) -> Mapping[str, Phrase]:
        chosen = agent.settings
        phrases = self.shelf.phrases(self._edition.catalogue, Narrator(chosen.voice, chosen.language))
        allowed = chosen.phrases
        return phrases if allowed is None else {name: p for name, p in phrases.items() if name in allowed}

    def transcoder(self) -> Transcoder:
        """For one telephone leg."""
        settings = self._settings
        return Transcoder("mulaw", 8_000, settings.nova_sonic_input_rate, settings.nova_sonic_output_rate)

    def desk_options(self) -> DeskOptions:
        default = self._edition.prompts.agents[self._edition.prompts.routes.default].settings
        words = self._edition.catalogue.wordings(default.language)
        options = DeskOptions(
            at_limit=self._settings.at_limit,
            language=default.language,
            person_number=self._settings.person_number,
        )
        return replace(
            options,
            busy_text=words.get("busy", options.busy_text),
            goodbye_text=words.get("apology", options.goodbye_text),
        )


class StreamTokens:
    """The stream's token, with this house's secret and clock."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(self, call_sid: str) -> str:
        return tokens.issue(self._secret, call_sid, "stream", int(time.time()), secrets.token_hex(6))

    def valid(self, token: str, call_sid: str) -> bool:
        return tokens.check(self._secret, token, call_sid, "stream", int(time.time())) is None


class PoolMeters:
    """The pool's observer: its news as metrics."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def opened(self, key: SessionKey, took_ms: int) -> None:
        self._meters.pool_opened.observe(took_ms / 1000)

    def opened_cold(self, key: SessionKey) -> None:
        self._meters.cold_opens.inc()

    def lent(self, key: SessionKey, age_ms: int) -> None:
        self._meters.pool_lent.inc()

    def retired_unused(self, key: SessionKey, why: Why) -> None:
        self._meters.pool_retired.labels(why).inc()

    def failed(self, key: SessionKey, failure: Failure) -> None:
        self._meters.session_errors.labels(failure).inc()

    def close_hung(self, key: SessionKey) -> None:
        self._meters.session_errors.labels("close_hung").inc()

    def spent_unlent(self, key: SessionKey, usage: UsageReported) -> None:
        self._meters.count_tokens(usage, "unlent_")


def _watch_pool(meters: Meters, pool: Pool) -> None:
    def count(state: str) -> Callable[[], float]:
        return lambda: float(getattr(pool.counts(), state))

    for state in asdict(pool.counts()):
        meters.pool_sessions.labels(state).set_function(count(state))


async def settle(server: Server, seconds: float) -> None:
    """Wait, at most `seconds`, until the first filling of the pool has ended."""
    try:
        async with asyncio.timeout(seconds):
            await server.pool.first_filling()
    except TimeoutError:
        pass
