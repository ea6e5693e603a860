"""Where sessions are opened: at the first endpoint that is not known to be down.

An **endpoint** is a model in a region. Each spec names its own; the deployment may name others to fall back on
(NOVA_SONIC_FALLBACKS). After some failed openings in a row an endpoint is left alone by everybody, calls and pool: no
caller finds out again, at the cost of seconds, what the process knows. From then on a **probe** alone asks it, now and
then; the first one that is answered opens the endpoint to all.

Openings that were under way together and fail together are one failure: a lost connection is no lost endpoint. Nor is
an endpoint down that refuses for want of quota, or because of what we sent.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from app.call.breaker import Breaker, BreakerLimits
from app.call.events import Failure
from app.engines.engine import Endpoint, Engine, EngineError, Session, SessionSpec

log = structlog.get_logger()

OURS = {Failure.BAD_INPUT, Failure.HISTORY_TOO_LONG, Failure.FILTERED}  # the same anywhere
NOT_DOWN = OURS | {Failure.THROTTLED}


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    fallbacks: Sequence[Endpoint] = ()  # in the order in which they are tried
    breaker: BreakerLimits = field(default_factory=lambda: BreakerLimits(failures=3, window_ms=60_000, open_ms=15_000))
    patience_ms: int = 2_500  # for one endpoint while another is left to try: a caller may be waiting for both


class Gate:
    """One endpoint's breaker, and what was last asked of it."""

    def __init__(self, limits: BreakerLimits) -> None:
        self.breaker = Breaker(limits)
        self.failed_ms = -1
        self.spec: SessionSpec | None = None
        self.probing: asyncio.Task[None] | None = None


class Endpoints:
    """An `Engine` over another one. `recovered` is called when a probe has found an endpoint well again."""

    def __init__(self, engine: Engine, options: EndpointOptions, clock: Callable[[], int]) -> None:
        self.recovered: Callable[[], None] = lambda: None
        self._engine = engine
        self._options = options
        self._clock = clock
        self._gates: dict[Endpoint, Gate] = {}

    async def open(self, spec: SessionSpec) -> Session:
        """Raises `EngineError`: the last endpoint's, or UNAVAILABLE at once where all are known to be down."""
        open_gates = [where for where in self._ways(spec) if not self._gate(where).breaker.open]
        error = EngineError(Failure.UNAVAILABLE, "every endpoint is known to be down")
        for where in open_gates:
            try:
                return await self._open_at(where, spec, patient=where == open_gates[-1])
            except EngineError as refused:
                error = refused
                if error.failure in OURS:
                    break
        raise error

    async def close(self) -> None:
        """No more probes. The engine belongs to whoever gave it."""
        probes = [gate.probing for gate in self._gates.values() if gate.probing is not None]
        for probe in probes:
            probe.cancel()
        if probes:
            await asyncio.wait(probes)

    def down(self) -> Mapping[str, bool]:
        """Each endpoint that was ever asked, and whether it is left alone."""
        return {str(where): gate.breaker.open for where, gate in self._gates.items()}

    # --- one opening ----------------------------------------------------------------------------------------------

    def _ways(self, spec: SessionSpec) -> list[Endpoint]:
        return list(dict.fromkeys((spec.where, *self._options.fallbacks)))

    def _gate(self, where: Endpoint) -> Gate:
        return self._gates.setdefault(where, Gate(self._options.breaker))

    async def _open_at(self, where: Endpoint, spec: SessionSpec, patient: bool) -> Session:
        gate, began_ms = self._gate(where), self._clock()
        gate.spec = replace(spec, at=where)
        try:
            async with asyncio.timeout(None if patient else self._options.patience_ms / 1000):
                session = await self._engine.open(gate.spec)
        except TimeoutError:
            self._failed(where, Failure.TIMED_OUT, began_ms)
            raise EngineError(Failure.TIMED_OUT, "the next endpoint is asked") from None
        except EngineError as error:
            self._failed(where, error.failure, began_ms)
            raise
        if not gate.breaker.open:
            gate.breaker.succeeded()
        return session

    def _failed(self, where: Endpoint, failure: Failure, began_ms: int) -> None:
        gate, now = self._gate(where), self._clock()
        if failure in NOT_DOWN or began_ms < gate.failed_ms:
            return
        gate.failed_ms = now
        if gate.breaker.failed(now):
            log.error("! an endpoint is down and left alone", endpoint=str(where), failure=failure)
            gate.probing = asyncio.create_task(self._probe(where, gate), name=f"probe {where}")

    # --- the probe ------------------------------------------------------------------------------------------------

    async def _probe(self, where: Endpoint, gate: Gate) -> None:
        while gate.breaker.open:
            await asyncio.sleep(self._options.breaker.open_ms / 1000)
            if gate.breaker.admits(self._clock()) and await self._answers(gate):
                gate.breaker.succeeded()
        gate.probing = None
        log.info("= an endpoint is well again", endpoint=str(where))
        self.recovered()

    async def _answers(self, gate: Gate) -> bool:
        assert gate.spec is not None, "an endpoint that failed was asked for something"
        try:
            session = await self._engine.open(gate.spec)
        except EngineError as error:
            return error.failure in NOT_DOWN or self._still_down(gate)
        except Exception:
            log.exception("! the engine broke its contract at a probe")
            return self._still_down(gate)
        await session.close()
        return True

    def _still_down(self, gate: Gate) -> bool:
        gate.breaker.failed(self._clock())
        return False
