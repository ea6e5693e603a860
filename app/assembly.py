"""Builds a server out of parts: the only module that knows every concrete class, and it contains no behaviour."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import structlog

from app.bridge.desk import FrontDesk
from app.bridge.fleet import Fleet
from app.bridge.inbox import Inbox
from app.bridge.ledger import Ledger
from app.bridge.staff import Staff, WatchCall
from app.cache.catalogue import Catalogue
from app.cache.keys import Narrator
from app.cache.render import Renderer, RenderReport
from app.cache.store import Store, open_store
from app.call.commands import Command, EndCall, HandOver
from app.call.events import Event, Failure, UsageReported
from app.call.prices import Prices
from app.call.setup import Timings
from app.casting import Casting, wall_ms
from app.edition import Edition
from app.editions import Editions
from app.engines.engine import Endpoint, Engine, SessionKey
from app.engines.nova_sonic.engine import NovaSonicEngine, NovaSonicOptions
from app.engines.nova_sonic.session import SessionLimits
from app.engines.offline.listener import MenuListener
from app.legs.phone import Phone
from app.legs.recording import NotRecorded, OutOfReach, Recording
from app.legs.twilio import tokens
from app.legs.twilio.recording import CallRecording
from app.legs.twilio.rest import TwilioPhone
from app.metrics.meters import Meters
from app.metrics.trace import open_tracing
from app.pool.endpoints import EndpointOptions, Endpoints
from app.pool.plan import PoolOptions, Why
from app.pool.pool import Pool
from app.pool.quota import FleetQuota
from app.prices import load_prices
from app.records.journal import JournalKeeper
from app.records.messages import MessageBook
from app.settings import Settings, tool_variables
from app.tools.addresses import read_hosts
from app.tools.host import ToolHost
from app.tools.mcp_link import Links
from app.tools.web import Web

log = structlog.get_logger()


def now_ms() -> int:
    """The machine's time: monotonic, integer milliseconds, of this process."""
    return time.monotonic_ns() // 1_000_000


def process_name() -> str:
    """Ours among all that share a store: another one each time we start."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True)
class Server:
    """The parts a door needs."""

    settings: Settings
    editions: Editions
    desk: FrontDesk
    pool: Pool
    endpoints: Endpoints
    store: Store
    meters: Meters
    links: Links

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """For /readyz: true when the first filling of the pool has ended, well or not; false while draining.

        A process that is full or late stays ready, and says `refuses`: a caller it is asked about hears that all lines
        are busy, and calls that are live still come back to it. With every process of a fleet late and none ready,
        Twilio would reach nobody, for neither."""
        state = self.pool.state()
        registry = self.desk.registry
        draining = registry.draining
        body = {
            "draining": draining,
            "calls": registry.live_count(),
            "refuses": registry.refusal(),
            "tasks": len(asyncio.all_tasks()),
            "lateness_ms": round(registry.lateness.level_ms(now_ms()), 1),
            **self.editions.state(),
            "store": self.store.backend,
            "store_answers": self.store.well,
            "pool": asdict(state),
            "mcp_servers": self.links.state(),
            "endpoints": {where: "down" if down else "up" for where, down in self.endpoints.down().items()},
        }
        return state.filled and not draining, body


@asynccontextmanager
async def assemble(
    settings: Settings,
    edition: Edition,
    watch: WatchCall | None = None,
    timings: Timings | None = None,
    render: Renderer | None = None,
    clock: Callable[[], int] = wall_ms,
) -> AsyncIterator[Server]:
    """A server that is ready to be given doors; everything it opened is closed behind it. `timings` are a rehearsal's:
    calls whose waits are shorter than in life. `render` records what a later edition lacks, the settings' own
    studio where it is not given. `clock` (Unix ms) tells by which hour a call begins: open or closed.

    Raises `ContentError` for a price table with faults."""
    meters = Meters()
    timings = timings or Timings()
    web = Web(read_hosts(settings.tool_hosts), tool_variables())
    code, process = edition.toolbox.code, process_name()
    prices = await asyncio.to_thread(load_prices, settings.prices)
    async with (
        aclosing(web),
        Links(code.servers, web, settings.content_dir, code.lock) as links,
        open_store(settings.redis_url, settings.data_dir) as store,
        sonic_engine(settings) as engine,
        _listening() as listening,
        Inbox(MessageBook(settings.messages_url), store) as inbox,
        _watching(settings, watch) as watch,
        aclosing(open_tracing(now_ms, process)) as tracing,
    ):
        render = render or _studio(settings, engine)

        def host(edition: Edition) -> ToolHost:
            return ToolHost(edition.toolbox.tools, web=web, data_dir=settings.data_dir, links=links)

        editions = Editions(settings, timings, store, host, render, clock, prices)
        await editions.begin(edition)
        casting = editions.current
        endpoints = Endpoints(engine, _endpoint_options(settings), now_ms)
        ledger = Ledger(store, settings.stream_key, wall_ms)
        quota = FleetQuota(store, process, settings.nova_sonic_max_streams)
        pool = Pool(
            endpoints, casting.specs(), _pool_options(settings), now_ms, PoolMeters(meters, prices), quota=quota
        )
        endpoints.recovered = pool.try_again
        quota.shelf = pool
        meters.watch_endpoints(endpoints.down)
        _watch_pool(meters, pool)
        meters.watch(meters.tools_left_behind, lambda: editions.tools_left_behind)
        stream_tokens = StreamTokens(settings.stream_key or secrets.token_hex(32))
        staff = Staff(
            editions.cast,
            editions.recast,
            pool,
            store,
            stream_tokens,
            meters,
            now_ms,
            wall_ms,
            casting.transcoder,
            editions.pace,
            watch,
            recording_of(settings),
            inbox,
            phone_of(settings),
            streams_left=lambda: pool.has_stream() and (pool.counts().idle > 0 or quota.has_room),
            listening=listening,
            ledger=ledger,
            places_calls=lambda agent: editions.current.places_calls(agent),
            tracing=tracing,
            process=process,
        )
        desk = FrontDesk(staff, settings.max_calls, casting.desk_options())
        editions.follow(_warn_of_money)
        _warn_of_money(casting)
        editions.follow(lambda casting: pool.change(casting.specs()))
        editions.follow(lambda casting: _prepare(listening, casting))
        _prepare(listening, casting)
        editions.follow(lambda casting: desk.use(casting.desk_options()))

        async def every_second(processes: int) -> None:
            await quota.renew(processes)
            await ledger.beat()

        async with pool, desk, Fleet(store, process, desk, lambda: _shown(desk, meters), every_second):
            try:
                yield Server(settings, editions, desk, pool, endpoints, store, meters, links)
            finally:
                await endpoints.close()


def _warn_of_money(casting: Casting) -> None:
    for agent in casting.without_prices:
        log.warning("! limits in money do not act: PRICES has no price for its model", agent=agent)


def _shown(desk: FrontDesk, meters: Meters) -> Mapping[str, Any]:
    meters.refresh()
    return desk.describe()


@asynccontextmanager
async def sonic_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Nova Sonic as the settings have it. Nothing is connected before the first session."""
    engine = NovaSonicEngine(
        NovaSonicOptions(
            endpoint=settings.aws_endpoint_url_bedrock_runtime,
            ca_file=str(settings.aws_ca_bundle or ""),
            streams_per_connection=settings.nova_sonic_streams_per_connection,
            use_sdk_path=settings.nova_sonic_sdk_path,
            limits=SessionLimits(session_ms=settings.nova_sonic_session_seconds * 1000),
        )
    )
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def _listening() -> AsyncIterator[MenuListener]:
    listener = MenuListener(now_ms)
    try:
        yield listener
    finally:
        await listener.close()


def _prepare(listening: MenuListener, casting: Casting) -> None:
    """A process that hears menus costs memory: it is kept ready only where an agent has words for it."""
    if casting.hears_words:
        listening.prepare()


def _studio(settings: Settings, engine: Engine) -> Renderer:
    """The voices that the settings give, one line at a time: calls have the streams first."""

    async def record(catalogue: Catalogue, narrators: Iterable[Narrator]) -> RenderReport:
        from app.studio import open_studio  # brings boto3, and most processes never see an edit

        studio = await open_studio(settings, engine, at_once=1)
        return await studio.render(catalogue, narrators)

    return record


@asynccontextmanager
async def _watching(settings: Settings, watch: WatchCall | None) -> AsyncIterator[WatchCall | None]:
    """`watch`, and before it the journal where the settings want one."""
    if not settings.journal:
        yield watch
        return
    with JournalKeeper(settings.data_dir / "journal") as keeper:

        def journal_and_watch(call_sid: str, at_ms: int, event: Event, commands: list[Command]) -> None:
            keeper.note(call_sid, at_ms, event, commands)
            if any(isinstance(command, (EndCall, HandOver)) for command in commands):
                keeper.forget(call_sid)
            if watch is not None:
                watch(call_sid, at_ms, event, commands)

        yield journal_and_watch


def phone_of(settings: Settings) -> Phone | None:
    """Calls placed by REST, where the keys are set."""
    keys = settings.rest_keys
    return None if keys is None else TwilioPhone(*keys, settings.twilio_api_url, settings.public_url)


def recording_of(settings: Settings) -> Recording:
    """How a recording is paused while a caller enters a secret."""
    if settings.rest_keys is None:
        return OutOfReach() if settings.record_calls else NotRecorded()
    return CallRecording(*settings.rest_keys, base_url=settings.twilio_api_url)


def _endpoint_options(settings: Settings) -> EndpointOptions:
    limits = EndpointOptions().breaker
    return EndpointOptions(
        fallbacks=[Endpoint(region, model) for region, model in settings.fallbacks],
        breaker=replace(limits, open_ms=settings.nova_sonic_probe_seconds * 1000),
    )


def _pool_options(settings: Settings) -> PoolOptions:
    return PoolOptions(
        size=settings.pool_size,
        max_streams=settings.nova_sonic_max_streams,
        idle_ms=settings.nova_sonic_idle_seconds * 1000,
        session_ms=settings.nova_sonic_session_seconds * 1000,
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

    def __init__(self, meters: Meters, prices: Prices) -> None:
        self._meters = meters
        self._prices = prices

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

    def spent(self, key: SessionKey, usage: UsageReported, lent: bool) -> None:
        prefix = "" if lent else "unlent_"
        self._meters.count_tokens(usage, prefix)
        self._meters.pay(prefix + "model", self._prices.of(usage.where, usage.usage))


def _watch_pool(meters: Meters, pool: Pool) -> None:
    def count(state: str) -> Callable[[], float]:
        return lambda: float(getattr(pool.counts(), state))

    for state in asdict(pool.counts()):
        meters.watch(meters.pool_sessions.labels(state), count(state))


async def settle(server: Server, seconds: float) -> None:
    """Wait, at most `seconds`, until the first filling of the pool has ended."""
    try:
        async with asyncio.timeout(seconds):
            await server.pool.first_filling()
    except TimeoutError:
        pass
