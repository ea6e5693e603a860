"""Nova Sonic as an `Engine`: opens sessions over one path, keeps their pulse, and counts.

engine = NovaSonicEngine(NovaSonicOptions(ca_file=""))
session = await engine.open(spec)            # EngineError where it cannot be had
session.begin(1, history)
async for event in session.events(): ...
await session.close()
await engine.close()
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from app.call.events import Failure
from app.engines.engine import EngineError, SessionSpec
from app.engines.nova_sonic.connections import ConnectionOptions
from app.engines.nova_sonic.once import Once
from app.engines.nova_sonic.sdk_path import SdkPath
from app.engines.nova_sonic.session import SessionLimits, SonicSession
from app.engines.nova_sonic.transport import OwnPath
from app.engines.nova_sonic.wire import WirePath

log = structlog.get_logger(__name__)

PULSE_S = 0.25


@dataclass(frozen=True, slots=True)
class NovaSonicOptions:
    """Plain values. Region and model come with each session's key; credentials by the SDK's own chain."""

    endpoint: str = ""  # empty: the SDK's (AWS_ENDPOINT_URL_BEDROCK_RUNTIME, else the region's)
    ca_file: str = ""  # PEM, trusted besides the system's store (AWS_CA_BUNDLE)
    streams_per_connection: int = 10  # or less, if the peer says so
    connect_ms: int = 3_000  # TCP connect; also how long a connecting one is waited for by others
    open_ms: int = 5_000  # credentials, connection, opening events, answer's headers
    gather_ms: int = 2  # what all sessions send within this leaves in one go; 0: one turn of the event loop
    use_sdk_path: bool = False  # the SDK's own framing, send and receive
    limits: SessionLimits = field(default_factory=SessionLimits)


@dataclass(frozen=True, slots=True)
class EngineStatistics:
    sessions: int
    connections: int
    streams: int
    opened: int  # so far
    refused: int  # so far: opens that failed
    condemned: int  # so far: connections given up because a stream on them hung
    reaped: int  # so far: sessions whose close hung


class NovaSonicEngine:
    def __init__(self, options: NovaSonicOptions | None = None) -> None:
        self._options = options or NovaSonicOptions()
        self._path = Once(self._make_path)
        self._sessions: set[SonicSession] = set()
        self._pulse: asyncio.TimerHandle | None = None
        self._opened = self._refused = self._reaped = 0

    async def open(self, spec: SessionSpec) -> SonicSession:
        """A warm session: it has its SYSTEM block and no history yet. Raises EngineError, within `open_ms`.

        One that is lost before it was answered is tried once more at once: a connection may have died, or been told
        to take no more, without our having heard of it."""
        try:
            async with asyncio.timeout(self._options.open_ms / 1000):
                try:
                    return await self._open(spec)
                except EngineError as error:
                    if error.failure is not Failure.LOST:
                        raise
                return await self._open(spec)
        except TimeoutError:
            self._refused += 1
            raise EngineError(Failure.TIMED_OUT, "no answer to the opening events") from None
        except EngineError:
            self._refused += 1
            raise

    async def _open(self, spec: SessionSpec) -> SonicSession:
        session = SonicSession(spec, self._options.limits, self._gone)
        path = await self._path.get()
        try:
            wire = await path.open(spec.where.region, spec.where.model, session)
            self._sessions.add(session)
            await session.opening(wire)
        except BaseException:
            session.start_closing()
            raise
        self._opened += 1
        self._start_pulse()
        return session

    async def _make_path(self) -> WirePath:
        options = self._options
        connections = ConnectionOptions(options.ca_file, options.streams_per_connection, options.connect_ms)
        if options.use_sdk_path:
            return await SdkPath.make(options.endpoint, connections)
        return await OwnPath.make(options.endpoint, connections, options.gather_ms)

    # --- the sessions' pulse ---

    def _start_pulse(self) -> None:
        if self._pulse is None:
            self._pulse = asyncio.get_running_loop().call_later(PULSE_S, self._beat)

    def _beat(self) -> None:
        self._pulse = None
        now_ms = int(asyncio.get_running_loop().time() * 1000)
        for session in tuple(self._sessions):
            session.check(now_ms)
        if self._sessions:
            self._start_pulse()

    def _gone(self, session: SonicSession) -> None:
        self._sessions.discard(session)
        if session.abandoned:
            self._reaped += 1
            log.warning("model session did not end in time", region=session.key.region)

    # --- what the house asks ---

    def statistics(self) -> EngineStatistics:
        path = self._path.made()
        counts = path.counts() if path else {"connections": 0, "streams": 0, "condemned": 0}
        return EngineStatistics(
            sessions=len(self._sessions), opened=self._opened, refused=self._refused, reaped=self._reaped, **counts
        )

    async def close(self) -> None:
        """Close every session, then every connection. Returns within some five seconds."""
        closing = [asyncio.create_task(session.close()) for session in self._sessions]
        if closing:
            await asyncio.wait(closing)
        if self._pulse is not None:
            self._pulse.cancel()
            self._pulse = None
        if path := await self._path.stop():
            await path.close()
