"""Traces by OpenTelemetry: spans for a call, its turns, its tools and the sessions it is lent.

A span is made when what it tells of is over, from the measures that meters are fed with: a few for each turn, none for
a frame. The SDK's own thread sends them, and OTEL_* variables say where and how many. A call's trace id comes from its
CallSid, so that the spans of every process that had the call stand together.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

from app.call import commands as c
from app.call.events import Failure, Outcome, ToolAnswered
from app.call.prices import TOKEN_KINDS, Usage
from app.call.setup import CallFacts

CLOSE_S = 3.0
NS = 1_000_000  # in a ms

type Value = str | bool | int | float


def trace_id(call_sid: str) -> int:
    """The same in every process."""
    return int.from_bytes(blake2b(call_sid.encode(), digest_size=16).digest()) or 1


class _CallIds(RandomIdGenerator):
    """Root spans are begun with `of` set."""

    of = 0

    def generate_trace_id(self) -> int:
        return self.of


class OtlpTracing:
    def __init__(self, now_ms: Callable[[], int], process: str) -> None:
        self._now_ms = now_ms
        self._ids = _CallIds()
        named: dict[str, str] = {"service.instance.id": process}
        if "OTEL_SERVICE_NAME" not in os.environ and "service.name=" not in os.environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        ):
            named["service.name"] = "offhook"
        self._provider = TracerProvider(resource=Resource.create(named), id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("offhook")

    def call(self, facts: CallFacts, resumed: bool) -> "OtlpCall":
        self._ids.of = trace_id(facts.call_sid)
        root = self._tracer.start_span(
            "call",
            context=Context(),
            attributes={
                "offhook.call": facts.call_sid,
                "offhook.agent": facts.agent,
                "offhook.edition": facts.edition,
                "offhook.language": facts.language,
                "offhook.resumed": resumed,
            },
        )
        return OtlpCall(self, root)

    def span(self, parent: Context, name: str, began_ms: int, attributes: Mapping[str, Value]) -> Span:
        """One that began then, in machine time."""
        return self._tracer.start_span(name, context=parent, start_time=self.wall_ns(began_ms), attributes=attributes)

    def wall_ns(self, at_ms: int) -> int:
        """Machine time as Unix time."""
        return time.time_ns() - (self._now_ms() - at_ms) * NS

    def now_ms(self) -> int:
        return self._now_ms()

    async def aclose(self) -> None:
        """A receiver that hangs must not keep the process: its thread is left behind."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

        Thread(target=shut_down, name="last traces", daemon=True).start()
        try:
            async with asyncio.timeout(CLOSE_S):
                await done.wait()
        except TimeoutError:
            return


class OtlpCall:
    def __init__(self, tracing: OtlpTracing, root: Span) -> None:
        self._tracing = tracing
        self._root = root
        self._context = set_span_in_context(root, Context())

    def turn(self, turn: c.TurnMeasured) -> None:
        """From the caller's last sound to our first frame; what came between as events."""
        seen = turn.parts
        ended = max(seen.values(), default=self._tracing.now_ms())
        began = turn.caller_stopped_ms if turn.caller_stopped_ms is not None else min(seen.values(), default=ended)
        lengths = {f"offhook.{part}_ms": at - began for part, at in seen.items()}
        told: dict[str, Value] = {"offhook.turn": turn.turn, "offhook.answered_by": turn.answered_by, **lengths}
        span = self._span("turn", began, told)
        for part, at in sorted(seen.items(), key=lambda item: item[1]):
            span.add_event(part, timestamp=self._tracing.wall_ns(at))
        span.end(self._tracing.wall_ns(ended))

    def hold(self, hold: c.BargeInMeasured) -> None:
        told: dict[str, Value] = {"offhook.outcome": hold.outcome, "offhook.cut_ms": hold.cut_ms}
        self._past("hold", hold.held_ms, told)

    def event(self, name: str) -> None:
        self._root.add_event(name)

    def tool(self, answered: ToolAnswered, effects: bool) -> None:
        told: dict[str, Value] = {
            "offhook.tool": answered.name,
            "offhook.outcome": str(answered.outcome),
            "offhook.effects": effects,
        }
        self._past("tool", answered.ms, told, failed=answered.outcome not in (Outcome.OK, Outcome.REFUSED))

    def lend(self, model: str, took_ms: int, cold: bool, failure: Failure | None = None) -> None:
        told: dict[str, Value] = {"offhook.model": model, "offhook.cold": cold}
        if failure is not None:
            told["offhook.failure"] = str(failure)
        self._past("lend", took_ms, told, failed=failure is not None)

    def spent(self, spent: c.CallSpent) -> None:
        total = sum(spent.tokens.values(), Usage())
        for kind in TOKEN_KINDS:
            self._root.set_attribute(f"offhook.tokens.{kind}", total.of(kind))
        for what, amount in spent.bill.parts.items():
            if amount is not None:
                self._root.set_attribute(f"offhook.money.{what}", float(amount))

    def end(self, disposition: str) -> None:
        if self._root.is_recording():
            self._root.set_attribute("offhook.disposition", disposition)
            self._root.end()

    def _past(self, name: str, took_ms: int, told: Mapping[str, Value], failed: bool = False) -> None:
        """What took so long until now."""
        span = self._span(name, self._tracing.now_ms() - took_ms, told)
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def _span(self, name: str, began_ms: int, told: Mapping[str, Value]) -> Span:
        return self._tracing.span(self._context, name, began_ms, told)
