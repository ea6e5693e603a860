"""Traces are recorded where the SDK's own variables ask for them, and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.metrics.trace import NoTracing, open_tracing

RECEIVER = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("variables", "recorded"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": RECEIVER}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{RECEIVER}/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": RECEIVER, "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": RECEIVER, "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
async def test_traces_are_recorded_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], recorded: bool
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tracing = open_tracing(lambda: 0, "p")
    await tracing.aclose()
    assert isinstance(tracing, NoTracing) is not recorded


def test_a_server_without_traces_imports_nothing_for_them() -> None:
    code = (
        "import sys, app.assembly; print([name for name in sys.modules if name.startswith('opentelemetry.exporter')])"
    )
    env = {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
