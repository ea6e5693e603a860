"""A call as a trace, as the bridge tells of it. Nothing of OpenTelemetry here: where nobody asks for traces, nothing of
it is imported and each word costs an empty method.
"""

import os
from collections.abc import Callable
from typing import Protocol

from app.call import commands as c
from app.call.events import Failure, ToolAnswered
from app.call.setup import CallFacts


class CallTrace(Protocol):
    """One call in one process. Told what has happened, and when it is over; none of it waits. Nothing told here holds
    a caller's words or number."""

    def turn(self, turn: c.TurnMeasured) -> None: ...

    def hold(self, hold: c.BargeInMeasured) -> None: ...

    def event(self, name: str) -> None: ...

    def tool(self, answered: ToolAnswered, effects: bool) -> None: ...

    def lend(self, model: str, took_ms: int, cold: bool, failure: Failure | None = None) -> None: ...

    def spent(self, spent: c.CallSpent) -> None: ...

    def end(self, disposition: str) -> None:
        """The call is over here. What is told afterwards is not recorded."""
        ...


class NoTrace:
    """Records nothing."""

    def turn(self, turn: c.TurnMeasured) -> None: ...

    def hold(self, hold: c.BargeInMeasured) -> None: ...

    def event(self, name: str) -> None: ...

    def tool(self, answered: ToolAnswered, effects: bool) -> None: ...

    def lend(self, model: str, took_ms: int, cold: bool, failure: Failure | None = None) -> None: ...

    def spent(self, spent: c.CallSpent) -> None: ...

    def end(self, disposition: str) -> None: ...


class Tracing(Protocol):
    """One for each process."""

    def call(self, facts: CallFacts, resumed: bool) -> CallTrace: ...

    async def aclose(self) -> None:
        """Send what waits, for a few seconds at most."""
        ...


class NoTracing:
    def call(self, facts: CallFacts, resumed: bool) -> CallTrace:
        return NoTrace()

    async def aclose(self) -> None: ...


def open_tracing(now_ms: Callable[[], int], process: str) -> Tracing:
    """As the SDK's own variables have it: traces are recorded where OTEL_EXPORTER_OTLP_ENDPOINT (or the one for traces)
    names a receiver of OTLP over HTTP, unless OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER=none say otherwise."""
    given = os.environ.get
    endpoint = given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or given("OTEL_EXPORTER_OTLP_ENDPOINT")
    disabled = given("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if not endpoint or disabled or given("OTEL_TRACES_EXPORTER", "otlp").strip().lower() != "otlp":
        return NoTracing()
    from app.metrics.spans import OtlpTracing  # takes a fifth of a second and some MB

    return OtlpTracing(now_ms, process)
