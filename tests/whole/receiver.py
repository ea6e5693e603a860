"""A receiver of OTLP over HTTP: decodes what a process says of itself, and knows nothing of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.simulator.twilio.bot import free_port, listening


@dataclass
class Receiver:
    endpoint: str = ""
    spans: list[Span] = field(default_factory=list)
    resources: list[Mapping[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    async def take(self, request: Request) -> Response:
        document = ExportTraceServiceRequest.FromString(await request.body())
        self.headers.append(dict(request.headers))
        for of_resource in document.resource_spans:
            self.resources.append({one.key: one.value.string_value for one in of_resource.resource.attributes})
            for of_scope in of_resource.scope_spans:
                self.spans += of_scope.spans
        return Response(b"", media_type="application/x-protobuf")


def told(span: Span) -> dict[str, object]:
    """A span's attributes."""
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes}


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    found, listener = Receiver(), free_port()
    found.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = Starlette(routes=[Route("/v1/traces", found.take, methods=["POST"])])
    async with listening(app, listener):
        yield found
